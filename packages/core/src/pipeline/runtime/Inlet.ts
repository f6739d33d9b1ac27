/**
 * Where the frames of a subtask come from: the lanes of its mailbox, or the source that it reads.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Mail } from "../../channel/Ends.ts"
import { FrameReader } from "../../channel/FrameReader.ts"
import type { ReceiverHandle } from "../../channel/Handle.ts"
import { claim, openHalf } from "../../channel/opening.ts"
import * as ThreadIdentity from "../../channel/ThreadIdentity.ts"
import { Waiter } from "../../channel/WaitStrategy.ts"
import type { Codec } from "../../codec/Codec.ts"
import type { InvalidConfig } from "../../errors/Errors.ts"
import { Kind } from "../../ring/Frame.ts"
import { type Mark, ReceiverPort } from "../../ring/ReceiverPort.ts"
import { detailOf, PipelineFailed } from "../PipelineFailed.ts"
import { type Chain, nameOf } from "../plan/Plan.ts"
import type { Ahead } from "./Ahead.ts"
import { schemaOfInputs } from "./channels.ts"
import type { Frame } from "./Frame.ts"
import type { Piece, SourcePosition } from "./sources.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Inlet {
  /** The next frame; undefined if none is there now. Throws what is wrong with it. */
  next(): Frame | undefined
  /** Waits for a frame. */
  readonly wait: Effect.Effect<void, unknown>
  /** Frees the room of all that was taken. */
  ack(): void
  /** Up to where frames were taken; what `ackTo` takes. */
  marks(): ReadonlyArray<Mark>
  ackTo(marks: ReadonlyArray<Mark>): void
  /** Whether whoever sends waits, or soon will, for what was not acknowledged. */
  readonly pressed: boolean
  /** How far the source was read; undefined if it is none. */
  readonly position: SourcePosition | undefined
}

class MailInlet implements Inlet {
  readonly wait: Effect.Effect<void, PipelineFailed>
  readonly position = undefined
  private readonly name: string
  private readonly reader: FrameReader
  private readonly codec: Codec<Frame>

  constructor(name: string, reader: FrameReader, codec: Codec<Frame>, handle: ReceiverHandle<Frame>) {
    this.name = name
    this.reader = reader
    this.codec = codec
    const waiter = new Waiter(new Mail(reader), handle.wait)
    // Whoever sends may have been given its place after this was attached.
    reader.port.scout()
    this.wait = Effect.flatMap(waiter.wait(true), () => this.unlessClosed)
  }

  private readonly unlessClosed: Effect.Effect<void, PipelineFailed> = Effect.suspend(() =>
    this.reader.port.status() === "open" || this.reader.ready()
      ? Effect.void
      : Effect.fail(new PipelineFailed({ worker: this.name, phase: "run", detail: "its mailbox was closed" }))
  )

  next(): Frame | undefined {
    const { reader } = this
    try {
      if (reader.next() === Kind.Empty) return undefined
      const frame = reader.read(this.codec)
      reader.advance()
      return frame
    } catch (cause) {
      throw new PipelineFailed({ worker: this.name, phase: "receive", detail: detailOf(cause), cause })
    }
  }

  ack(): void {
    this.reader.port.publishRead()
    this.reader.port.ack()
  }

  marks(): ReadonlyArray<Mark> {
    return this.reader.port.marks()
  }

  ackTo(marks: ReadonlyArray<Mark>): void {
    this.reader.port.publishRead()
    for (let lane = 0; lane < marks.length; lane++)
      this.reader.port.ackTo(lane, marks[lane].position, marks[lane].count)
  }

  get pressed(): boolean {
    return this.reader.port.pressed
  }

  close(): void {
    this.reader.close()
  }
}

/**
 * Attaches the mailbox of a subtask to this thread.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromMailbox = (
  chain: Chain,
  handle: ReceiverHandle<Frame>
): Effect.Effect<Inlet, InvalidConfig, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.flatMap(openHalf(where, "ReceiverHandle", schemaOfInputs(chain), handle), ({ codec, mesh }) =>
      claim(where, handle.channel, () => {
        const reader = new FrameReader(ReceiverPort.attach(mesh, handle.slot, ThreadIdentity.current()))
        return new MailInlet(nameOf(chain), reader, codec, handle)
      })
    ),
    (inlet) => Effect.sync(() => inlet.close())
  )

const where = "Pipeline: mailbox"

class SourceInlet implements Inlet {
  position: SourcePosition
  readonly pressed = false
  readonly wait: Effect.Effect<void, unknown>
  private readonly pieces: Ahead<Piece, unknown>

  constructor(pieces: Ahead<Piece, unknown>, from: SourcePosition) {
    this.pieces = pieces
    this.position = from
    this.wait = pieces.wait
  }

  next(): Frame | undefined {
    const taken = this.pieces.take()
    if (taken === undefined) return undefined
    this.position = taken.position
    return taken.frame
  }

  ack(): void {}

  marks(): ReadonlyArray<Mark> {
    return []
  }

  ackTo(): void {}
}

/**
 * What a source gives, from a position on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSource = (pieces: Ahead<Piece, unknown>, from: SourcePosition): Inlet => new SourceInlet(pieces, from)
