/**
 * Runs a pipeline by hand: elements and watermarks are fed, a virtual clock is advanced, outputs are
 * read. No thread, no timer, no queue: everything that follows from a step has happened when the step
 * is over, in an order that only `seed` changes.
 *
 * The subtasks are the same objects that run on fibers and threads, with the pipeline's own
 * parallelism. Streams at its beginning are not run: they are what is fed. A stage that limits a rate
 * does not wait, but advances the clock.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { InvalidConfig } from "../errors/Errors.ts"
import { noTime } from "./Operator.ts"
import { type PipelineFailed, toFailed } from "./PipelineFailed.ts"
import type { Pipeline, PipelineError } from "./PipelineStream.ts"
import { type Chain, inputCount, make as makePlan, nameOf, type Plan } from "./plan/Plan.ts"
import { type Frame } from "./runtime/Frame.ts"
import { Subtask, type SubtaskSnapshot } from "./runtime/Subtask.ts"
import type { SubtaskStats } from "./runtime/SubtaskStats.ts"
import { decode, PlainWriter } from "./state/Plain.ts"

/**
 * A pipeline in hand. `source` names a source, which only a pipeline with several needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface PipelineTest<out A> {
  /** Feeds elements to a source; to its subtasks in turn, if it has several. */
  readonly feed: (elements: ReadonlyArray<unknown>, source?: string) => Effect.Effect<void, PipelineFailed>
  /** Feeds elements that have an event time already. */
  readonly feedAt: (
    elements: ReadonlyArray<readonly [time: number, element: unknown]>,
    source?: string
  ) => Effect.Effect<void, PipelineFailed>
  /** Says that event time has come to `time` at a source. */
  readonly watermark: (time: number, source?: string) => Effect.Effect<void, PipelineFailed>
  /** Says that a source has nothing for now. */
  readonly idle: (source?: string) => Effect.Effect<void, PipelineFailed>
  /** Ends a source; all of them if it is not named. */
  readonly end: (source?: string) => Effect.Effect<void, PipelineFailed>
  /** Advances processing time. */
  readonly advance: (duration: DurationInput) => Effect.Effect<void, PipelineFailed>
  /**
   * Replaces every subtask by a successor that begins with its snapshot, as after a death; what is
   * under way stays under way. Stages of kind `stream` begin anew.
   */
  readonly restart: Effect.Effect<void, PipelineFailed>
  /** What has come out since this was last asked. */
  readonly output: Effect.Effect<ReadonlyArray<A>>
  /** Whether the output has ended. */
  readonly ended: Effect.Effect<boolean>
  readonly stats: Effect.Effect<ReadonlyArray<SubtaskStats>>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Chooses among the orders in which frames of different senders may arrive; as they were sent if absent. */
  readonly seed?: number | undefined
  /** Elements of a batch. */
  readonly batchSize?: number | undefined
  /** Processing time at the start, in milliseconds since the epoch; 0 if absent. */
  readonly startAt?: number | undefined
}

/** Frames from one sender, which stay in order. */
interface Lane {
  readonly to: { readonly chain: Chain; readonly index: number } | undefined
  readonly frames: Array<Frame>
}

/** Mulberry32 (Tommy Ettinger, public domain): the next number in [0, 1). */
const random = (seed: number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

class Network {
  readonly subtasks = new Map<Chain, ReadonlyArray<Subtask>>()
  readonly results: Array<unknown> = []
  open: number
  time: number
  private readonly lanes = new Map<string, Lane>()
  private readonly busy: Array<Lane> = []
  private readonly choose: (count: number) => number
  private readonly turns = new Map<Chain, number>()
  private slept = false

  constructor(plan: Plan, options: Options) {
    this.open = inputCount([plan.result])
    this.time = options.startAt ?? 0
    const next = options.seed === undefined ? undefined : random(options.seed)
    this.choose = (count) => (next === undefined ? 0 : Math.floor(next() * count))
  }

  get all(): ReadonlyArray<Subtask> {
    return [...this.subtasks.values()].flat()
  }

  private laneOf(to: Subtask | undefined, from: number): Lane {
    const id = `${to?.chain.id ?? "output"}/${to?.index ?? 0}/${from}`
    let lane = this.lanes.get(id)
    if (lane === undefined) this.lanes.set(id, (lane = { to, frames: [] }))
    return lane
  }

  put(to: Subtask | undefined, frame: Frame): void {
    const lane = this.laneOf(to, frame.from)
    lane.frames.push(frame)
    // A lane is listed once for each of its frames, so that without a seed they come as they were sent.
    this.busy.push(lane)
  }

  collect(subtask: Subtask): void {
    subtask.flush()
    for (const outlet of subtask.outlets) {
      outlet.waiting = 0
      for (const [target, frames] of outlet.ready.entries()) {
        const to = outlet.edge.to === undefined ? undefined : this.subtasks.get(outlet.edge.to)![target]
        for (const frame of frames.splice(0)) this.put(to, frame)
      }
    }
  }

  /** Waits at once: time has passed then, and what was due meanwhile comes after what waited. */
  readonly sleep = (millis: number): Effect.Effect<void> =>
    Effect.sync(() => {
      this.time += millis
      this.slept = true
    })

  /** Delivers frames until there are none. */
  readonly settle: Effect.Effect<void, PipelineFailed> = Effect.gen({ self: this }, function* () {
    while (this.busy.length > 0) {
      const [{ frames, to }] = this.busy.splice(this.choose(this.busy.length), 1)
      const frame = frames.shift()!
      if (to !== undefined) {
        const subtask = this.subtasks.get(to.chain)![to.index]
        const work = subtask.accept(frame)
        if (work !== undefined) yield* work
        this.collect(subtask)
      } else if (frame._tag === "Watermark") {
        if (frame.time === Infinity) this.open--
      } else if (frame._tag !== "Idle") {
        for (const value of frame.values) this.results.push(value)
      }
    }
    if (!this.slept) return
    this.slept = false
    yield* this.advance(0)
  })

  advance(millis: number): Effect.Effect<void, PipelineFailed> {
    return Effect.gen({ self: this }, function* () {
      const until = this.time + millis
      for (;;) {
        const subtask = this.all.reduce((first, other) => (other.due < first.due ? other : first))
        if (subtask.due > until) break
        this.time = Math.max(this.time, subtask.due)
        const work = subtask.clock(this.time)
        if (work !== undefined) yield* work
        this.collect(subtask)
        yield* this.settle
      }
      this.time = until
    })
  }

  /** The subtask of a source whose turn it is. */
  turnOf(chain: Chain): Subtask {
    const turn = this.turns.get(chain) ?? 0
    this.turns.set(chain, (turn + 1) % chain.parallelism)
    return this.subtasks.get(chain)![turn]
  }
}

/**
 * Takes a pipeline in hand.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <A, E, R, Side>(
  pipeline: Pipeline<A, E, R, Side>,
  options: Options = {}
): Effect.fn.Return<PipelineTest<A>, PipelineError, R | Scope.Scope> {
  const plan = yield* Effect.fromResult(makePlan(pipeline.node, pipeline.output, true))
  const network = new Network(plan, options)
  const scope = yield* Effect.scope
  const context = yield* Effect.context<never>()
  const { batchSize } = options
  const surroundings = { scope, context, batchSize, now: () => network.time, sleep: network.sleep }
  for (const chain of plan.chains) {
    const own = yield* Effect.try({
      try: () => Array.from({ length: chain.parallelism }, (_, index) => new Subtask(chain, index, surroundings)),
      catch: toFailed(chain.nodes[0].name)
    })
    network.subtasks.set(chain, own)
  }
  const writer = new PlainWriter()
  const successorOf = (subtask: Subtask): Effect.Effect<Subtask, PipelineFailed> =>
    Effect.try({
      try: () => {
        const successor = new Subtask(subtask.chain, subtask.index, surroundings)
        successor.restore(decode(writer.encode(subtask.snapshot())) as SubtaskSnapshot)
        return successor
      },
      catch: toFailed(nameOf(subtask.chain))
    })
  const restart = Effect.forEach(
    network.subtasks,
    ([chain, own]) =>
      Effect.map(Effect.forEach(own, successorOf), (successors) => network.subtasks.set(chain, successors)),
    { discard: true }
  )
  const sources = plan.chains.filter((chain) => chain.inputs.length === 0)
  const find = (name: string | undefined): Effect.Effect<Chain, never> => {
    const found = name === undefined ? sources[0] : sources.find((chain) => chain.nodes[0].name === name)
    const allowed = `one of ${sources.map((chain) => chain.nodes[0].name).join(", ")}`
    return found === undefined || (name === undefined && sources.length > 1)
      ? Effect.die(new InvalidConfig({ option: "PipelineTest.source", value: name, allowed }))
      : Effect.succeed(found)
  }
  const control = (name: string | undefined, frame: Frame) =>
    Effect.flatMap(find(name), (chain) => {
      for (const subtask of network.subtasks.get(chain)!) network.put(subtask, frame)
      return network.settle
    })
  const feedAt = (elements: ReadonlyArray<readonly [time: number, element: unknown]>, source?: string) =>
    Effect.flatMap(find(source), (chain) => {
      const size = options.batchSize ?? elements.length
      for (let at = 0; at < elements.length; at += size) {
        const batch = elements.slice(at, at + size)
        network.put(network.turnOf(chain), {
          _tag: "Data0",
          from: 0,
          times: batch.map(([time]) => time),
          values: batch.map(([, element]) => element)
        })
      }
      return network.settle
    })
  const end = (source?: string): Effect.Effect<void, PipelineFailed> =>
    source === undefined
      ? Effect.forEach(sources, (chain) => end(chain.nodes[0].name), { discard: true })
      : control(source, { _tag: "Watermark", from: 0, time: Infinity })
  return {
    feed: (elements, source) =>
      feedAt(
        elements.map((element) => [noTime, element]),
        source
      ),
    feedAt,
    watermark: (time, source) => control(source, { _tag: "Watermark", from: 0, time }),
    idle: (source) => control(source, { _tag: "Idle", from: 0, idle: true }),
    end,
    restart,
    advance: (duration) => network.advance(toMillis(duration)),
    output: Effect.sync(() => network.results.splice(0) as Array<A>),
    ended: Effect.sync(() => network.open === 0),
    stats: Effect.sync(() => network.all.map(({ stats }) => stats))
  }
})
