/**
 * How a worker's handlers emit outputs, and what becomes of them: they wait with their message, go
 * into the worker's lane of its pool's outputs once that is handled, and are published before it is
 * acknowledged. So a message that fails has emitted nothing, and one that was handled loses nothing.
 *
 * Outputs that find no room are kept, and the worker takes no further message before they are gone:
 * what waits is bounded by what one message (or batch, or each of the handlers at once) may emit. The
 * same holds for a large output until its owner has fetched it: it would be lost with this thread.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Room } from "../channel/Ends.ts"
import type { FrameWriter } from "../channel/FrameWriter.ts"
import * as Poll from "../channel/Poll.ts"
import { Waiter, type WaitStrategy } from "../channel/WaitStrategy.ts"
import { type Codec, CodecError } from "../codec/Codec.ts"
import { Kind } from "../ring/Frame.ts"

/**
 * Emits outputs: `emit(output)` in plain code, `emit.all(outputs)` as an Effect.
 *
 * - **Ordering**: what one worker emits comes in the order in which its messages were handled, also
 *   for a key that goes to another worker.
 * - **Blocking**: `emit` never waits. An output leaves when its message was handled, and must not be
 *   changed before; the worker takes no other message while there is no room for it. At most 65,536
 *   for one call of a handler.
 * - `all` sends at once, together with what was emitted before, and waits for room: for handlers that
 *   make much of one message. Should its message be handled again, its outputs come again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Emit<in Output> {
  (output: Output): void
  readonly all: (outputs: ReadonlyArray<Output>) => Effect.Effect<void>
}

/** Most outputs that wait with their message. */
const most = 65_536

/**
 * The outputs of one call of a handler.
 *
 * @category models
 * @since 0.1.0
 */
export class Emission {
  readonly values: Array<unknown> = []
  private readonly emit: Emit<unknown>
  private open = false

  constructor(emitter: Emitter) {
    const { values } = this
    const one = (output: unknown): void => {
      // It would leave with another message, or never.
      if (!this.open) throw new TypeError("it emits when its handler is done; emit.all(outputs) can be run at any time")
      if (values.length === most) {
        throw new RangeError(`more than ${most} outputs at once; emit.all(outputs) waits until there is room`)
      }
      values.push(output)
    }
    const all = (outputs: ReadonlyArray<unknown>): Effect.Effect<void> =>
      Effect.suspend(() => emitter.send(values.length === 0 ? outputs : [...values.splice(0), ...outputs], 0))
    this.emit = Object.assign(one, { all })
  }

  /** What a handler that begins emits with. */
  begin(): Emit<unknown> {
    this.open = true
    return this.emit
  }

  /** Its handler is done: what it left is gone, or goes nowhere. */
  end(): void {
    this.open = false
    this.values.length = 0
  }
}

const undeclared = (): never => {
  throw new TypeError("it emits, and its contract declares no output")
}

/**
 * For contracts without output.
 *
 * @category constants
 * @since 0.1.0
 */
export const emitNothing: Emit<unknown> = Object.assign(undeclared, { all: () => Effect.sync(undeclared) })

/**
 * A worker's way into its pool's outputs.
 *
 * @category models
 * @since 0.1.0
 */
export class Emitter {
  private readonly writer: FrameWriter
  private readonly codec: Codec<unknown>
  private readonly waiter: Waiter
  /** Outputs of what was handled that found no room, from `first` on. */
  private kept: Array<unknown> = []
  private first = 0

  constructor(writer: FrameWriter, codec: Codec<unknown>, wait: WaitStrategy) {
    this.writer = writer
    this.codec = codec
    this.waiter = new Waiter(new Room(writer), wait)
  }

  /** Whether outputs wait for room, or to be fetched: nothing that emits must be begun, and nothing be acknowledged. */
  get full(): boolean {
    return this.keeps || this.writer.isUnfetched
  }

  private get keeps(): boolean {
    return this.first < this.kept.length
  }

  /** Sends the outputs of a handler that has done its work. Throws if one does not fit its schema. */
  commit(emission: Emission): void {
    try {
      if (emission.values.length > 0) this.take(emission.values)
    } finally {
      emission.end()
    }
  }

  /** Sends outputs, or keeps those that find no room. */
  private take(values: ReadonlyArray<unknown>): void {
    for (let index = this.keeps ? 0 : this.write(values, 0); index < values.length; index++) {
      this.kept.push(values[index])
    }
  }

  /** Makes what was sent visible. */
  publish(): void {
    this.writer.publish()
  }

  /** Tries to send what was kept; true if everything is with the owner then, or on its way there. */
  flush(): boolean {
    return this.sendKept() && !this.writer.isUnfetched
  }

  private sendKept(): boolean {
    const { kept, writer } = this
    if (this.keeps) {
      // Nobody is left to read: the owner is gone.
      this.first = writer.port.status() === "open" ? this.write(kept, this.first) : kept.length
      writer.publish()
    }
    if (this.keeps) return false
    this.kept = []
    this.first = 0
    return true
  }

  /** Waits for room, or until what waits to be fetched is. */
  readonly room: Effect.Effect<void> = Effect.suspend(() =>
    this.keeps ? this.waiter.wait(true) : Poll.until(() => !this.writer.isUnfetched)
  )

  /** Sends outputs from an index on, waiting for room. */
  send(outputs: ReadonlyArray<unknown>, from: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const next = this.sendKept() ? this.write(outputs, from) : from
      this.writer.publish()
      if ((next === outputs.length && !this.keeps) || this.writer.port.status() !== "open") return Effect.void
      return Effect.flatMap(this.waiter.wait(true), () => this.send(outputs, next))
    })
  }

  /** Waits until everything is where the owner finds it without this thread: large outputs are fetched from it. */
  readonly finish: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(this.send([], 0), () => Poll.until(() => !this.writer.isUnfetched))
  )

  private write(outputs: ReadonlyArray<unknown>, from: number): number {
    try {
      return this.writer.writeAll(this.codec, outputs, from, outputs.length, Kind.Data)
    } catch (cause) {
      if (!(cause instanceof CodecError) && !(cause instanceof RangeError)) throw cause
      throw new TypeError(`an output does not fit its schema: ${cause.message}`, { cause })
    }
  }
}
