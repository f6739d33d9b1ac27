/**
 * The sending end of an edge in one subtask: shares elements out among the subtasks that read it,
 * in batches, with the control frames in their place between them.
 *
 * What is ready waits in `ready`, one array of frames for each target, until the runner sends it.
 *
 * @since 0.1.0
 */
import * as KeyGroup from "../../partition/KeyGroup.ts"
import * as KeyHash from "../../partition/KeyHash.ts"
import type { Place, Route } from "../Graph.ts"
import { type Edge, inputIndex, targets } from "../plan/Plan.ts"
import type { Data, Frame } from "./Frame.ts"

/** Elements of a batch that goes out before its subtask has run out of input. */
export const defaultBatchSize = 512

type Keyed = Extract<Route, { readonly _tag: "keyBy" }>

/**
 * @category models
 * @since 0.1.0
 */
export interface OutletSnapshot {
  readonly turn: number
  readonly sent: number
  readonly reached: number
  readonly told: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class Outlet {
  readonly edge: Edge
  /** Frames to be sent, by target. */
  readonly ready: ReadonlyArray<Array<Frame>>
  /** How many frames wait in `ready`. */
  waiting = 0
  sent = 0
  private readonly from: number
  private readonly index: number
  private readonly count: number
  private readonly batchSize: number
  private readonly tag: Data["_tag"]
  private readonly values: Array<Array<unknown>>
  private readonly times: Array<Array<number>>
  /** How many elements of each array are there: they are made as long as the last, so as not to grow. */
  private readonly filled: Array<number>
  private turn: number
  private reached = -Infinity
  private told = -Infinity

  constructor(edge: Edge, index: number, batchSize: number) {
    this.edge = edge
    this.index = index
    this.from = inputIndex(edge, index)
    this.count = targets(edge)
    this.batchSize = Math.min(batchSize, edge.to?.nodes[0].batch ?? Infinity)
    this.tag = `Data${edge.port}`
    this.ready = Array.from({ length: this.count }, () => [])
    this.values = Array.from({ length: this.count }, () => [])
    this.times = Array.from({ length: this.count }, () => [])
    this.filled = new Array<number>(this.count).fill(0)
    // So that the first batches of all subtasks do not meet at the same target.
    this.turn = index % this.count
  }

  push(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): void {
    this.sent += values.length
    const { route } = this.edge
    switch (route._tag) {
      case "keyBy":
        return this.share(values, times, route)
      case "broadcast":
        for (let target = 0; target < this.count; target++) this.whole(target, values, times)
        return
      case "forward":
        return this.whole(this.count === 1 ? 0 : this.index, values, times)
      case "rebalance":
        this.whole(this.turn, values, times)
        this.turn = this.turn + 1 === this.count ? 0 : this.turn + 1
    }
  }

  /** A batch of some size goes on as it is; smaller ones are gathered, for each frame has its price. */
  private whole(target: number, values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): void {
    const { batchSize } = this
    if (this.filled[target] > 0 || 2 * values.length < batchSize) return this.gather(target, values, times)
    if (values.length <= batchSize) return this.enqueue(target, values, times)
    for (let at = 0; at < values.length; at += batchSize) {
      this.enqueue(target, values.slice(at, at + batchSize), times.slice(at, at + batchSize))
    }
  }

  private gather(target: number, values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): void {
    for (let i = 0; i < values.length; i++) this.put(target, values[i], times[i])
  }

  private put(target: number, value: unknown, time: number): void {
    const at = this.filled[target]++
    this.values[target][at] = value
    this.times[target][at] = time
    if (at + 1 === this.batchSize) this.cut(target)
  }

  private share(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, { key, place }: Keyed): void {
    if (this.count === 1) return this.whole(0, values, times)
    for (let i = 0; i < values.length; i++) {
      const target = place === undefined ? this.targetOf(values[i], key) : this.placeOf(values[i], key, place)
      this.put(target, values[i], times[i])
    }
  }

  private targetOf(value: unknown, key: Keyed["key"]): number {
    try {
      const group = KeyGroup.of(KeyHash.of(key(value)), KeyGroup.defaultCount)
      // Ranges of key groups, so that state can move by the group.
      return Math.floor((group * this.count) / KeyGroup.defaultCount)
    } catch {
      // The stage itself meets the same failure, and there its policy says what becomes of the element.
      return 0
    }
  }

  private placeOf(value: unknown, key: Keyed["key"], place: Place): number {
    let own: KeyHash.HashKey
    try {
      own = key(value)
    } catch {
      // As above.
      return 0
    }
    const target = place(own, this.count)
    if (Number.isInteger(target) && target >= 0 && target < this.count) return target
    throw new RangeError(
      `keyBy: place gives ${target} for ${String(own)}, and there are subtasks 0 to ${this.count - 1}`
    )
  }

  private cut(target: number): void {
    const filled = this.filled[target]
    if (filled === 0) return
    const values = this.values[target]
    const times = this.times[target]
    values.length = filled
    times.length = filled
    // The next is likely as long.
    this.values[target] = new Array<unknown>(filled)
    this.times[target] = new Array<number>(filled)
    this.filled[target] = 0
    this.enqueue(target, values, times)
  }

  private enqueue(target: number, values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): void {
    this.ready[target].push({ _tag: this.tag, from: this.from, times, values })
    this.waiting++
  }

  /** Sends incomplete batches on, and how far event time has come. */
  flush(): void {
    for (let target = 0; target < this.count; target++) this.cut(target)
    if (this.reached > this.told) {
      this.told = this.reached
      this.control({ _tag: "Watermark", from: this.from, time: this.reached })
    }
  }

  /** Elements come before the control frames that follow them. */
  private control(frame: Frame): void {
    if (this.edge.route._tag === "forward") {
      this.ready[this.count === 1 ? 0 : this.index].push(frame)
      this.waiting++
      return
    }
    for (const frames of this.ready) frames.push(frame)
    this.waiting += this.count
  }

  /**
   * Told when the outlet is next flushed: a frame for each watermark of each batch would cut the
   * batches of keyed edges to pieces. A watermark that comes later than it might is still true.
   */
  watermark(time: number): void {
    this.reached = time
    if (time === Infinity) this.flush()
  }

  /** What a successor must know. To be asked for once flushed: then no element waits here. */
  snapshot(): OutletSnapshot {
    const { reached, sent, told, turn } = this
    return { reached, sent, told, turn }
  }

  restore({ reached, sent, told, turn }: OutletSnapshot): void {
    this.reached = reached
    this.sent = sent
    this.told = told
    this.turn = turn
  }

  idle(idle: boolean): void {
    this.flush()
    this.control({ _tag: "Idle", from: this.from, idle })
  }
}
