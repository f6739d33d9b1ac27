/**
 * Pipelines on workers: a worker for each subtask, wherever the backend of workers runs them. The
 * thread that runs the pipeline feeds the sources that are streams, and reads the output.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as SharedChannel from "../../channel/SharedChannel.ts"
import { InvalidConfig, WorkerNotRunning, WorkerPanicked } from "../../errors/Errors.ts"
import * as WorkerPool from "../../pool/WorkerPool.ts"
import * as Ledger from "../../worker/ties/Ledger.ts"
import type { Ties } from "../../worker/ties/Ties.ts"
import { Workers } from "../../worker/Workers.ts"
import { PipelineFailed, toFailed } from "../PipelineFailed.ts"
import { text } from "../plan/explain.ts"
import { type Chain, inputCount, nameOf, targets } from "../plan/Plan.ts"
import { localWithin, slotsOf } from "../plan/slots.ts"
import type { Backend } from "./Backend.ts"
import * as Channels from "./channels.ts"
import type { Frame } from "./Frame.ts"
import { pullOutput } from "./output.ts"
import type { Launch, Running } from "./Running.ts"
import { runSubtask, type Send } from "./runSubtask.ts"
import { receiveSource } from "./sources.ts"
import { Subtask } from "./Subtask.ts"
import { sendTo } from "./sending.ts"
import { startUnder, toStartError } from "./starting.ts"
import { SubtaskWorker } from "./SubtaskWorker.ts"
import type { SubtaskStats } from "./SubtaskStats.ts"

/** How long a subtask may take to halt, in milliseconds, when its pipeline ends before its sources. */
const haltMillis = 5000

/** Elements, and time, after which a large state is saved. */
const defaultSnapshots = { every: 65_536, within: "50 millis" } as const

const nameOfSlot = (slot: ReadonlyArray<Chain>): string => slot.map(nameOf).join(", ")

const targetsOf = (chain: Chain): number => chain.outputs.reduce((sum, edge) => sum + targets(edge), 0)

/**
 * The backend that runs subtasks on the workers at hand, which load `module`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (module: string): Effect.Effect<Backend, never, Workers> =>
  Effect.map(Workers, (workers) => ({
    isolation: workers.isolation,
    launch: (request) => Effect.provideService(launch(module, request), Workers, workers)
  }))

const launch = Effect.fnUntraced(function* (
  module: string,
  { definedAs, plan, supervision }: Launch
): Effect.fn.Return<Running, InvalidConfig | PipelineFailed, Scope.Scope | Workers> {
  if (definedAs === undefined) {
    return yield* new InvalidConfig({
      option: "pipeline",
      value: plan.chains.map(nameOf).join(", "),
      allowed: `one that Pipeline.define made in ${module}, and nothing added: other threads have to find it there`
    })
  }
  const saving = supervision?.measures.some(({ _tag }) => _tag === "Restart") === true
  const { every, within } = supervision?.snapshots ?? defaultSnapshots
  const { isolation } = yield* Workers
  const onProcesses = isolation === "process"
  // The ends of a process that died are let go for its successor, but not yet those of its mates.
  const slots = saving && onProcesses ? plan.chains.map((chain): ReadonlyArray<Chain> => [chain]) : slotsOf(plan)
  // What is saved goes through lanes, for it outlives those who sent it, also where they share a thread.
  const isLocal = saving ? () => false : localWithin(slots)
  const channels = yield* Channels.make(plan, saving, isLocal)
  if (onProcesses) yield* Channels.checkUnshared(plan, isLocal)
  const result = yield* Queue.bounded<Frame, unknown>(4)
  const failWith = <A, E>(run: Effect.Effect<A, E>) =>
    Effect.forkScoped(Effect.catchCause(run, (cause) => Queue.failCause(result, cause)))

  const output = yield* SharedChannel.attachReceiver(Channels.schemaOfEdge(plan.result), channels.result)
  const subtasks: Array<Effect.Effect<ReadonlyArray<SubtaskStats>, unknown>> = []
  const begin: Array<Effect.Effect<unknown, never, Scope.Scope>> = []

  const tiesOf = Effect.fnUntraced(function* (chain: Chain, index: number) {
    return {
      _tag: "Ties" as const,
      mailbox: channels.mailbox(chain, index),
      outlets: yield* channels.outlets(chain, index),
      // A lane more than there are inputs: the first place of a channel stays free.
      ledger: saving ? Ledger.make(inputCount(chain.inputs) + 1, targetsOf(chain), every, toMillis(within)) : null
    }
  })

  const startWorker = Effect.fnUntraced(function* (slot: ReadonlyArray<Chain>, index: number) {
    const [chain] = slot
    const slotName = nameOfSlot(slot)
    const name = `${slotName}/${index}`
    const mates: Array<{ readonly chain: number; readonly ties: Ties<Frame> }> = []
    for (const mate of slot.slice(1)) mates.push({ chain: mate.id, ties: yield* tiesOf(mate, index) })
    const startPool = WorkerPool.make(SubtaskWorker, {
      size: 1,
      maxSize: 1,
      clients: 0,
      capacity: 256,
      name,
      shutdownTimeout: haltMillis,
      supervision,
      initData: {
        module,
        name: definedAs.name,
        args: definedAs.args,
        plan: text(plan),
        chain: chain.id,
        index,
        ties: yield* tiesOf(chain, index),
        mates
      }
    })
    const pool = yield* startUnder(supervision, name, startPool)
    // Runs before the pool's own finalizer, which waits for what runs.
    yield* Effect.addFinalizer(() => Effect.ignore(pool.ask("halt", "Halt", undefined, { timeout: haltMillis })))
    const readers = yield* Effect.forEach(slot, (one) => {
      const mailbox = channels.mailbox(one, index)
      return mailbox === null ? Effect.undefined : SharedChannel.statsReader(mailbox)
    })
    const inspect = Effect.map(pool.ask("inspect", "Inspect", undefined), (all) =>
      all.map((stats, at) => ({ ...stats, depth: stats.depth + (readers[at]?.read().depth ?? 0) }))
    )
    subtasks.push(inspect)
    let last: unknown
    const asked = Effect.catchIf(
      pool.ask("run", "Run", undefined),
      // The death of a worker that has a successor, which is asked anew. A failure of a stage is no death.
      (error) => saving && error instanceof WorkerPanicked && !(error instanceof PipelineFailed),
      (death) => {
        last = death
        return Effect.succeed(false)
      }
    )
    const run: Effect.Effect<void, unknown> = Effect.flatMap(asked, (over) => (over ? Effect.void : run))
    const whyNot = (error: unknown) => (error instanceof WorkerNotRunning ? (last ?? error) : error)
    begin.push(
      failWith(Effect.mapError(Effect.raceFirst(run, pool.escalated), (error) => toFailed(slotName)(whyNot(error))))
    )
  })

  const startHere = Effect.fnUntraced(function* (chain: Chain) {
    const scope = yield* Effect.scope
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<never>()
    const now = () => clock.currentTimeMillisUnsafe()
    const subtask = new Subtask(chain, 0, { scope, context, now })
    const handles = yield* channels.outlets(chain, 0)
    const sends: Array<Array<Send>> = []
    for (const [at, edge] of chain.outputs.entries()) {
      const own: Array<Send> = []
      for (const handle of handles[at]) own.push(yield* sendTo(edge, handle))
      sends.push(own)
    }
    subtasks.push(Effect.sync(() => [subtask.stats]))
    begin.push(
      Effect.flatMap(receiveSource(chain, 0, context), (receive) => failWith(runSubtask(subtask, receive, sends, now)))
    )
  })

  yield* Effect.forEach(
    slots.flatMap((slot) => Array.from({ length: slot[0].parallelism }, (_, index) => ({ slot, index }))),
    ({ index, slot }) =>
      slot[0].atCaller ? startHere(slot[0]) : Effect.mapError(startWorker(slot, index), toStartError(nameOfSlot(slot))),
    { concurrency: "unbounded", discard: true }
  )
  // Everybody is there: now elements may flow.
  yield* Effect.forEach(begin, (start) => start, { discard: true })
  const forward: Effect.Effect<never, unknown> = Effect.forever(
    Effect.flatMap(output.receiveAll(), (frames) => Queue.offerAll(result, frames))
  )
  yield* failWith(forward)
  return {
    pull: pullOutput(plan.result, Queue.takeAll(result)),
    stats: Effect.map(
      Effect.forEach(subtasks, (inspect) => Effect.option(inspect), { concurrency: "unbounded" }),
      (all) =>
        all
          .flatMap((stats) => (stats._tag === "Some" ? stats.value : []))
          .sort((a, b) => a.chain - b.chain || a.index - b.index)
    )
  }
})
