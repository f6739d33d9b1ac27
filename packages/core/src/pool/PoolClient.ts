/**
 * Sending to a pool from a thread that does not own it: a worker to another pool, without the
 * owner's thread in between.
 *
 * A client routes by the pool's shared `RoutingTable`, so it follows the pool when it is resized.
 *
 * @since 0.1.0
 */
import { type Input, toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Scope from "effect/Scope"
import { Room } from "../channel/Ends.ts"
import { FrameWriter } from "../channel/FrameWriter.ts"
import * as Poll from "../channel/Poll.ts"
import * as ThreadIdentity from "../channel/ThreadIdentity.ts"
import { Waiter } from "../channel/WaitStrategy.ts"
import {
  InvalidConfig,
  PartitionError,
  SendError,
  Timeout,
  WorkerNotFound,
  WorkerNotRunning
} from "../errors/Errors.ts"
import { wrongTimeout } from "../errors/Options.ts"
import * as KeyGroup from "../partition/KeyGroup.ts"
import * as KeyHash from "../partition/KeyHash.ts"
import { Mesh } from "../ring/Mesh.ts"
import { Refusals } from "../ring/Refusals.ts"
import { RingFault } from "../ring/RingFault.ts"
import { RoutingTable } from "../ring/RoutingTable.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import { Envelope, EnvelopeKind, now } from "../worker/Envelope.ts"
import * as Wire from "../worker/Wire.ts"
import type { AnyContract, Contract, Key } from "../worker/Worker.ts"
import type { PoolHandle } from "./PoolHandle.ts"
import { notWritten, withUnsent } from "./Unsent.ts"
import { make as makeSender, type WorkerSender } from "./WorkerSender.ts"

/**
 * A pool as other threads see it. Used by one fiber at a time.
 *
 * - **Ordering**: messages of one key that one client sends are handled in the order they were sent.
 * - **Blocking**: waits while a worker's mailbox is full, and while a key's group is on the move.
 * - **Refusing**: `WorkerNotRunning` while a circuit that fails its senders is open: see `Supervision.circuitBreaker`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolClient<in M> {
  readonly pool: string
  readonly send: (message: M) => Effect.Effect<void, SendError | WorkerNotRunning | PartitionError>
  readonly sendAll: (messages: ReadonlyArray<M>) => Effect.Effect<void, SendError | WorkerNotRunning | PartitionError>
  readonly sendTo: (workerId: string, message: M) => Effect.Effect<void, SendError | WorkerNotRunning | WorkerNotFound>
  /** One worker's sending half. */
  readonly sender: (workerId: string) => Effect.Effect<WorkerSender<M, SendError | WorkerNotRunning>, WorkerNotFound>
}

type ToOne = SendError | WorkerNotRunning

type ByKey = ToOne | PartitionError

class Target {
  readonly worker: string
  /** Its number among the pool's places. */
  readonly place: number
  readonly writer: FrameWriter
  readonly room: Waiter

  constructor(worker: string, place: number, writer: FrameWriter, wait: PoolHandle<never>["wait"]) {
    this.worker = worker
    this.place = place
    this.writer = writer
    this.room = new Waiter(new Room(writer), wait)
  }
}

class Client {
  readonly pool: string
  private readonly partitioner: string
  private readonly key: (message: unknown) => Key
  private readonly slot: number
  private readonly table: RoutingTable | undefined
  private readonly refusals: Refusals
  private readonly targets: ReadonlyArray<Target>
  private readonly envelope: Envelope<unknown>
  private count = 0

  constructor(contract: AnyContract, handle: PoolHandle<never>, slot: number, targets: ReadonlyArray<Target>) {
    this.pool = handle.pool
    this.partitioner = handle.partitioner
    this.key = contract.key
    this.slot = slot
    this.table = handle.routing === undefined ? undefined : RoutingTable.open(handle.routing)
    this.refusals = Refusals.open(handle.refusals)
    this.targets = targets
    this.envelope = new Envelope(Wire.compile(contract).message)
    // A predecessor that died while it was sending has not taken its announcement back.
    this.table?.leave(slot)
  }

  readonly send = (message: unknown): Effect.Effect<void, ByKey> => {
    return this.sendAll([message])
  }

  readonly sendAll = (messages: ReadonlyArray<unknown>): Effect.Effect<void, ByKey> => {
    return Effect.suspend((): Effect.Effect<void, ByKey> => {
      const { refusals, table } = this
      if (this.isClosed) return Effect.fail(this.ended(messages))
      if (table === undefined) {
        return Effect.fail(
          new PartitionError({
            partitioner: this.partitioner,
            key: undefined,
            detail: "it does not place by hashed key group, so only the pool's own thread can ask it; use sendTo",
            unsent: [...messages]
          })
        )
      }
      // Which worker each message waits for: undefined while its group is on the move.
      const waiting = new Map<Target | undefined, Array<unknown>>()
      const refused: Array<unknown> = []
      let because: WorkerNotRunning | undefined
      const timestamp = now()
      let index = 0
      table.enter(this.slot)
      try {
        // A group whose message waits for its arrival holds the ones behind it back too.
        const moving = new Set<number>()
        for (; index < messages.length; index++) {
          const message = messages[index]
          const group = this.groupOf(message, table)
          const worker = moving.has(group) ? -1 : table.workerOf(group)
          const target = worker < 0 ? undefined : this.targets[worker]
          const refusal = refusals.any && target !== undefined ? this.refusalOf(target, group) : undefined
          if (refusal !== undefined) {
            because = refusal
            refused.push(message)
            continue
          }
          if (target === undefined) moving.add(group)
          const behind = waiting.get(target)
          if (behind !== undefined) behind.push(message)
          else if (target === undefined || !this.write(target, message, timestamp)) waiting.set(target, [message])
        }
      } catch (cause) {
        const unsent = [...refused, ...[...waiting.values()].flat(), ...messages.slice(index)]
        return Effect.fail(
          cause instanceof PartitionError ? withUnsent(cause, unsent) : notWritten(this.pool, cause, unsent)
        )
      } finally {
        for (const target of this.targets) target.writer.publish()
        table.leave(this.slot)
      }
      const sent = waiting.size === 0 ? Effect.void : this.sendWaiting([...waiting], table)
      if (because === undefined) return sent
      const refusal = withUnsent(because, refused)
      return Effect.matchEffect(sent, {
        onFailure: (error) => Effect.fail(withUnsent(error, [...refused, ...error.unsent])),
        onSuccess: () => Effect.fail(refusal)
      })
    })
  }

  /** Why nothing goes to a worker now, if a circuit is open: its own, or that of a key group. */
  private refusalOf({ place, worker }: Target, group: number | undefined): WorkerNotRunning | undefined {
    const { refusals } = this
    const whole = refusals.ofWorker(place)
    const millis = whole > 0 || group === undefined ? whole : refusals.ofGroup(group)
    if (millis === 0) return undefined
    const whose = whole > 0 ? "its circuit" : `the circuit of its key group ${group}`
    return new WorkerNotRunning({
      worker,
      state: `${whose} is open, the next probe is in ${millis} ms`,
      operation: `pool ${this.pool}: send`,
      unsent: [],
      retryAfterMillis: millis
    })
  }

  /** Why a message does not go to this worker now, whatever its key: one without a key is no group's. */
  private refusalTo(target: Target, message: unknown): WorkerNotRunning | undefined {
    const { refusals, table } = this
    if (!refusals.isThere(target.place)) {
      const operation = `pool ${this.pool}: send`
      return new WorkerNotRunning({ worker: target.worker, state: "Stopped", operation, unsent: [] })
    }
    if (!refusals.any) return undefined
    let group: number | undefined
    try {
      group = table === undefined ? undefined : this.groupOf(message, table)
    } catch {
      group = undefined
    }
    const isThere = group !== undefined && table!.workerOf(group) === target.place
    return this.refusalOf(target, isThere ? group : undefined)
  }

  /** Sends what waited for room, or for a group on the move: routed anew, as it may have moved meanwhile. */
  private sendWaiting(
    waiting: ReadonlyArray<readonly [Target | undefined, ReadonlyArray<unknown>]>,
    table: RoutingTable
  ): Effect.Effect<void, ByKey> {
    return Effect.gen({ self: this }, function* () {
      for (const [index, [target, rest]] of waiting.entries()) {
        yield* target === undefined
          ? Poll.until(() => this.isClosed || this.arrived(rest, table))
          : target.room.wait(true)
        yield* Effect.mapError(this.sendAll(rest), (error) =>
          withUnsent(error, [...error.unsent, ...waiting.slice(index + 1).flatMap(([, later]) => later)])
        )
      }
    })
  }

  /** Throws `PartitionError`. */
  private groupOf(message: unknown, table: RoutingTable): number {
    try {
      return KeyGroup.of(KeyHash.of(this.key(message)), table.groups)
    } catch (cause) {
      throw new PartitionError({
        partitioner: this.partitioner,
        key: message,
        detail: `the key function threw ${String(cause)}`,
        unsent: [],
        cause
      })
    }
  }

  private arrived(messages: ReadonlyArray<unknown>, table: RoutingTable): boolean {
    return messages.some((message) => table.workerOf(this.groupOf(message, table)) >= 0)
  }

  /** Whether the pool is closed, or this client. */
  private get isClosed(): boolean {
    return this.targets[0].writer.port.status() !== "open"
  }

  readonly sendTo = (workerId: string, message: unknown): Effect.Effect<void, ToOne | WorkerNotFound> => {
    return Effect.suspend((): Effect.Effect<void, ToOne | WorkerNotFound> => {
      const target = this.target(workerId)
      return target === undefined
        ? Effect.fail(this.notFound(workerId, [message]))
        : this.sendAllTo(target, [message], { accepted: 0 })
    })
  }

  readonly sender = (workerId: string): Effect.Effect<WorkerSender<unknown, ToOne>, WorkerNotFound> => {
    return Effect.suspend(() => {
      const target = this.target(workerId)
      if (target === undefined) return Effect.fail(this.notFound(workerId, []))
      const sendAllWithin = (messages: ReadonlyArray<unknown>, duration: Input) => {
        const wrong = wrongTimeout(duration)
        if (wrong !== undefined) {
          const unsent = [...messages]
          return Effect.fail(new SendError({ channel: this.pool, reason: "Encode", detail: wrong, unsent }))
        }
        const progress = { accepted: 0 }
        return Effect.timeoutOrElse(this.sendAllTo(target, messages, progress), {
          duration,
          orElse: () =>
            Effect.suspend(() =>
              Effect.fail(
                new Timeout({
                  operation: `pool ${this.pool}: send to ${workerId}`,
                  millis: toMillis(duration),
                  unsent: messages.slice(progress.accepted)
                })
              )
            )
        })
      }
      return Effect.succeed(
        makeSender(
          workerId,
          (messages) => Effect.suspend(() => this.sendAllTo(target, messages, { accepted: 0 })),
          (messages, duration) => Effect.suspend(() => sendAllWithin(messages, duration)),
          (message) => this.trySendTo(target, message)
        )
      )
    })
  }

  /** A worker's mailbox; undefined if the pool has no such worker now. */
  private target(workerId: string): Target | undefined {
    return this.present.find((candidate) => candidate.worker === workerId)
  }

  private get present(): ReadonlyArray<Target> {
    return this.targets.filter(({ place }) => this.refusals.isThere(place))
  }

  private notFound(worker: string, unsent: ReadonlyArray<unknown>): WorkerNotFound {
    const known = this.present.map((target) => target.worker)
    return new WorkerNotFound({ worker, known, unsent: [...unsent] })
  }

  private sendAllTo(
    target: Target,
    messages: ReadonlyArray<unknown>,
    progress: { accepted: number }
  ): Effect.Effect<void, ToOne> {
    return Effect.suspend((): Effect.Effect<void, ToOne> => {
      const rest = () => messages.slice(progress.accepted)
      if (target.writer.port.status() !== "open") return Effect.fail(this.ended(rest()))
      const timestamp = now()
      let refusal: WorkerNotRunning | undefined
      try {
        while (progress.accepted < messages.length) {
          const message = messages[progress.accepted]
          refusal = this.refusalTo(target, message)
          if (refusal !== undefined || !this.write(target, message, timestamp)) break
          progress.accepted += 1
        }
      } catch (cause) {
        return Effect.fail(notWritten(this.pool, cause, rest()))
      } finally {
        target.writer.publish()
      }
      if (progress.accepted === messages.length) return Effect.void
      if (refusal !== undefined) return Effect.fail(withUnsent(refusal, rest()))
      return Effect.flatMap(target.room.wait(true), () => this.sendAllTo(target, messages, progress))
    })
  }

  private trySendTo(target: Target, message: unknown): Effect.Effect<boolean, ToOne> {
    return Effect.suspend((): Effect.Effect<boolean, ToOne> => {
      if (target.writer.port.status() !== "open") return Effect.fail(this.ended([message]))
      const refusal = this.refusalTo(target, message)
      if (refusal !== undefined) return Effect.fail(withUnsent(refusal, [message]))
      try {
        return Effect.succeed(this.write(target, message, now()))
      } catch (cause) {
        return Effect.fail(notWritten(this.pool, cause, [message]))
      } finally {
        target.writer.publish()
      }
    })
  }

  private write(target: Target, message: unknown, timestamp: number): boolean {
    const { head } = this.envelope
    head.id = this.count
    head.timestamp = timestamp
    if (!target.writer.write(this.envelope, message, EnvelopeKind.Message)) return false
    this.count = (this.count + 1) | 0
    return true
  }

  private ended(unsent: ReadonlyArray<unknown>): SendError {
    return new SendError({ channel: this.pool, reason: "Closed", detail: "the pool is closed", unsent: [...unsent] })
  }

  close(): void {
    for (const target of this.targets) target.writer.close()
  }
}

/**
 * Connects this thread to a pool that lives in another, until the scope closes. Fails with
 * `InvalidConfig` if the handle is of another contract, or as many threads as the pool's `clients`
 * are connected already.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = <Name extends string, M, Requests extends Rpc.Any, Init, Snapshot, Output = never>(
  contract: Contract<Name, M, Requests, Init, Snapshot, Output>,
  handle: PoolHandle<M>
): Effect.Effect<PoolClient<M>, InvalidConfig, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => attach(contract as unknown as AnyContract, handle as PoolHandle<never>),
      catch: (cause) =>
        new InvalidConfig({
          option: "WorkerPool.connect",
          value: handle.pool,
          allowed: cause instanceof Error ? cause.message : String(cause)
        })
    }),
    (client) => Effect.sync(() => client.close())
  )

const attach = (contract: AnyContract, handle: PoolHandle<never>): Client => {
  const meshes = handle.mailboxes.map(({ memory }) => Mesh.open(memory))
  const { fingerprint } = Wire.compile(contract).message
  for (const mesh of meshes) {
    if (mesh.fingerprint[0] !== fingerprint[0] || mesh.fingerprint[1] !== fingerprint[1]) {
      throw new RingFault("refused", `the contract of the pool; the messages of ${contract.workerName} are others`)
    }
  }
  // The same place in every mailbox: whoever has it in the first has it in all.
  const first = handle.priorities
  const places = meshes[0].senders - first
  let slot = 0
  while (slot < places && !meshes[0].reserveSender(first + slot)) slot++
  if (slot === places) throw new RingFault("refused", `at most ${places} other threads (option clients of the pool)`)
  const owner = ThreadIdentity.current()
  const targets = meshes.map((mesh, index) => {
    if (index > 0) mesh.reserveSender(first + slot)
    const writer = new FrameWriter(SenderPort.attach(mesh, first + slot, owner), true)
    return new Target(handle.mailboxes[index].worker, index, writer, handle.wait)
  })
  return new Client(contract, handle, slot, targets)
}
