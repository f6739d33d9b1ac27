/** Threads and processes of a pipeline are ended at random moments, and its result is the same. */
import { assert, describe, it } from "@effect/vitest"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import type { ChildProcess } from "node:child_process"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { once } from "node:events"
import type { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { doomed, orders, summaryOf } from "./mortal.ts"

const module = new URL("./mortal.ts", import.meta.url)
const seed = Number(process.env.CHAOS_SEED ?? (Math.random() * 2 ** 31) | 0)
const full = process.env.CHAOS === "full"
const mostKills = full ? 100 : 10

/** Mulberry32. */
const dice = (from: number) => {
  let state = from | 0
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A place of a subtask that can be ended at once. */
type Victim = () => Promise<unknown>

interface Place {
  readonly name: string
  readonly layer: ReturnType<typeof NodePipelines.layerThreads>
  /** Tells of each that is started from now on, until what it gives is called. */
  readonly watch: (born: (victim: Victim, ended: Promise<unknown>) => void) => () => void
}

const threads: Place = {
  name: "threads",
  layer: NodePipelines.layerThreads(module),
  watch: (born) => {
    const listener = (worker: Worker) => born(() => worker.terminate(), once(worker, "exit"))
    process.on("worker", listener)
    return () => process.off("worker", listener)
  }
}

const processes: Place = {
  name: "processes",
  layer: NodePipelines.layerProcesses(module),
  watch: (born) => {
    const listener = (message: unknown) => {
      const { process: child } = message as { readonly process: ChildProcess }
      const ended = once(child, "exit")
      born(() => (child.kill("SIGKILL"), ended), ended)
    }
    subscribe("child_process", listener)
    return () => unsubscribe("child_process", listener)
  }
}

/** Those that are alive, of those started from now on. */
const watching = ({ watch }: Place) =>
  Effect.gen(function* () {
    const alive = new Set<Victim>()
    const stop = watch((victim, ended) => {
      alive.add(victim)
      void ended.then(() => alive.delete(victim))
    })
    yield* Effect.addFinalizer(() => Effect.sync(stop))
    return alive
  })

/** Ends a random one of them, again and again; counts how often. */
const killing = Effect.fnUntraced(function* (alive: Set<Victim>) {
  const roll = dice(seed)
  let kills = 0
  const kill = Effect.gen(function* () {
    yield* Effect.sleep(60 + 200 * roll())
    const victim = [...alive][Math.floor(roll() * alive.size)]
    if (victim === undefined) return
    alive.delete(victim)
    kills++
    yield* Effect.promise(victim)
  })
  // Not for ever: those that start one after the other share few processors, and must get somewhere.
  yield* Effect.forkScoped(Effect.repeat(kill, { times: mostKills - 1 }))
  return () => kills
})

const supervision = (every: number) =>
  Supervision.restart(Schedule.spaced("1 millis"), {
    intensity: { restarts: 1000, within: "10 seconds" },
    snapshots: { every, within: "5 millis" }
  })

describe.each([threads, processes])("$name of a pipeline that are killed", (place) => {
  for (const [count, every] of full
    ? [
        [3_000_000, 1024],
        [3_000_000, 65_536]
      ]
    : [[400_000, 4096]]) {
    it.live(
      `change nothing in its result (${count} elements, snapshots every ${every})`,
      () =>
        Effect.gen(function* () {
          const pipeline = orders(Stream.empty, { count, parallelism: 2 })
          const expected = summaryOf(yield* Stream.runCollect(pipeline))
          assert.isAbove(expected.orders.length, 5000)
          const alive = yield* watching(place)
          const { output } = yield* Effect.provide(
            Pipeline.run(Pipeline.supervised(supervision(every))(pipeline)),
            place.layer
          )
          const kills = yield* killing(alive)
          const all = summaryOf(yield* Stream.runCollect(output))
          console.log(`seed ${seed}: ${kills()} kills, ${all.orders.length} results`)
          assert.isAbove(kills(), 2)
          assert.deepStrictEqual(all, expected)
        }).pipe(Effect.scoped),
      full ? 300_000 : 60_000
    )
  }

  it.live("end it when restarts do not help", () =>
    Effect.gen(function* () {
      const failure = yield* doomed(Stream.empty).pipe(
        Pipeline.supervised(
          Supervision.restart(Schedule.spaced("1 millis"), { intensity: { restarts: 2, within: "1 minute" } })
        ),
        Stream.runDrain,
        Effect.provide(place.layer),
        Effect.flip
      )
      assert.instanceOf(failure, Pipeline.PipelineFailed)
      assert.strictEqual(failure.stage, "deadly")
      assert.match(failure.detail, /exited with code 9/)
    })
  )
})
