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
import type * as Rpc from "effect/rpc/Rpc"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Codec from "../codec/Codec.ts"
import { InvalidConfig, type Timeout, type WorkerPanicked } from "../errors/Errors.ts"
import * as Options from "../errors/Options.ts"
import * as Partitioner from "../partition/Partitioner.ts"
import { ByteMemory } from "../ring/ByteMemory.ts"
import * as Wire from "../worker/Wire.ts"
import type { AnyContract, Contract, Key } from "../worker/Worker.ts"
import { Workers } from "../worker/Workers.ts"
import { Member, type MemberHooks } from "./Member.ts"
import { Pending } from "./Pending.ts"
import { Placement } from "./Placement.ts"
import type { WorkerPool } from "./PoolApi.ts"
import { mailboxOf, PoolOptions, type PoolOptionsInput } from "./PoolOptions.ts"
import { PoolRuntime } from "./PoolRuntime.ts"

export type * from "./PoolApi.ts"
export { connect, type PoolClient } from "./PoolClient.ts"
export { PoolHandle } from "./PoolHandle.ts"
export { config, OverflowPolicy, PoolOptions, Profile } from "./PoolOptions.ts"

const invalid = (option: string, value: unknown) => (cause: unknown) =>
  new InvalidConfig({
    option,
    value: cause instanceof Codec.CodecError ? `${cause.path} of ${String(value)}` : value,
    allowed: cause instanceof Error ? cause.message : String(cause)
  })

const encodeInit = (schema: Schema.Codec<unknown, unknown>, value: unknown) => {
  const codec = Codec.make(schema)
  const memory = new ByteMemory(new ArrayBuffer((codec.bound(value) + 15) & ~7))
  const bytes = codec.write(memory, 0, value)
  return { initData: memory.u8.slice(0, bytes), initAttachments: memory.attachments }
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
export const make = Effect.fnUntraced(function* <Name extends string, M, Requests extends Rpc.Any, Init, Snapshot>(
  contract: Contract<Name, M, Requests, Init, Snapshot>,
  settings?: PoolOptionsInput & {
    readonly partitioner?: Partitioner.Partitioner<Key> | undefined
    /** The argument of each worker's `init`. */
    readonly initData?: Init | undefined
  }
): Effect.fn.Return<WorkerPool<M, Requests>, InvalidConfig | WorkerPanicked | Timeout, Workers | Scope.Scope> {
  const { initData, partitioner = Partitioner.hash(), ...input } = settings ?? {}
  const options = yield* Options.decode(PoolOptions, "WorkerPool", input)
  const workers = yield* Workers
  const any = contract as unknown as AnyContract
  const wire = yield* Effect.try({
    try: () => Wire.compile(any),
    catch: invalid("WorkerPool.contract", contract.workerName)
  })
  const init = yield* Effect.try({
    try: () => encodeInit(any.initData, initData),
    catch: invalid("WorkerPool.initData", initData)
  })
  const name = options.name ?? contract.workerName
  const size = options.size ?? workers.parallelism
  const places = options.maxSize ?? Math.max(4 * size, 8)
  if (places < size) {
    return yield* new InvalidConfig({ option: "WorkerPool.maxSize", value: places, allowed: `at least size, ${size}` })
  }
  const mailbox = { ...mailboxOf(options), fingerprint: wire.message.fingerprint }

  // A scope of its own, so that a pool that fails to start leaves nothing; and another for the lives of
  // its workers, which begin at any time and must not end before the pool has let them drain.
  const scope = yield* Scope.fork(yield* Effect.scope)
  const lives = yield* Scope.make()
  const pending = new Pending(name, places, mailbox.wait)
  const hooks: MemberHooks = {
    scope: lives,
    onStart: (member) => pool.onStart(member),
    onEnd: (member, panic) => pool.onEnd(member, panic),
    start: (member) =>
      workers.spawn({
        contract: any,
        links: {
          workerId: member.id,
          mailbox: member.mailbox.receiver,
          replies: {
            _tag: "SenderHandle",
            channel: `${name}: replies`,
            memory: pending.mesh.memory.buffer as SharedArrayBuffer,
            slot: replySlots.get(member)!,
            wait: mailbox.wait,
            unbounded: false
          },
          control: member.control.buffer,
          urgent: options.priorities - 1,
          ...init
        },
        config: options.worker,
        index: all.indexOf(member),
        startMillis: options.startTimeout,
        shutdownMillis: options.shutdownTimeout
      })
  }
  const all = Array.from({ length: places }, (_, index) => {
    const id = `${name}/${index}`
    return new Member(id, wire, { ...mailbox, name: id }, hooks)
  })
  const replySlots = new Map(all.map((member) => [member, pending.mesh.reserve("sender")]))
  const placement = yield* Placement.make(partitioner, options.keyGroups, options.clients, all, size)
  const pool = new PoolRuntime(name, workers.isolation, any, options, all, placement, pending, wire, scope)
  yield* Effect.forkIn(pending.run, scope)
  // Last, so first to run: the fiber above must see the drain through.
  yield* Scope.addFinalizer(scope, Effect.andThen(pool.close, Scope.close(lives, Exit.void)))
  yield* Effect.forEach(placement.members, (member) => member.start, { concurrency: "unbounded", discard: true }).pipe(
    Effect.catchTag(["WorkerAlreadyRunning", "WorkerNotRunning"], Effect.die),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  return pool as unknown as WorkerPool<M, Requests>
})
