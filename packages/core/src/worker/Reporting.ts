/**
 * What a supervised worker tells its owner without being asked: a message that failed, one that it
 * gives up, and its state.
 *
 * @since 0.1.0
 */
import type { FrameReader } from "../channel/FrameReader.ts"
import type { Custody } from "./Custody.ts"
import { type Envelope, makeHead, readHead, ReplyStatus } from "./Envelope.ts"
import type { Invoker } from "./Invoker.ts"
import { Panic, panicked } from "./Panic.ts"
import type { Replier } from "./Replier.ts"
import type { FramePlace } from "./Safeguard.ts"
import * as Wire from "./Wire.ts"

/**
 * A message, and how long it may take if that is not 0; or the number of a request, which is answered and never
 * tried again.
 *
 * @category models
 * @since 0.1.0
 */
export type Handed =
  | { readonly message: unknown; readonly allowed: number; readonly context: string | undefined }
  | { readonly request: number }

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

  /** Has the owner decide about a message that failed, or a batch, where `what` is undefined. */
  failed(ticket: number, failure: typeof Wire.Failed.Type, what?: Handed): void {
    const key = what !== undefined && "message" in what ? this.invoker.keyOf(what.message) : undefined
    const report = key === undefined ? failure : { ...failure, key }
    this.replier.answer(ticket, ReplyStatus.Failed, Wire.failed(), report)
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
    const misfit = this.bury(dead)
    if (misfit !== undefined) this.spoilt({ lane, number }, misfit, last)
  }

  private bury(dead: Wire.Dead): Error | undefined {
    return this.replier.tell(0, ReplyStatus.Dead, this.wire.dead(), dead)
  }

  /** A handler has made of a message what is none any more, and nobody else has it: a letter without it. */
  private spoilt({ lane, number }: FramePlace, misfit: Error, last?: Pick<Wire.Dead, "error" | "tries">): void {
    const detail = `its handler has altered a message, which does not fit its schema any more: ${misfit.message}`
    this.bury({ lane, number, error: panicked(this.invoker.workerId, "dead letter", detail), tries: 0, ...last })
  }

  /**
   * Hands a message of a key group over, or a request. What its owner has it is not to do any more. A message that is
   * none any more, as its handler has altered it, is a dead letter instead.
   */
  handed({ lane, number }: FramePlace, what: Handed): void {
    const handed: Wire.Handed =
      "request" in what
        ? { lane, number, request: what.request }
        : {
            lane,
            number,
            message: what.message,
            allowed: what.allowed,
            ...(what.context === undefined ? {} : { context: what.context })
          }
    const misfit = this.replier.tell(0, ReplyStatus.Handed, this.wire.handed(), handed)
    if (misfit !== undefined) this.spoilt({ lane, number }, misfit)
  }

  /** Answers one of the owner's own questions that has nothing to say but that it was heard. */
  heard(id: number): void {
    const { sight } = this.wire
    this.replier.answer(id, ReplyStatus.Success, sight.success, undefined, sight.tag)
  }

  /** Gives up the frame that was found: a message is a dead letter, a request has no worker to answer it. */
  givenUp(isMessage: boolean, reader: FrameReader, messages: Envelope<unknown>): void {
    const { lane, laneIndex } = reader.port
    if (isMessage) return this.dead({ lane: laneIndex, number: lane.count }, () => reader.read(messages))
    const detail = "it was the end of every worker that it was put to"
    reader.readWith((memory, offset, end) => {
      readHead(this.head, memory, offset, end)
      this.replier.panic(this.head.id, panicked(this.invoker.workerId, "ask", detail))
    })
  }

  /** Sends a snapshot. Throws a `Panic`. */
  save(custody: Custody): void {
    const { implementation, state, workerId } = this.invoker
    try {
      const snapshot = implementation.handlers.snapshot!(state, () => true)
      const saved = custody.save(this.wire.internal!.restore.payload, snapshot)
      this.replier.answer(custody.saved(), ReplyStatus.Saved, Wire.saved(), saved)
      this.replier.publish()
    } catch (cause) {
      throw new Panic(panicked(workerId, "snapshot", cause))
    }
  }
}
