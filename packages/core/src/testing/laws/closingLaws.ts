/**
 * Laws of the end, from either side, and of the limit before it: what is accepted, what is given
 * back, and what whoever waits learns.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Receiver } from "../../channel/Receiver.ts"
import type { Sender } from "../../channel/Sender.ts"
import { type InvalidConfig, type ReceiveError, SendError, Timeout } from "../../errors/Errors.ts"
import { Ledger } from "./Ledger.ts"
import { type Law, type Message, message, messages, must, type Opened, type Subject } from "./Subject.ts"

/** Long enough that a send which did not find room by then will not. */
const patience = "100 millis"

/** Turns of the event loop, so that whatever was forked has come to its wait. */
const settle = Effect.promise(() => new Promise<void>((resume) => setTimeout(resume, 5)))

/** Waits until whoever was forked to send has sent what there is room for. */
const sending = ({ stats }: Opened) => Effect.repeat(Effect.andThen(settle, stats), { until: ({ sent }) => sent > 0 })

/** Sends until there is no room, at most `limit` messages; returns how many were accepted. */
const fill = (sender: Sender<Message>, id: number, limit: number): Effect.Effect<number, SendError> => {
  const from = (accepted: number): Effect.Effect<number, SendError> =>
    accepted >= limit
      ? Effect.succeed(accepted)
      : Effect.matchEffect(sender.sendWithin(message(id, accepted), patience), {
          onSuccess: () => from(accepted + 1),
          onFailure: (error) => {
            if (!(error instanceof Timeout)) return Effect.fail(error)
            must(error.unsent.length === 1, `a timeout gave back ${error.unsent.length} messages of 1`)
            return Effect.succeed(accepted)
          }
        })
  return from(0)
}

/** Takes everything until the receiver fails, and returns why it did. */
const drain = (receiver: Receiver<Message>, index: number, ledger: Ledger): Effect.Effect<ReceiveError> =>
  Effect.flip(
    Effect.forever(
      Effect.flatMap(receiver.receiveAll(17), (messages) => {
        for (const message of messages) ledger.enter(index, message)
        return receiver.ack
      })
    )
  )

const drainAll = (opened: Opened, ledger: Ledger) =>
  Effect.all(
    opened.receivers.map((receiver, index) => drain(receiver, index, ledger)),
    { concurrency: "unbounded" }
  )

const opened = (
  subject: Subject,
  law: (opened: Opened) => Effect.Effect<void, unknown>
): Effect.Effect<void, unknown> => Effect.scoped(Effect.flatMap(subject.open, law))

const limited = (subject: Subject) =>
  opened(
    subject,
    Effect.fnUntraced(function* (it) {
      const limit = (subject.bound ?? 0) + subject.messages
      const accepted = yield* Effect.forEach(it.senders, (sender, id) => fill(sender, id, limit))
      const total = accepted.reduce((sum, count) => sum + count, 0)
      must(accepted[0] > 0, "not one message found room in an empty channel")
      if (subject.bound === undefined) {
        must(total === limit * it.senders.length, `an unbounded channel accepted only ${total}`)
      } else {
        must(total <= subject.bound, `${total} messages found room, at most ${subject.bound} may`)
        must(!(yield* it.senders[0].trySend(message(0, accepted[0]))), "a full channel took one more")
      }
      const ledger = new Ledger(subject.ordered)
      const [reasons] = yield* Effect.all(
        [drainAll(it, ledger), Effect.forEach(it.senders, (sender) => sender.close, { discard: true })],
        { concurrency: "unbounded" }
      )
      it.senders.forEach((_, id) => ledger.mustHave(id, accepted[id]))
      must(
        reasons.every(({ reason }) => reason === "Closed"),
        `the end came as ${reasons.map(({ reason }) => reason).join()}`
      )
    })
  )

const afterTheEnd = (subject: Subject) =>
  opened(
    subject,
    Effect.fnUntraced(function* (it) {
      const [sender] = it.senders
      yield* Effect.forEach(it.senders, ({ close }) => close, { discard: true })
      const refused = yield* Effect.flip(sender.sendAll(messages(0, 3)))
      must(refused.reason === "Closed", `a closed sender refuses with ${refused.reason}`)
      must(refused.unsent.length === 3, `and gives back ${refused.unsent.length} messages of 3`)
      const [receiver] = it.receivers
      const attempts: ReadonlyArray<Effect.Effect<unknown, ReceiveError>> = [
        receiver.receive,
        receiver.receiveAll(2),
        receiver.tryReceive
      ]
      for (const again of attempts) {
        const end = yield* Effect.exit(again)
        const none = end._tag === "Success" && Option.isOption(end.value) && Option.isNone(end.value)
        must(none || end._tag === "Failure", "something was received after the end")
      }
    })
  )

const receiverCloses = (subject: Subject) =>
  opened(
    subject,
    Effect.fnUntraced(function* (it) {
      const all = messages(0, (subject.bound ?? 0) + subject.messages)
      const blocked = yield* Effect.forkChild(Effect.flip(Effect.asVoid(it.senders[0].sendAll(all))))
      yield* sending(it)
      yield* Effect.forEach(it.receivers, ({ close }) => close, { discard: true })
      if (subject.bound === undefined) {
        yield* Fiber.interrupt(blocked)
      } else {
        const error = yield* Fiber.join(blocked)
        must(error.reason === "ReceiverClosed", `a blocked sender learns ${error.reason}`)
        const [first] = error.unsent as ReadonlyArray<Message>
        must(first !== undefined && first.sequence > 0, "it accepted nothing, or gave nothing back")
        must(error.unsent.length === all.length - first.sequence, "accepted and given back do not add up")
      }
      // Far away the news may come a little later.
      const error = yield* Effect.flip(Effect.forever(Effect.andThen(it.senders[0].send(all[0]), settle)))
      must(error.reason === "ReceiverClosed", `a later send fails with ${error.reason}`)
      const end = yield* Effect.flip(it.receivers[0].receive)
      must(end.reason === "Closed", `a closed receiver fails with ${end.reason}`)
    })
  )

const ownerCloses = (subject: Subject) =>
  opened(
    subject,
    Effect.fnUntraced(function* (it) {
      const waiting = yield* Effect.forEach(it.receivers, ({ receive }) => Effect.forkChild(Effect.flip(receive)))
      yield* settle
      yield* it.close
      for (const fiber of waiting) {
        const { reason } = yield* Fiber.join(fiber)
        must(reason === "Closed", `a blocked receiver learns ${reason}`)
      }
      const { reason } = yield* Effect.flip(it.senders[0].send(message(0, 0)))
      must(reason === "Closed", `a later send fails with ${reason}`)
    })
  )

const ownerClosesOnSenders = (subject: Subject) =>
  opened(
    subject,
    Effect.fnUntraced(function* (it) {
      if (subject.bound === undefined) return
      const all = messages(0, subject.bound + subject.messages)
      const blocked = yield* Effect.forkChild(Effect.flip(Effect.asVoid(it.senders[0].sendAll(all))))
      yield* sending(it)
      yield* it.close
      const error = yield* Fiber.join(blocked)
      must(error instanceof SendError && error.reason === "Closed", `a blocked sender learns ${error.reason}`)
      const accepted = all.length - error.unsent.length
      must((error.unsent[0] as Message).sequence === accepted, "what was given back is not the rest")
      const ledger = new Ledger(subject.ordered)
      yield* drainAll(it, ledger)
      ledger.mustHave(0, accepted)
    })
  )

const encodeError = (subject: Subject) =>
  opened(
    subject,
    Effect.fnUntraced(function* (it) {
      const [sender] = it.senders
      const broken = { ...message(0, 1), payload: { ...message(0, 1).payload, number: Number.NaN } }
      // The receivers run meanwhile, so that there is room whatever the capacity.
      const ledger = new Ledger(subject.ordered)
      const draining = yield* Effect.forkChild(drainAll(it, ledger))
      const error = yield* Effect.flip(sender.sendAll([message(0, 0), broken, message(0, 2)]))
      must(error.reason === "Encode", `a message that does not fit the schema is ${error.reason}`)
      must(error.unsent.length === 2 && error.unsent[0] === broken, "what was given back is not the rest")
      must(error.detail.includes("number"), `the error does not name the field: ${error.detail}`)
      yield* sender.sendAll(messages(0, 20, 1))
      yield* Effect.forEach(it.senders, ({ close }) => close, { discard: true })
      yield* Fiber.join(draining)
      ledger.mustHave(0, 21)
    })
  )

const nothingThere = (subject: Subject) =>
  opened(
    subject,
    Effect.fnUntraced(function* (it) {
      const [receiver] = it.receivers
      must(Option.isNone(yield* receiver.tryReceive), "something came out of an empty channel")
      const waits: ReadonlyArray<Effect.Effect<unknown, ReceiveError | Timeout | InvalidConfig>> = [
        receiver.receiveWithin("10 millis"),
        receiver.receiveAllWithin(4, "10 millis")
      ]
      for (const wait of waits) {
        const error = yield* Effect.flip(wait)
        must(error instanceof Timeout && error.millis === 10, `an empty channel fails with ${error._tag}`)
      }
      for (const max of [0, -1, Number.NaN, 1.5]) {
        const exit = yield* Effect.exit(receiver.receiveAll(max))
        must(exit._tag === "Failure", `receiveAll(${max}) is accepted`)
      }
    })
  )

const closedReceiverLeaves = (subject: Subject) =>
  opened(
    subject,
    Effect.fnUntraced(function* (it) {
      if (it.receivers.length < 2) return
      const [first, ...others] = it.receivers
      const count = Math.min(subject.bound ?? 40, 40)
      const accepted = yield* fill(it.senders[0], 0, count)
      yield* first.close
      // Another's leftovers come between one's own: in their order, but not in that of the sender.
      const ledger = new Ledger(false)
      yield* Effect.all(
        [
          drainAll({ ...it, receivers: others }, ledger),
          Effect.forEach(it.senders, ({ close }) => close, { discard: true })
        ],
        { concurrency: "unbounded" }
      )
      ledger.mustHave(0, accepted)
    })
  )

/**
 * @category laws
 * @since 0.1.0
 */
export const closingLaws = (subject: Subject): ReadonlyArray<Law> => [
  { name: "accepts up to its bound, and a close drains", run: limited(subject) },
  { name: "refuses after the end, and gives back", run: afterTheEnd(subject) },
  { name: "a receiver that closes is known to senders, blocked ones too", run: receiverCloses(subject) },
  { name: "an owner that closes is known to receivers, blocked ones too", run: ownerCloses(subject) },
  {
    name: "an owner that closes is known to blocked senders, and the rest can be read",
    run: ownerClosesOnSenders(subject)
  },
  { name: "a message that does not fit is given back with those after it", run: encodeError(subject) },
  { name: "an empty channel gives nothing, in time", run: nothingThere(subject) },
  { name: "what a closed receiver leaves is read by the others", run: closedReceiverLeaves(subject) }
]
