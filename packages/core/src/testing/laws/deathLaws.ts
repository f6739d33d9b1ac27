/**
 * Laws of death: what a successor gets under each ack policy, and what a dead sender leaves.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Ledger } from "./Ledger.ts"
import { type Law, type Message, message, must, type Opened, type Subject } from "./Subject.ts"

const sequences = (messages: ReadonlyArray<Message>): string => messages.map(({ sequence }) => sequence).join()

/** Takes `count` messages in batches of at most `max`. */
const take = Effect.fnUntraced(function* (receiver: Opened["receivers"][number], count: number, max: number) {
  const batches: Array<ReadonlyArray<Message>> = []
  for (let left = count; left > 0;) {
    const batch = yield* receiver.receiveAll(Math.min(max, left))
    batches.push(batch)
    left -= batch.length
  }
  return batches
})

const receiverDies = (subject: Subject): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { receivers, senders, succeed } = yield* subject.open
      if (succeed === undefined || receivers.length > 1) return
      const [sender] = senders
      const [receiver] = receivers
      const before: Array<Message> = []
      let acked = 0
      let sent = 0
      // One at a time, so that there is room whatever the capacity.
      while (sent < 6 && (yield* sender.trySend(message(0, sent)))) {
        sent += 1
        if (sent > 4) continue
        before.push(...(yield* take(receiver, 1, 1)).flat())
        if (subject.ack === "before") acked = sent
        // Only when the receiver comes back for more does the message before count as handled.
        else if (subject.ack === "after") acked = sent - 1
        else if (sent === 3) {
          yield* receiver.ack
          acked = 3
        }
      }
      const successor = yield* succeed
      must(sequences(before) === before.map((_, index) => index).join(), `first came ${sequences(before)}`)
      const rest = (yield* take(successor, sent - acked, 2)).flat()
      must(sent === acked || rest[0]?.sequence === acked, `a successor begins at ${rest[0]?.sequence}, not at ${acked}`)
      must(
        rest.every(({ sequence }, index) => sequence === acked + index),
        `then came ${sequences(rest)}`
      )
      yield* successor.ack
      yield* Effect.forEach(senders, ({ close }) => close, { discard: true })
      const end = yield* Effect.flip(successor.receive)
      must(end.reason === "Closed", `after a successor the end is ${end.reason}`)
    })
  )

const senderDies = (subject: Subject): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { receivers, senders, succeedSender } = yield* subject.open
      if (succeedSender === undefined || receivers.length > 1) return
      const [first, ...others] = senders
      const ledger = new Ledger(subject.ordered)
      const [receiver] = receivers
      let sent = 0
      while (sent < 3 && (yield* first.trySend(message(0, sent)))) sent += 1
      const successor = yield* succeedSender
      yield* Effect.forEach(others, ({ close }) => close, { discard: true })
      for (const batch of yield* take(receiver, sent, 8)) for (const message of batch) ledger.enter(0, message)
      yield* receiver.ack
      yield* Effect.all(
        [
          Effect.andThen(
            Effect.forEach([3, 4, 5], (index) => successor.send(message(0, index - 3 + sent))),
            () => successor.close
          ),
          Effect.gen(function* () {
            for (;;) {
              for (const message of yield* receiver.receiveAll()) ledger.enter(0, message)
              yield* receiver.ack
            }
          }).pipe(Effect.catch((error) => (error.reason === "Closed" ? Effect.void : Effect.fail(error))))
        ],
        { concurrency: "unbounded" }
      )
      ledger.mustHave(0, sent + 3)
    })
  )

/**
 * @category laws
 * @since 0.1.0
 */
export const deathLaws = (subject: Subject): ReadonlyArray<Law> => [
  { name: `a successor goes on where ack policy ${subject.ack} says`, run: receiverDies(subject) },
  { name: "a sender's successor goes on in its lane", run: senderDies(subject) }
]
