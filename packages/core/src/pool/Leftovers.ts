/**
 * Reads what is left in the mailbox of a worker that will never be there again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { FrameReader } from "../channel/FrameReader.ts"
import * as ThreadIdentity from "../channel/ThreadIdentity.ts"
import { Kind } from "../ring/Frame.ts"
import { ReceiverPort } from "../ring/ReceiverPort.ts"
import { RingFault } from "../ring/RingFault.ts"
import { Envelope, EnvelopeKind } from "../worker/Envelope.ts"
import type { Wire } from "../worker/Wire.ts"
import type { Care } from "./Care.ts"
import type { Member } from "./Member.ts"

/** Turns of the event loop that a message's buffers may take to arrive. */
const patience = 50

/**
 * Makes a dead letter of each message that a member's mailbox still holds and that nobody handled.
 *
 * @category runners
 * @since 0.1.0
 */
export const collect = (member: Member, care: Care, wire: Wire): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { mesh, receiver } = member.mailbox
    let reader: FrameReader
    try {
      reader = new FrameReader(ReceiverPort.attach(mesh, receiver.slot, ThreadIdentity.current()))
    } catch (fault) {
      // It is still held: by a worker that outlived its kill. What is in there is not for us to touch.
      if (fault instanceof RingFault) return Effect.void
      throw fault
    }
    return read(reader, member, care, new Envelope(wire.message), patience)
  })

const read = (
  reader: FrameReader,
  member: Member,
  care: Care,
  envelope: Envelope<unknown>,
  turns: number
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { port } = reader
    try {
      for (;;) {
        const kind = reader.next()
        if (kind === Kind.Empty) {
          if (!reader.isAwaiting || turns === 0) break
          return Effect.andThen(nextTurn, read(reader, member, care, envelope, turns - 1))
        }
        const { attempts, done, error } = care.fateOf(member, { lane: port.laneIndex, number: port.lane.count })
        if (kind === EnvelopeKind.Message && !done) care.addLetter(member, decoded(reader, envelope), attempts, error)
        reader.advance()
      }
    } catch {
      // Memory that is no frame any more cannot be passed.
    }
    port.ack()
    return Effect.void
  })

const decoded = (reader: FrameReader, envelope: Envelope<unknown>): unknown => {
  try {
    return reader.read(envelope)
  } catch {
    return undefined
  }
}

const nextTurn = Effect.callback<void>((resume) => {
  setTimeout(() => resume(Effect.void), 1)
})
