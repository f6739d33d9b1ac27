/**
 * What a pool offers, and what its operations can fail with.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Stream from "effect/Stream"
import type {
  InvalidConfig,
  PartitionError,
  PoolFull,
  ReceiveError,
  SendError,
  Timeout,
  WorkerAlreadyRunning,
  WorkerNotFound,
  WorkerNotRunning,
  WorkerPanicked
} from "../errors/Errors.ts"
import type { DeadLetter } from "../supervision/DeadLetter.ts"
import type { SupervisionCounts, SupervisionEvent } from "../supervision/SupervisionEvent.ts"
import type { Key } from "../worker/Worker.ts"
import type { PoolHandle } from "./PoolHandle.ts"
import type { WorkerSender } from "./WorkerSender.ts"

/**
 * What sending to a worker can fail with. `unsent` has the messages that were not accepted.
 * `PoolFull` only where the pool's `onFull` is `fail`, `Timeout` only where one is given.
 *
 * @category models
 * @since 0.1.0
 */
export type DeliveryError = SendError | WorkerNotRunning | PoolFull | Timeout

/**
 * What any request can fail with, besides the error it declares: `WorkerPanicked` if the worker
 * dies of it or before it, `Timeout` only where one is given.
 *
 * @category models
 * @since 0.1.0
 */
export type AskError = SendError | WorkerNotRunning | WorkerPanicked | ReceiveError | Timeout

/**
 * What a request answers: an Effect, or for a streaming request a Stream.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer<Request extends Rpc.Any, E> =
  Rpc.Success<Request> extends Stream.Stream<infer A, infer E2, infer _>
    ? Stream.Stream<A, E2 | Rpc.Error<Request> | E>
    : Effect.Effect<Rpc.Success<Request>, Rpc.Error<Request> | E>

type Tagged<Requests extends Rpc.Any, Tag extends string> = Extract<Requests, { readonly _tag: Tag }>

/**
 * @category models
 * @since 0.1.0
 */
export interface SendOptions {
  /** Which of the pool's `priorities`, 0 (the default) being the least urgent. */
  readonly priority?: number | undefined
  /** How long to wait for room before failing with `Timeout`; for ever if absent. */
  readonly timeout?: Duration.Input | undefined
  /**
   * How long each of the messages may take to handle, instead of what the pool's `Supervision.deadline` says; without
   * that there is nobody to watch them, and sending fails with `SendError`.
   */
  readonly deadline?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AskOptions {
  /** How long to wait for the answer, or between the arrays of a streaming one, before failing with `Timeout`. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WorkerStats {
  readonly worker: string
  /** `Idle`, `Running`, `Paused` or `Stopped`. */
  readonly state: string
  /** Messages and requests handled. */
  readonly handled: number
  /** Messages and requests that this thread sent and that are not acknowledged: those that wait, and those taken. */
  readonly depth: number
  /**
   * Of `depth`, those that it has taken: its state is not saved since it handled them, or it handles them with others, in
   * a batch or at once. The others wait, or are the one in its hand.
   */
  readonly taken: number
  /** Outputs that wait to be taken; 0 without outputs. */
  readonly outputs: number
  /** Messages forgotten, where `onFull` is one of the drop policies. */
  readonly dropped: number
  /** Where it was put, and what of its `WorkerConfig` could not be done, in words. */
  readonly placement: string | undefined
}

/**
 * One worker of a pool.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerRef<in M> {
  readonly id: string
  readonly state: Effect.Effect<string>
  /** Starts it again after it was stopped, or panicked; the messages in its mailbox are handled first. */
  readonly start: Effect.Effect<
    void,
    WorkerAlreadyRunning | WorkerNotRunning | InvalidConfig | WorkerPanicked | Timeout
  >
  /** Lets it finish what is in its mailbox, run `shutdown` and end. Final: it takes no more messages and commands. */
  readonly stop: Effect.Effect<void, WorkerNotRunning>
  /** Holds it after the message in hand. Messages wait; requests and pings go on waiting too, but for `ping`. */
  readonly pause: Effect.Effect<void, WorkerNotRunning>
  readonly resume: Effect.Effect<void, WorkerNotRunning>
  /** Asks for a sign of life between two messages: how long it took. */
  readonly ping: Effect.Effect<Duration.Duration, WorkerNotRunning>
  /** Ends it at once, whatever it does. What it had not handled stays in its mailbox. */
  readonly kill: Effect.Effect<void, WorkerNotRunning>
  readonly send: (message: M, options?: SendOptions) => Effect.Effect<void, DeliveryError>
  readonly sendAll: (messages: ReadonlyArray<M>, options?: SendOptions) => Effect.Effect<void, DeliveryError>
}

/**
 * Outputs of one worker, in the order in which it emitted them.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputBatch<out Output> {
  readonly worker: string
  readonly outputs: readonly [Output, ...Array<Output>]
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WorkerPool<in out M, Requests extends Rpc.Any, out Output = never> {
  readonly name: string
  /** How many workers it has now. */
  readonly size: number
  readonly workerIds: ReadonlyArray<string>
  /** Whether every worker takes messages. */
  readonly allRunning: Effect.Effect<boolean>
  /** Sends a message to the worker of its key. */
  readonly send: (message: M, options?: SendOptions) => Effect.Effect<void, DeliveryError | PartitionError>
  /**
   * Sends messages, each to the worker of its key: the fast way. When it fails, the error has those
   * that were not accepted, of all workers; the others were.
   */
  readonly sendAll: (
    messages: ReadonlyArray<M>,
    options?: SendOptions
  ) => Effect.Effect<void, DeliveryError | PartitionError>
  /** Sends a message to one worker, whatever its key. */
  readonly sendTo: (
    workerId: string,
    message: M,
    options?: SendOptions
  ) => Effect.Effect<void, DeliveryError | WorkerNotFound>
  /** One worker's sending half: `sendTo` that looks its worker up once. */
  readonly sender: (workerId: string) => Effect.Effect<WorkerSender<M, DeliveryError>, WorkerNotFound>
  /**
   * Sends a message to every worker. Where it fails, the others have it all the same, and the cause has
   * the error of each that has not: see `WorkerPool.failures`.
   */
  readonly broadcast: (message: M, options?: SendOptions) => Effect.Effect<void, DeliveryError>
  /** Asks the worker of a key, and waits for its answer. Interrupting drops the answer. */
  readonly ask: <Tag extends Requests["_tag"]>(
    key: Key,
    tag: Tag,
    payload: Rpc.PayloadConstructor<Tagged<Requests, Tag>>,
    options?: AskOptions
  ) => Answer<Tagged<Requests, Tag>, AskError | PartitionError>
  /** Asks one worker. */
  readonly askTo: <Tag extends Requests["_tag"]>(
    workerId: string,
    tag: Tag,
    payload: Rpc.PayloadConstructor<Tagged<Requests, Tag>>,
    options?: AskOptions
  ) => Answer<Tagged<Requests, Tag>, AskError | WorkerNotFound>
  /**
   * Asks every worker; the answers come in the order of `workerIds`. For requests that do not stream.
   * Where it fails, all have ended, and the cause has the error of each that failed: see
   * `WorkerPool.failures`.
   */
  readonly askAll: <Tag extends Requests["_tag"]>(
    tag: Tag,
    payload: Rpc.PayloadConstructor<Tagged<Requests, Tag>>,
    options?: AskOptions
  ) => Effect.Effect<ReadonlyArray<Rpc.Success<Tagged<Requests, Tag>>>, Rpc.Error<Tagged<Requests, Tag>> | AskError>
  /** One worker, to command it or to send to it alone. */
  readonly worker: (workerId: string) => Effect.Effect<WorkerRef<M>, WorkerNotFound>
  /** Lets every worker finish and end; they can be started again. */
  readonly stopAll: Effect.Effect<void>
  /**
   * Starts or ends workers until there are `size`, while traffic flows. Key groups move with the
   * state that the contract declares; the order of a key holds, and no message is lost or handled
   * twice. Ends with the workers of the highest numbers.
   */
  readonly resize: (size: number) => Effect.Effect<void, ResizeError>
  /** Starts one more worker, as `resize` does, and returns its id. */
  readonly addWorker: Effect.Effect<string, ResizeError>
  /** Ends a worker, as `resize` does. */
  readonly removeWorker: (workerId: string) => Effect.Effect<void, ResizeError | WorkerNotFound>
  /** Replaces a worker by a new one that takes its state over, as `resize` does. */
  readonly recycle: (workerId: string) => Effect.Effect<void, ResizeError | WorkerNotFound>
  /** What another thread needs to send to this pool: see `WorkerPool.connect`. */
  readonly handle: PoolHandle<M>
  readonly stats: Effect.Effect<ReadonlyArray<WorkerStats>>
  /** Waits until everything that this thread sent so far was handled. */
  readonly drained: Effect.Effect<void, WorkerNotRunning>
  /** What its supervision does, as it happens. Whoever listens misses the oldest if it falls behind by 1024. */
  readonly events: Stream.Stream<SupervisionEvent>
  /** How often each of them happened. */
  readonly supervised: Effect.Effect<SupervisionCounts>
  /** Fails when its supervision gives the pool up: nothing is sent or asked any more. Never succeeds. */
  readonly escalated: Effect.Effect<never, WorkerPanicked>
  /**
   * Messages that were given up, and those that were left when the pool closed; then it ends. Each is
   * taken once. At most 1024 wait to be taken (`Supervision.deadLetters`), the oldest make way.
   */
  readonly deadLetters: Stream.Stream<DeadLetter<M>>
  /** Sends the message of a dead letter again, as a new one. */
  readonly replay: (letter: DeadLetter<M>) => Effect.Effect<void, DeliveryError | PartitionError>
  /**
   * What the handlers emit. Running it twice continues, not repeats; two at once share.
   *
   * - **Ordering**: that of each worker, and that of each key, also when it moves to another worker.
   * - **Blocking**: a worker whose outputs nobody takes handles no further messages, and is not drained.
   * - **Interrupting** a reader loses what of its last array, of 256 at most, it has not used.
   * - **Closing**: ends when all is taken of a pool that was closed, or whose workers were all stopped;
   *   fails with `WorkerPanicked` if none is left to emit because they panicked.
   *
   * What a message emitted is there before the message counts as handled. It comes again if the message
   * is handled again, after a death.
   */
  readonly outputs: Stream.Stream<Output, ReceiveError | WorkerPanicked>
  /** `outputs`, each array with the worker that it is from. */
  readonly outputBatches: Stream.Stream<OutputBatch<Output>, ReceiveError | WorkerPanicked>
  /** What the pool is made of and what was chosen for it, in words. */
  readonly describe: Effect.Effect<string>
}

/**
 * What a change of the workers can fail with; the pool then is as it was before, but for workers
 * that died.
 *
 * @category models
 * @since 0.1.0
 */
export type ResizeError = InvalidConfig | WorkerPanicked | WorkerNotRunning | Timeout | ReceiveError | SendError
