/**
 * Workers of one contract behind one partitioner: a message goes to the worker that its key is
 * placed at, through that worker's mailbox, and waits there for its turn.
 *
 * - **Ordering**: messages of one key that one fiber sends are handled in the order they were sent.
 * - **Blocking**: a full mailbox makes whoever sends to it wait; other workers are not affected.
 * - **Closing**: closing the scope stops intake, lets the workers drain their mailboxes and shut
 *   down, and kills those that take longer than `shutdownTimeout`, naming them in a warning.
 *   Every request is settled.
 *
 * An idle pool does not keep the process alive; one with work does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Codec from "../codec/Codec.ts"
import {
  InvalidConfig,
  type PartitionError,
  type ReceiveError,
  type SendError,
  type Timeout,
  type WorkerNotFound,
  type WorkerNotRunning,
  type WorkerPanicked
} from "../errors/Errors.ts"
import * as Options from "../errors/Options.ts"
import * as Partitioner from "../partition/Partitioner.ts"
import * as Wire from "../worker/Wire.ts"
import type { AnyContract, Contract, Key } from "../worker/Worker.ts"
import { Workers } from "../worker/Workers.ts"
import { Member } from "./Member.ts"
import { Pending } from "./Pending.ts"
import { PoolOptions, type PoolOptionsInput } from "./PoolOptions.ts"
import { PoolRuntime } from "./PoolRuntime.ts"

/**
 * What sending to a worker can fail with. `unsent` has the messages that were not accepted.
 *
 * @category models
 * @since 0.1.0
 */
export type DeliveryError = SendError | WorkerNotRunning | WorkerPanicked

/**
 * What any request can fail with, besides the error it declares.
 *
 * @category models
 * @since 0.1.0
 */
export type AskError = DeliveryError | ReceiveError

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
export interface WorkerStats {
  readonly worker: string
  readonly state: string
  /** Messages and requests handled. */
  readonly handled: number
  /** Messages and requests waiting in its mailbox. */
  readonly depth: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WorkerPool<in M, Requests extends Rpc.Any> {
  readonly name: string
  readonly size: number
  readonly workerIds: ReadonlyArray<string>
  /** Sends a message to the worker of its key. */
  readonly send: (message: M) => Effect.Effect<void, DeliveryError | PartitionError>
  /**
   * Sends messages, each to the worker of its key: the fast way. When it fails, the error has those
   * that were not accepted, of all workers; the others were.
   */
  readonly sendAll: (messages: ReadonlyArray<M>) => Effect.Effect<void, DeliveryError | PartitionError>
  /** Sends a message to one worker, whatever its key. */
  readonly sendTo: (workerId: string, message: M) => Effect.Effect<void, DeliveryError | WorkerNotFound>
  /** Sends a message to every worker. */
  readonly broadcast: (message: M) => Effect.Effect<void, DeliveryError>
  /** Asks the worker of a key, and waits for its answer. Interrupting drops the answer. */
  readonly ask: <Tag extends Requests["_tag"]>(
    key: Key,
    tag: Tag,
    payload: Rpc.PayloadConstructor<Tagged<Requests, Tag>>
  ) => Answer<Tagged<Requests, Tag>, AskError | PartitionError>
  /** Asks one worker. */
  readonly askTo: <Tag extends Requests["_tag"]>(
    workerId: string,
    tag: Tag,
    payload: Rpc.PayloadConstructor<Tagged<Requests, Tag>>
  ) => Answer<Tagged<Requests, Tag>, AskError | WorkerNotFound>
  /** Asks every worker; the answers come in the order of `workerIds`. For requests that do not stream. */
  readonly askAll: <Tag extends Requests["_tag"]>(
    tag: Tag,
    payload: Rpc.PayloadConstructor<Tagged<Requests, Tag>>
  ) => Effect.Effect<
    ReadonlyArray<Rpc.Success<Tagged<Requests, Tag>>>,
    Rpc.Error<Tagged<Requests, Tag>> | AskError
  >
  readonly stats: Effect.Effect<ReadonlyArray<WorkerStats>>
  /** Waits until everything sent so far was handled, or fails with the panic of a worker. */
  readonly drained: Effect.Effect<void, WorkerPanicked>
  /** What the pool is made of, in words: one line for the pool and one a worker. */
  readonly describe: Effect.Effect<string>
}

/**
 * Starts a pool: its workers start side by side and end with the scope. Fails if one does not start.
 *
 * ```ts
 * const pool = yield* WorkerPool.make(Tally, { size: 4, partitioner: Partitioner.consistentHash() })
 * yield* pool.sendAll(messages)
 * const top = yield* pool.ask("the", "Top", { n: 10 })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <Name extends string, M, Requests extends Rpc.Any, Init>(
  contract: Contract<Name, M, Requests, Init>,
  settings?: PoolOptionsInput & {
    readonly partitioner?: Partitioner.Partitioner<Key> | undefined
    /** The argument of each worker's `init`. */
    readonly initData?: Init | undefined
  }
): Effect.fn.Return<
  WorkerPool<M, Requests>,
  InvalidConfig | WorkerPanicked | Timeout,
  Workers | Scope.Scope
> {
  const { initData, partitioner = Partitioner.hash(), ...input } = settings ?? {}
  const options = yield* Options.decode(PoolOptions, "WorkerPool", input)
  const workers = yield* Workers
  const wire = yield* Effect.try({
    try: () => Wire.compile(contract as unknown as AnyContract),
    catch: (cause) =>
      new InvalidConfig({
        option: `${contract.workerName}.message`,
        value: cause instanceof Codec.CodecError ? cause.path : contract.workerName,
        allowed: cause instanceof Error ? cause.message : String(cause)
      })
  })
  const data = yield* Effect.try({
    try: () => Codec.encode(Codec.make(contract.initData as Schema.Codec<unknown, unknown>), initData),
    catch: (cause) =>
      new InvalidConfig({
        option: "WorkerPool.initData",
        value: initData,
        allowed: cause instanceof Error ? cause.message : String(cause)
      })
  })
  const name = options.name ?? contract.workerName
  const size = options.size ?? workers.parallelism
  const ids = Array.from({ length: size }, (_, index) => `${name}/${index}`)
  const assignment = yield* Result.match(partitioner.assign(ids, { groups: options.keyGroups }), {
    onSuccess: (value) => Effect.succeed(value),
    onFailure: (error) => Effect.fail(error)
  })
  const wanted = options.capacityBytes ?? Math.min(Math.max(options.capacity * 64, 65_536), 4_194_304)
  const mailbox = { capacity: options.capacity, laneBytes: 2 ** Math.ceil(Math.log2(wanted)), wait: options.wait }
  const members = ids.map((id, index) => new Member(id, index, wire, mailbox))

  // The workers live in a scope of their own, so that a pool that fails to start leaves nothing.
  const scope = yield* Scope.fork(yield* Effect.scope)
  const pending = new Pending(name, size, options.wait)
  const start = (member: Member) =>
    Effect.map(
      workers.spawn({
        contract: contract as unknown as AnyContract,
        links: {
          workerId: member.id,
          mailbox: {
            _tag: "ReceiverHandle",
            channel: member.id,
            memory: member.mesh.memory.buffer as SharedArrayBuffer,
            slot: member.receiverSlot,
            wait: options.wait,
            ack: "after"
          },
          replies: {
            _tag: "SenderHandle",
            channel: `${name}: replies`,
            memory: pending.mesh.memory.buffer as SharedArrayBuffer,
            slot: pending.mesh.reserve("sender"),
            wait: options.wait,
            unbounded: false
          },
          control: member.control.buffer,
          initData: data
        },
        startMillis: options.startTimeout,
        shutdownMillis: options.shutdownTimeout
      }),
      (process) => {
        member.process = process
      }
    )
  yield* Effect.forEach(members, start, { concurrency: "unbounded", discard: true }).pipe(
    Scope.provide(scope),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )

  const pool = new PoolRuntime(name, workers.isolation, contract as unknown as AnyContract, members, assignment, pending, wire)
  for (const member of members) yield* Effect.forkIn(pool.watch(member), scope)
  yield* Effect.forkIn(pending.run, scope)
  // Last, so first to run: the fibers above must see the drain through.
  yield* Scope.addFinalizer(scope, pool.close(options.shutdownTimeout))
  return pool as unknown as WorkerPool<M, Requests>
})
