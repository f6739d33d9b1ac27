/**
 * Reads what is left in the mailbox of a worker that is not there any more: for dead letters when the
 * pool closes, or for other workers when they take its keys over.
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
import type { Handed } from "./Ward.ts"

/** Turns of the event loop that a message's buffers may take to arrive. */
const patience = 50

/**
 * Does something with a message that is left; it is undefined if it cannot be decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Each = (left: Handed) => Effect.Effect<void> | undefined

/**
 * Takes each message that a member handed over and nobody took, each that its mailbox still holds and that
 * nobody handled, in the order of its lane, and each that was beside it. Requests are passed: whoever asked learns of the end
 * in another way.
 *
 * @category runners
 * @since 0.1.0
 */
export const take = (member: Member, care: Care, wire: Wire, each: Each): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { left, mesh, receiver } = member.mailbox
    const all = (messages: ReadonlyArray<Handed>) =>
      Effect.forEach(messages, (one) => each(one) ?? Effect.void, { discard: true })
    const ward = care.ward(member)
    const handed = all(ward.takeHanded())
    const beside = all(ward.takeBeside())
    if (left === 0) return Effect.andThen(handed, beside)
    // A name of its own, so that the place is free again afterwards.
    const owner = ThreadIdentity.makeVirtual()
    let reader: FrameReader
    try {
      reader = new FrameReader(ReceiverPort.attach(mesh, receiver.slot, owner))
    } catch (fault) {
      // It is still held: by a worker that outlived its kill. What is in there is not for us to touch.
      if (fault instanceof RingFault) return Effect.andThen(handed, beside)
      throw fault
    }
    // What came from other workers lies in the lanes of this thread: see `Legacy`.
    reader.port.urgent = member.mailbox.urgent + 1
    const mail = Effect.ensuring(
      read(reader, member, care, new Envelope(wire.message), each, patience),
      Effect.sync(() => {
        reader.port.ack()
        mesh.bury(owner)
      })
    )
    return Effect.andThen(Effect.andThen(handed, mail), beside)
  })

const read = (
  reader: FrameReader,
  member: Member,
  care: Care,
  envelope: Envelope<unknown>,
  each: Each,
  turns: number
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { port } = reader
    try {
      for (;;) {
        const kind = reader.next()
        if (kind === Kind.Empty) {
          port.ack()
          if (member.mailbox.moveKept()) continue
          if (!reader.isAwaiting || turns === 0) return Effect.void
          return Effect.andThen(nextTurn, read(reader, member, care, envelope, each, turns - 1))
        }
        const { laneIndex: lane } = port
        const fate = care.ward(member).fateOf({ lane, number: port.lane.count })
        const message = kind === EnvelopeKind.Message && !fate.done ? { value: decoded(reader, envelope) } : undefined
        reader.advance()
        const { attempt, error } = fate
        const { context, key: allowed } = envelope.head
        const effect =
          message === undefined
            ? undefined
            : each({
                message: message.value,
                priority: member.priorityIn(lane),
                allowed,
                context,
                attempt: { ...attempt, error }
              })
        if (effect !== undefined) return Effect.andThen(effect, read(reader, member, care, envelope, each, patience))
      }
    } catch {
      // Memory that is no frame any more cannot be passed.
      return Effect.void
    }
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
