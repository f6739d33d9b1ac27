/**
 * One of the parallel instances of a chain: takes frames, drives its stages, and leaves frames in
 * its outlets. Knows nothing of how frames come and go: that is its runner's business.
 *
 * A batch goes through stage by stage, and so does the watermark behind it.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { deadOutput, mainOutput } from "../Graph.ts"
import { Collector, Faults, type Operator, type Work } from "../Operator.ts"
import { toFailed } from "../PipelineFailed.ts"
import { type Chain, nameOf, portsOf } from "../plan/Plan.ts"
import type { Data, Frame } from "./Frame.ts"
import { defaultBatchSize, Outlet, type OutletSnapshot } from "./Outlet.ts"
import type { SubtaskStats } from "./SubtaskStats.ts"
import { Watermarks, type WatermarksSnapshot } from "./Watermarks.ts"

/**
 * What a runner gives its subtask.
 *
 * @category models
 * @since 0.1.0
 */
export interface Surroundings {
  readonly scope: Scope.Scope
  readonly context: Context.Context<never>
  readonly now: () => number
  /** `Effect.sleep` if absent. */
  readonly sleep?: ((millis: number) => Effect.Effect<void>) | undefined
  readonly batchSize?: number | undefined
}

/**
 * What a subtask hands on to its successor: plain data, if its operators' states are.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubtaskSnapshot {
  readonly watermarks: WatermarksSnapshot
  readonly left: ReadonlyArray<number>
  readonly done: boolean
  readonly received: number
  readonly saidIdle: boolean
  readonly stages: ReadonlyArray<{
    readonly passed: number
    readonly watermark: number
    readonly skipped: number
    readonly dead: number
    readonly state: unknown
  }>
  readonly outlets: ReadonlyArray<OutletSnapshot>
}

const then = (work: Work, next: () => Work): Work =>
  work === undefined ? next() : Effect.flatMap(work, () => next() ?? Effect.void)

class StageRun {
  readonly operator: Operator | undefined
  readonly out = new Collector()
  readonly sides = new Map<string, Collector>()
  readonly faults: Faults
  outlets: Array<Outlet> = []
  sideOutlets: Array<Outlet> = []
  passed = -Infinity
  constructor(chain: Chain, stage: number, index: number, surroundings: Surroundings, idle: (idle: boolean) => void) {
    const node = chain.nodes[stage]
    this.faults = new Faults(node.name, node.onError, node.retries, () => this.side(deadOutput))
    this.operator = node.make?.({
      stage: node.name,
      out: this.out,
      faults: this.faults,
      side: (name) => this.side(name),
      keyOf: (port) => {
        const route = node.inputs[port]?.route
        if (route?._tag === "keyBy") return route.key
        throw new Error(`stage ${node.name}: input ${port} is not keyed`)
      },
      now: surroundings.now,
      sleep: surroundings.sleep ?? Effect.sleep,
      index,
      parallelism: chain.parallelism,
      scope: surroundings.scope,
      context: surroundings.context,
      idle
    })
  }
  private side(name: string): Collector {
    let side = this.sides.get(name)
    if (side === undefined) this.sides.set(name, (side = new Collector()))
    return side
  }
}

export class Subtask {
  readonly chain: Chain
  readonly index: number
  readonly outlets: ReadonlyArray<Outlet>
  /** Whether all inputs have ended and everything was handed on. */
  done = false
  private readonly stages: ReadonlyArray<StageRun>
  private readonly watermarks: Watermarks
  private readonly ports: ReadonlyArray<number>
  private readonly left: Array<number>
  /** Elements taken. */
  received = 0
  private saidIdle = false
  private busyMillis = 0

  constructor(chain: Chain, index: number, surroundings: Surroundings) {
    this.chain = chain
    this.index = index
    // The subtask of a source has one input: the source itself.
    this.ports = chain.inputs.length === 0 ? [0] : portsOf(chain.inputs)
    this.watermarks = new Watermarks(this.ports.length)
    this.left = []
    for (const port of this.ports) this.left[port] = (this.left[port] ?? 0) + 1
    this.stages = chain.nodes.map(
      (_, stage) => new StageRun(chain, stage, index, surroundings, (idle) => this.tellIdle(idle))
    )
    this.outlets = chain.outputs.map((edge) => {
      const outlet = new Outlet(edge, index, surroundings.batchSize ?? defaultBatchSize)
      const stage = this.stages[edge.stage]
      ;(edge.output === mainOutput ? stage.outlets : stage.sideOutlets).push(outlet)
      return outlet
    })
  }

  /** The processing time at which `clock` wants to be called. */
  get due(): number {
    let due = Infinity
    for (const { operator } of this.stages) if (operator?.due !== undefined && operator.due < due) due = operator.due
    return due
  }

  /** How many frames wait to be sent. */
  get waiting(): number {
    let waiting = 0
    for (const outlet of this.outlets) waiting += outlet.waiting
    return waiting
  }

  /** Takes a frame from one of its inputs. */
  accept(frame: Frame): Work {
    return this.guard(() => {
      switch (frame._tag) {
        case "Watermark":
          return this.watermark(frame.from, frame.time)
        case "Idle":
          return this.idle(frame.from, frame.idle)
        default:
          return this.data(frame)
      }
    })
  }

  private data({ from, times, values }: Data): Work {
    this.received += values.length
    if (this.saidIdle) this.tellIdle(false)
    return this.batch(0, values, times, this.ports[from])
  }

  private watermark(input: number, time: number): Work {
    const further = this.watermarks.advance(input, time)
    let work: Work
    if (time === Infinity) {
      const port = this.ports[input]
      if (--this.left[port] === 0) {
        work = then(this.stages[0].operator?.onInputEnd?.(port), () => this.after(0))
      }
    }
    return further ? then(work, () => this.advance(0, this.watermarks.time)) : work
  }

  private idle(input: number, idle: boolean): Work {
    const further = this.watermarks.setIdle(input, idle)
    const work = further ? this.advance(0, this.watermarks.time) : undefined
    return then(work, () => {
      this.tellIdle(this.watermarks.allIdle)
      return undefined
    })
  }

  /** Tells those who read that this subtask is idle, or is no longer. */
  private tellIdle(idle: boolean): void {
    if (this.saidIdle === idle) return
    this.saidIdle = idle
    for (const outlet of this.outlets) outlet.idle(idle)
  }

  /** Processing time has come to `now`. */
  clock(now: number): Work {
    return this.guard(() => this.clockFrom(0, now))
  }

  private clockFrom(stage: number, now: number): Work {
    if (stage === this.stages.length) return undefined
    const { operator } = this.stages[stage]
    const work =
      operator?.due !== undefined && operator.due <= now
        ? then(operator.onClock?.(now), () => this.after(stage))
        : undefined
    return then(work, () => this.clockFrom(stage + 1, now))
  }

  /** Sends incomplete batches on: nothing more has come for now. */
  flush(): void {
    for (const outlet of this.outlets) outlet.flush()
  }

  private batch(stage: number, values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, port: number): Work {
    const run = this.stages[stage]
    if (run.operator === undefined) {
      run.out.values = values as Array<unknown>
      run.out.times = times as Array<number>
      return this.after(stage)
    }
    return then(run.operator.onBatch(values, times, port), () => this.after(stage))
  }

  private advance(stage: number, time: number): Work {
    const run = this.stages[stage]
    if (run.operator === undefined) {
      run.out.watermark = time
      return this.after(stage)
    }
    return then(run.operator.onWatermark(time), () => this.after(stage))
  }

  /** Hands on what a stage has put out. */
  private after(stage: number): Work {
    const run = this.stages[stage]
    const { out, sides } = run
    const { times, values, watermark } = out
    let work: Work
    if (values.length > 0) {
      out.clear()
      // Handed on as they are: once out of the collector, nobody changes these arrays.
      for (const outlet of run.outlets) outlet.push(values, times)
      if (stage + 1 < this.stages.length) work = this.batch(stage + 1, values, times, 0)
    }
    if (sides.size > 0) this.handOnSides(run)
    if (watermark <= run.passed) return work
    run.passed = watermark
    return then(work, () => {
      for (const outlet of run.sideOutlets) outlet.watermark(watermark)
      for (const outlet of run.outlets) outlet.watermark(watermark)
      if (stage + 1 < this.stages.length) return this.advance(stage + 1, watermark)
      if (watermark === Infinity) this.done = true
      return undefined
    })
  }

  private handOnSides(run: StageRun): void {
    for (const [name, side] of run.sides) {
      if (side.values.length === 0) continue
      const { times, values } = side
      side.clear()
      for (const outlet of run.sideOutlets) {
        if (outlet.edge.output === name) outlet.push(values, times)
      }
    }
  }

  /** Turns what a stage throws into a failure that names it. */
  private guard(run: () => Work): Work {
    const from = performance.now()
    const toOwn = toFailed(nameOf(this.chain))
    try {
      const work = run()
      return work === undefined ? undefined : Effect.catchDefect(work, (defect) => Effect.fail(toOwn(defect)))
    } catch (cause) {
      return Effect.fail(toOwn(cause))
    } finally {
      this.busyMillis += performance.now() - from
    }
  }

  /**
   * All that a successor must know, as plain data that may share with the state itself. To be asked
   * for once flushed, while no work is under way: what waits in the outlets is not part of it.
   */
  snapshot(): SubtaskSnapshot {
    return {
      watermarks: this.watermarks.snapshot(),
      left: this.left,
      done: this.done,
      received: this.received,
      saidIdle: this.saidIdle,
      stages: this.stages.map(({ faults, operator, out, passed }) => ({
        passed,
        watermark: out.watermark,
        skipped: faults.skipped,
        dead: faults.dead,
        state: operator?.snapshot?.()
      })),
      outlets: this.outlets.map((outlet) => outlet.snapshot())
    }
  }

  /** Begins where a predecessor was. */
  restore(saved: SubtaskSnapshot): void {
    this.watermarks.restore(saved.watermarks)
    for (const [port, left] of saved.left.entries()) this.left[port] = left
    this.done = saved.done
    this.received = saved.received
    this.saidIdle = saved.saidIdle
    for (const [at, { dead, passed, skipped, state, watermark }] of saved.stages.entries()) {
      const run = this.stages[at]
      run.passed = passed
      run.out.watermark = watermark
      run.faults.skipped = skipped
      run.faults.dead = dead
      // Whatever it is, an operator of the same stage gave it.
      if (state !== undefined) run.operator?.restore?.(state as never)
    }
    for (const [at, outlet] of saved.outlets.entries()) this.outlets[at].restore(outlet)
  }

  get stats(): SubtaskStats {
    const { chain, index, received, stages, watermarks } = this
    const sum = (of: (run: StageRun) => number): number => stages.reduce((total, run) => total + of(run), 0)
    return {
      chain: chain.id,
      name: nameOf(chain),
      index,
      received,
      sent: this.outlets.reduce((total, outlet) => total + outlet.sent, 0),
      // Whoever moves its frames knows.
      depth: 0,
      skipped: sum(({ faults }) => faults.skipped),
      deadLetters: sum(({ faults }) => faults.dead),
      watermark: chain.inputs.length === 0 ? stages[stages.length - 1].out.watermark : watermarks.time,
      busyMillis: this.busyMillis,
      blockedMillis: this.blockedMillis,
      done: this.done
    }
  }

  /** Milliseconds that the runner waited for room further down. */
  blockedMillis = 0
}
