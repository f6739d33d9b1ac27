/**
 * What a supervised worker tells its owner without being asked: a message that failed, one that it
 * gives up, its state, and which message it has in hand.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { FrameCodec } from "../channel/FrameCodec.ts"
import type { FrameReader } from "../channel/FrameReader.ts"
import type { Custody } from "./Custody.ts"
import { type Envelope, makeHead, readHead, ReplyStatus } from "./Envelope.ts"
import type { Invoker } from "./Invoker.ts"
import { Panic, panicked } from "./Panic.ts"
import type { Replier } from "./Replier.ts"
import type { FramePlace } from "./Safeguard.ts"
import * as Wire from "./Wire.ts"

/** Turns of the event loop that a mirror takes to wake up and write. */
const tellTurns = 5

// The replier writes values with whatever codec comes with them.
const failedCodec = Wire.failed as unknown as FrameCodec<unknown>
const savedCodec = Wire.saved as unknown as FrameCodec<unknown>

/**
 * @category models
 * @since 0.1.0
 */
export class Reporting {
  private readonly invoker: Invoker
  private readonly replier: Replier
  private readonly wire: Wire.Wire
  private readonly head = makeHead()

  constructor(invoker: Invoker, replier: Replier, wire: Wire.Wire) {
    this.invoker = invoker
    this.replier = replier
    this.wire = wire
  }

  /** Has the owner decide about a message that failed. */
  failed(ticket: number, failure: typeof Wire.Failed.Type): void {
    this.replier.answer(ticket, ReplyStatus.Failed, failedCodec, failure)
    this.replier.publish()
  }

  /** A message of a key group that was on trial succeeded. */
  recovered(group: number): void {
    this.replier.answer(group, ReplyStatus.Recovered, this.wire.verdict.payload, 0)
    this.replier.publish()
  }

  /** Sends a message as a dead letter, or why it cannot be read. */
  dead({ lane, number }: FramePlace, read: () => unknown, last?: Pick<Wire.Dead, "error" | "tries">): void {
    let dead: Wire.Dead
    try {
      dead = { lane, number, message: read(), ...last }
    } catch (cause) {
      dead = { lane, number, error: panicked(this.invoker.workerId, "receive", cause) }
    }
    this.replier.answer(0, ReplyStatus.Dead, this.wire.dead as unknown as FrameCodec<unknown>, dead)
  }

  /** Gives up the frame that was found: a message is a dead letter, a request has no worker to answer it. */
  givenUp(isMessage: boolean, reader: FrameReader, messages: Envelope<unknown>): void {
    const { lane, laneIndex } = reader.port
    if (isMessage) return this.dead({ lane: laneIndex, number: lane.count }, () => reader.read(messages))
    reader.readWith((memory, offset, end) => readHead(this.head, memory, offset, end))
    this.refused(this.head.id)
  }

  private refused(id: number): void {
    const detail = "it was the end of every worker that it was put to"
    this.replier.panic(id, panicked(this.invoker.workerId, "ask", detail))
  }

  /** Sends a snapshot. Throws a `Panic`. */
  save(custody: Custody): void {
    const { implementation, state, workerId } = this.invoker
    try {
      const snapshot = implementation.handlers.snapshot!(state, () => true)
      const saved = custody.save(this.wire.internal!.restore.payload, snapshot)
      this.replier.answer(custody.saved(), ReplyStatus.Saved, savedCodec, saved)
      this.replier.publish()
    } catch (cause) {
      throw new Panic(panicked(workerId, "snapshot", cause))
    }
  }

  /** Lets what mirrors this memory to the owner say which frame is in hand. */
  readonly inHand: Effect.Effect<void> = Effect.callback((resume) => {
    let turns = tellTurns
    const next = () => {
      if (turns-- === 0) return resume(Effect.void)
      setImmediate(next)
    }
    this.replier.nudge()
    next()
  })
}
