/**
 * Bridges between channels and the rest of Effect: `Queue` on either side, `Stream` and `Sink`
 * straight from a handle.
 *
 * A bridge to or from a queue is a fiber that forwards: what it has in its hands when it is
 * interrupted is gone, so end the side that feeds it instead. Under ack policy `after` messages
 * count as handled once the queue has taken them.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { InvalidConfig, ReceiveError, SendError } from "../errors/Errors.ts"
import type { ReceiverHandle, SenderHandle } from "./Handle.ts"
import type { Receiver } from "./Receiver.ts"
import type { Sender } from "./Sender.ts"
import * as SharedChannel from "./SharedChannel.ts"

/** How long closing a scope waits for room for what a bridge's queue holds, in milliseconds. */
const lingerMillis = 5000

/** Messages that a bridge's own queue holds. */
const defaultCapacity = 256

/**
 * Forwards what arrives at `receiver` into `queue`, waiting while it is full, until the channel or
 * the queue ends. The end of the channel ends the queue; its failure fails the queue.
 *
 * @category combinators
 * @since 0.1.0
 */
export const intoQueue = <A>(
  receiver: Receiver<A>,
  queue: Queue.Enqueue<A, ReceiveError | Cause.Done>
): Effect.Effect<void> => {
  const forward: Effect.Effect<void, ReceiveError> = Effect.flatMap(receiver.receiveAll(), (messages) =>
    Effect.flatMap(Queue.offerAll(queue, messages), (rest) => (rest.length === 0 ? forward : Effect.void))
  )
  return Effect.catch(forward, (error) =>
    Effect.asVoid(error.reason === "Closed" ? Queue.end(queue) : Queue.fail(queue, error))
  )
}

/**
 * Forwards what `queue` gives to `sender`, waiting for room, until the queue is done. Its failure
 * is the failure of the bridge. The sender stays open.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fromQueue = <A, E>(
  queue: Queue.Dequeue<A, E>,
  sender: Sender<A>
): Effect.Effect<void, SendError | Pull.ExcludeDone<E>> => {
  const forward: Effect.Effect<void, SendError | E> = Effect.flatMap(Queue.takeAll(queue), (messages) =>
    Effect.andThen(sender.sendAll(messages), () => forward)
  )
  return Pull.catchDone(forward, () => Effect.void)
}

/**
 * A queue that what arrives at `receiver` is forwarded to, until the scope closes. It holds up to
 * `capacity` messages (256), which are no longer in the channel.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dequeue = Effect.fnUntraced(function* <A>(
  receiver: Receiver<A>,
  options?: { readonly capacity?: number }
): Effect.fn.Return<Queue.Dequeue<A, ReceiveError | Cause.Done>, never, Scope.Scope> {
  const queue = yield* Effect.acquireRelease(
    Queue.bounded<A, ReceiveError | Cause.Done>(options?.capacity ?? defaultCapacity),
    Queue.shutdown
  )
  yield* Effect.forkScoped(intoQueue(receiver, queue))
  return queue
})

/**
 * A queue whose messages are forwarded to `sender`. It holds up to `capacity` messages (256). When
 * the scope closes the queue ends, and what it holds is sent first if there is room for it within 5
 * seconds. Should the channel refuse messages, the queue is interrupted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const enqueue = Effect.fnUntraced(function* <A>(
  sender: Sender<A>,
  options?: { readonly capacity?: number }
): Effect.fn.Return<Queue.Enqueue<A, Cause.Done>, never, Scope.Scope> {
  const queue = yield* Queue.bounded<A, Cause.Done>(options?.capacity ?? defaultCapacity)
  const scope = yield* Scope.Scope
  const forwarder = yield* Effect.forkDetach(
    Effect.catch(fromQueue(queue, sender), () => Effect.asVoid(Queue.interrupt(queue)))
  )
  const joined = Effect.callback<void>((resume) => {
    // In real time, under whatever clock: a finalizer must end.
    const timer = setTimeout(() => resume(Effect.void), lingerMillis)
    forwarder.addObserver(() => {
      clearTimeout(timer)
      resume(Effect.void)
    })
  })
  yield* Scope.addFinalizer(
    scope,
    Effect.andThen(Queue.end(queue), joined).pipe(Effect.andThen(Fiber.interrupt(forwarder)))
  )
  return queue
})

/**
 * The messages of a channel, from its handle: attaches when the stream starts and closes when it
 * ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <A>(
  schema: Schema.Codec<A, unknown>,
  handle: ReceiverHandle<A>
): Stream.Stream<A, ReceiveError | InvalidConfig> =>
  Stream.unwrap(Effect.map(SharedChannel.attachReceiver(schema, handle), (receiver) => receiver.stream))

/**
 * Sends what it is given into a channel, from its handle: attaches when the sink starts, and closes
 * the sender when the sink is done.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sink = <A>(
  schema: Schema.Codec<A, unknown>,
  handle: SenderHandle<A>
): Sink.Sink<void, A, never, SendError | InvalidConfig> =>
  Sink.unwrap(
    Effect.map(
      SharedChannel.attachSender(schema, handle),
      (sender): Sink.Sink<void, A, never, SendError | InvalidConfig> => sender.sink
    )
  )
