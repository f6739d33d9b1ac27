/**
 * Laws of messages on their way: order, nothing lost, nothing twice, whatever the mixture of
 * operations, and whatever is interrupted.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ReceiveError, SendError } from "../../errors/Errors.ts"
import type { Receiver } from "../../channel/Receiver.ts"
import type { Sender } from "../../channel/Sender.ts"
import { Ledger } from "./Ledger.ts"
import { dice, type Law, type Message, message, messages, must, type Subject } from "./Subject.ts"

/** Sends the first `count` messages of a sender by every operation there is, and closes it. */
const sendMixed = Effect.fnUntraced(function* (sender: Sender<Message>, id: number, count: number) {
  const roll = dice(id + 1)
  for (let next = 0; next < count;) {
    const share = Math.min(count - next, 1 + roll(40))
    switch (roll(4)) {
      case 0:
        yield* sender.send(message(id, next++))
        break
      case 1:
        if (yield* sender.trySend(message(id, next))) next++
        else yield* Effect.yieldNow
        break
      case 2:
        yield* sender.sendAllWithin(messages(id, share, next), "1 minute")
        next += share
        break
      default:
        yield* sender.sendAll(messages(id, share, next))
        next += share
    }
  }
  yield* sender.close
})

/** Takes everything until the end by every operation there is. */
const receiveMixed = (
  receiver: Receiver<Message>,
  index: number,
  ledger: Ledger,
  acknowledge: boolean
): Effect.Effect<void, unknown> => {
  const roll = dice(1000 + index)
  const one = Effect.suspend((): Effect.Effect<ReadonlyArray<Message>, unknown> => {
    switch (roll(4)) {
      case 0:
        return Effect.map(receiver.receive, (message) => [message])
      case 1:
        return Effect.map(receiver.tryReceive, Option.toArray)
      case 2:
        return receiver.receiveAllWithin(1 + roll(8), "1 minute")
      default:
        return receiver.receiveAll(1 + roll(300))
    }
  })
  const loop: Effect.Effect<void, unknown> = Effect.flatMap(one, (messages) => {
    for (const message of messages) ledger.enter(index, message)
    const settled = acknowledge ? receiver.ack : Effect.void
    return messages.length === 0 ? Effect.andThen(Effect.yieldNow, loop) : Effect.andThen(settled, loop)
  })
  return Effect.catch(loop, untilClosed)
}

/** The end is what every receiver waits for; anything else is a failure. */
const untilClosed = (error: unknown): Effect.Effect<void, unknown> =>
  (error as ReceiveError).reason === "Closed" ? Effect.void : Effect.fail(error)

const everyWay = (subject: Subject): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { receivers, senders, stats } = yield* subject.open
      const ledger = new Ledger(subject.ordered)
      yield* Effect.all(
        [
          ...senders.map((sender, id) => sendMixed(sender, id, subject.messages)),
          ...receivers.map((receiver, index) => receiveMixed(receiver, index, ledger, subject.ack === "batch"))
        ],
        { concurrency: "unbounded", discard: true }
      )
      senders.forEach((_, id) => ledger.mustHave(id, subject.messages))
      const counted = yield* stats
      const total = subject.messages * senders.length
      must(counted.sent === total, `statistics say ${counted.sent} sent, it was ${total}`)
      must(counted.received === total, `statistics say ${counted.received} received, it was ${total}`)
      must(counted.depth === 0, `statistics say that ${counted.depth} are left`)
      must(counted.sendErrors === 0 && counted.receiveErrors === 0, "statistics say that something failed")
    })
  )

const asStreams = (subject: Subject): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { receivers, senders } = yield* subject.open
      const ledger = new Ledger(subject.ordered)
      yield* Effect.all(
        [
          ...senders.map((sender, id) =>
            Effect.andThen(
              Stream.run(Stream.fromIterable(messages(id, subject.messages)), sender.sink),
              () => sender.close
            )
          ),
          ...receivers.map((receiver, index) =>
            Stream.runForEachArray(receiver.stream, (messages) =>
              Effect.suspend(() => {
                for (const message of messages) ledger.enter(index, message)
                return subject.ack === "batch" ? receiver.ack : Effect.void
              })
            )
          )
        ],
        { concurrency: "unbounded", discard: true }
      )
      senders.forEach((_, id) => ledger.mustHave(id, subject.messages))
    })
  )

/** Turns of the fiber before an interruption: from none to past the first park. */
const turns = (count: number): Effect.Effect<void> =>
  Effect.forEach(Array.from({ length: count }), () => Effect.yieldNow, { discard: true })

const interruptedReceive = (subject: Subject): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { receivers, senders } = yield* subject.open
      const ledger = new Ledger(subject.ordered)
      const roll = dice(7)
      let interrupted = 0
      const takeUntilClosed = (receiver: Receiver<Message>, index: number): Effect.Effect<void, unknown> =>
        Effect.gen(function* () {
          for (;;) {
            const fiber = yield* Effect.forkChild(receiver.receiveAll(1 + roll(5)))
            yield* turns(roll(6))
            const exit = yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))
            if (Exit.isSuccess(exit)) for (const message of exit.value) ledger.enter(index, message)
            else if (Exit.hasInterrupts(exit)) interrupted += 1
            else return yield* exit
            if (subject.ack === "batch") yield* receiver.ack
          }
        })
      yield* Effect.all(
        [
          ...senders.map((sender, id) => sendMixed(sender, id, subject.messages)),
          ...receivers.map((receiver, index) => Effect.catch(takeUntilClosed(receiver, index), untilClosed))
        ],
        { concurrency: "unbounded", discard: true }
      )
      senders.forEach((_, id) => ledger.mustHave(id, subject.messages))
      must(subject.messages < 100 || interrupted > 0, "no receive was interrupted: the law was not tested")
    })
  )

const interruptedSend = (subject: Subject): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { receivers, senders } = yield* subject.open
      const ledger = new Ledger(subject.ordered)
      let interrupted = 0
      const sendUntilAccepted = (sender: Sender<Message>, id: number): Effect.Effect<void, SendError> =>
        Effect.gen(function* () {
          const roll = dice(11 + id)
          for (let next = 0; next < subject.messages;) {
            const fiber = yield* Effect.forkChild(sender.send(message(id, next)))
            yield* turns(roll(4))
            const exit = yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))
            if (Exit.isSuccess(exit)) next += 1
            else if (Exit.hasInterrupts(exit)) interrupted += 1
            else return yield* exit
          }
          yield* sender.close
        })
      yield* Effect.all(
        [
          ...senders.map((sender, id) => sendUntilAccepted(sender, id)),
          ...receivers.map((receiver, index) => receiveMixed(receiver, index, ledger, subject.ack === "batch"))
        ],
        { concurrency: "unbounded", discard: true }
      )
      senders.forEach((_, id) => ledger.mustHave(id, subject.messages))
      const untested = subject.bound !== undefined && subject.bound < 64 && interrupted === 0
      must(!untested, "no send was interrupted: the law was not tested")
    })
  )

/**
 * @category laws
 * @since 0.1.0
 */
export const trafficLaws = (subject: Subject): ReadonlyArray<Law> => [
  { name: "keeps the order of each sender, loses nothing, repeats nothing, and counts so", run: everyWay(subject) },
  { name: "sinks and streams carry everything to the end", run: asStreams(subject) },
  { name: "interrupting a receive loses and repeats nothing", run: interruptedReceive(subject) },
  { name: "interrupting a send loses and repeats nothing", run: interruptedSend(subject) }
]
