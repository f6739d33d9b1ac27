/**
 * A running pool: its workers, and the parts that send, ask and rescale.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fiber from "effect/Fiber"
import { type PartitionError, WorkerNotFound, type WorkerNotRunning, type WorkerPanicked } from "../errors/Errors.ts"
import * as KeyHash from "../partition/KeyHash.ts"
import type { Wire } from "../worker/Wire.ts"
import type { AnyContract, Key } from "../worker/Worker.ts"
import { describe } from "../supervision/describe.ts"
import type { DeadLetter } from "../supervision/DeadLetter.ts"
import type { SupervisionCounts, SupervisionEvent } from "../supervision/SupervisionEvent.ts"
import type { Care } from "./Care.ts"
import { Delivery } from "./Delivery.ts"
import { KeepAlive } from "./KeepAlive.ts"
import { Failover } from "./Failover.ts"
import * as Leftovers from "./Leftovers.ts"
import type { Member } from "./Member.ts"
import type { Pending } from "./Pending.ts"
import type { Placement } from "./Placement.ts"
import type { AskOptions, DeliveryError, ResizeError, SendOptions, WorkerRef, WorkerStats } from "./PoolApi.ts"
import type { PoolHandle } from "./PoolHandle.ts"
import { mailboxOf, type PoolOptions } from "./PoolOptions.ts"
import { Requests } from "./Requests.ts"
import { Rescaling } from "./Rescaling.ts"

type Messages = ReadonlyArray<unknown>

/**
 * @category models
 * @since 0.1.0
 */
export class PoolRuntime {
  readonly name: string
  private readonly isolation: string
  private readonly options: PoolOptions
  private readonly all: ReadonlyArray<Member>
  private readonly placement: Placement
  private readonly pending: Pending
  private readonly keepAlive: KeepAlive
  private readonly delivery: Delivery
  private readonly requests: Requests
  private readonly rescaling: Rescaling
  private readonly wire: Wire
  private readonly care: Care
  readonly failover: Failover
  private closing = false

  constructor(
    name: string,
    isolation: string,
    contract: AnyContract,
    options: PoolOptions,
    all: ReadonlyArray<Member>,
    placement: Placement,
    pending: Pending,
    wire: Wire,
    care: Care,
    scope: Scope.Scope
  ) {
    this.name = name
    this.isolation = isolation
    this.options = options
    this.all = all
    this.placement = placement
    this.pending = pending
    this.wire = wire
    this.care = care
    this.keepAlive = new KeepAlive(
      () => this.closing || pending.size > 0 || placement.members.some((member) => member.working)
    )
    const pumping = new Set<Member>()
    const startPump = (member: Member) => {
      if (pumping.has(member)) return
      pumping.add(member)
      Fiber.runIn(
        Effect.runFork(
          Effect.ensuring(
            member.mailbox.pump,
            Effect.sync(() => pumping.delete(member))
          )
        ),
        scope
      )
    }
    const { capacity } = mailboxOf(options)
    this.delivery = new Delivery(
      name,
      contract.key,
      placement,
      this.keepAlive,
      { onFull: options.onFull, priorities: options.priorities, capacity },
      startPump
    )
    this.requests = new Requests(name, wire, pending, this.delivery, this.keepAlive, placement.arrival)
    this.rescaling = new Rescaling(
      name,
      all,
      placement,
      this.requests,
      wire.internal,
      options.keyGroups,
      options.shutdownTimeout
    )
    this.failover = new Failover(contract, all, placement, this.requests, this.rescaling, care, wire, options.keyGroups)
  }

  get size(): number {
    return this.placement.members.length
  }

  get workerIds(): ReadonlyArray<string> {
    return this.placement.members.map((member) => member.id)
  }

  get allRunning(): Effect.Effect<boolean> {
    return Effect.sync(() => this.placement.members.every((member) => member.state === "Running"))
  }

  readonly send = (message: unknown, options?: SendOptions): Effect.Effect<void, DeliveryError | PartitionError> => {
    return this.delivery.sendAll([message], options)
  }

  readonly sendAll = (
    messages: Messages,
    options?: SendOptions
  ): Effect.Effect<void, DeliveryError | PartitionError> => {
    return this.delivery.sendAll(messages, options)
  }

  readonly sendTo = (
    workerId: string,
    message: unknown,
    options?: SendOptions
  ): Effect.Effect<void, DeliveryError | WorkerNotFound> => {
    return this.withMember(workerId, [message], (member) => this.delivery.sendTo(member, [message], options))
  }

  readonly broadcast = (message: unknown, options?: SendOptions): Effect.Effect<void, DeliveryError> => {
    return Effect.suspend(() => {
      // One that takes nothing keeps it from nobody else.
      const failures: Array<DeliveryError> = []
      const deliver = (member: Member) =>
        Effect.catch(this.delivery.sendTo(member, [message], options), (error) =>
          Effect.sync(() => void failures.push(error))
        )
      return Effect.flatMap(
        Effect.forEach(this.placement.members, deliver, { concurrency: "unbounded", discard: true }),
        () => (failures.length === 0 ? Effect.void : Effect.fail(failures[0]))
      )
    })
  }

  readonly ask = (key: Key, tag: string, payload: unknown, options?: AskOptions): unknown => {
    return this.requests.ask(
      tag,
      payload,
      KeyHash.of(key),
      () => {
        try {
          return this.placement.find(key)
        } catch (cause) {
          return this.delivery.misplaced(cause, key, [])
        }
      },
      options
    )
  }

  readonly askTo = (workerId: string, tag: string, payload: unknown, options?: AskOptions): unknown => {
    return this.requests.ask(tag, payload, 0, () => this.find(workerId) ?? this.notFound(workerId, []), options)
  }

  readonly askAll = (tag: string, payload: unknown, options?: AskOptions): Effect.Effect<Messages, unknown> => {
    return Effect.suspend(() =>
      Effect.forEach(
        this.placement.members,
        (member) => this.requests.ask(tag, payload, 0, () => member, options) as Effect.Effect<unknown, unknown>,
        { concurrency: "unbounded" }
      )
    )
  }

  private find(workerId: string): Member | undefined {
    return this.placement.members.find((member) => member.id === workerId)
  }

  private notFound(worker: string, unsent: Messages): WorkerNotFound {
    return new WorkerNotFound({ worker, known: [...this.workerIds], unsent: [...unsent] })
  }

  private withMember<A, E>(
    workerId: string,
    unsent: Messages,
    f: (member: Member) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | WorkerNotFound> {
    return Effect.suspend((): Effect.Effect<A, E | WorkerNotFound> => {
      const member = this.find(workerId)
      return member === undefined ? Effect.fail(this.notFound(workerId, unsent)) : f(member)
    })
  }

  readonly worker = (workerId: string): Effect.Effect<WorkerRef<unknown>, WorkerNotFound> => {
    return this.withMember(workerId, [], (member) =>
      Effect.succeed({
        id: member.id,
        state: Effect.sync(() => member.state),
        start: member.start,
        stop: Effect.flatMap(member.stop(this.options.shutdownTimeout), (killed) => this.warnOf(member, killed)),
        pause: member.pause,
        resume: member.resume,
        ping: member.ping,
        kill: member.kill,
        send: (message: unknown, options?: SendOptions) => this.delivery.sendTo(member, [message], options),
        sendAll: (messages: Messages, options?: SendOptions) => this.delivery.sendTo(member, messages, options)
      })
    )
  }

  get stopAll(): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach(this.placement.members, (member) => this.join(member), { concurrency: "unbounded", discard: true })
    )
  }

  readonly resize = (size: number): Effect.Effect<void, ResizeError> => {
    return this.rescaling.resize(size)
  }

  get addWorker(): Effect.Effect<string, ResizeError> {
    return this.rescaling.addWorker
  }

  readonly removeWorker = (workerId: string): Effect.Effect<void, ResizeError | WorkerNotFound> => {
    return this.withMember(workerId, [], (member) => this.rescaling.removeWorker(member))
  }

  readonly recycle = (workerId: string): Effect.Effect<void, ResizeError | WorkerNotFound> => {
    return this.withMember(workerId, [], (member) => this.rescaling.recycle(member))
  }

  get handle(): PoolHandle<unknown> {
    const { table } = this.placement
    return {
      _tag: "PoolHandle",
      pool: this.name,
      partitioner: this.placement.assignment.partitioner,
      ...(table === undefined ? {} : { routing: table.buffer }),
      mailboxes: this.all.map((member) => ({
        worker: member.id,
        memory: member.mailbox.mesh.memory.buffer as SharedArrayBuffer
      })),
      priorities: mailboxOf(this.options, this.care.decides).priorities,
      wait: mailboxOf(this.options).wait
    }
  }

  get events(): Stream.Stream<SupervisionEvent> {
    return Stream.fromPubSub(this.care.events.pubsub)
  }

  get supervised(): Effect.Effect<SupervisionCounts> {
    return Effect.sync(() => ({ ...this.care.events.counts }))
  }

  get escalated(): Effect.Effect<never, WorkerPanicked> {
    return Deferred.await(this.care.recovery.escalated)
  }

  get deadLetters(): Stream.Stream<DeadLetter<unknown>> {
    return Stream.fromQueue(this.care.letters.queue)
  }

  replay(letter: DeadLetter<unknown>): Effect.Effect<void, DeliveryError | PartitionError> {
    return this.send(letter.message)
  }

  get stats(): Effect.Effect<ReadonlyArray<WorkerStats>> {
    return Effect.sync(() =>
      this.placement.members.map((member) => ({
        worker: member.id,
        state: member.state,
        handled: member.control.handled,
        depth: member.mailbox.depth,
        dropped: this.delivery.droppedOf(member),
        placement: member.placement
      }))
    )
  }

  get drained(): Effect.Effect<void, WorkerNotRunning> {
    return Effect.suspend(() =>
      Effect.forEach(this.placement.members, (member) => this.drainedOf(member), { discard: true })
    )
  }

  private drainedOf(member: Member): Effect.Effect<void, WorkerNotRunning> {
    return Effect.suspend(() => {
      if (member.mailbox.depth === 0) return Effect.void
      if (!member.alive) return Effect.fail(member.notRunning(`pool ${this.name}: drained`, []))
      this.keepAlive.hold()
      return Effect.flatMap(member.mailbox.empty, () => this.drainedOf(member))
    })
  }

  get describe(): Effect.Effect<string> {
    return Effect.map(this.stats, (stats) => {
      const { capacity, laneBytes, wait } = mailboxOf(this.options)
      const { assignment } = this.placement
      const placed = assignment.keyed
        ? `${assignment.partitioner}, ${assignment.groups} key groups`
        : assignment.partitioner
      return [
        `pool ${this.name}: ${this.size} workers (${this.isolation}), at most ${this.all.length}, by ${placed}`,
        `  mailbox: ${capacity} messages, ${laneBytes} bytes, waits ${wait}, when full ${this.options.onFull}, ` +
          `${this.options.priorities} priorities`,
        ...stats.map(
          (s) =>
            `  ${s.worker}  ${s.state}  handled ${s.handled}  waiting ${s.depth}${s.placement === undefined ? "" : `  ${s.placement}`}`
        ),
        ...describe(this.care.decisions, this.care.events.counts).map((line) => `  ${line}`)
      ].join("\n")
    })
  }

  /** What waited outside the ring while nobody read goes on. */
  onStart(member: Member): void {
    this.delivery.moveKept(member)
  }

  /** Settles what waited for a life that has ended. */
  onEnd(member: Member, panic: WorkerPanicked | undefined): Effect.Effect<WorkerPanicked | undefined> {
    return Effect.suspend(() => {
      // Replies and snapshots that it sent before its end still count.
      this.pending.drain()
      return Effect.flatMap(this.care.ended(member, panic), (error) => {
        const failure = (asker: { readonly request: { readonly tag: string } }) =>
          error ?? member.notRunning(`pool ${this.name}: ask ${asker.request.tag}`, [])
        if (member.recovering) this.pending.failLost(member, failure)
        else {
          this.pending.fail(member, failure)
          member.settled = this.pending.last
        }
        if (error === undefined || member.killed) return Effect.succeed(error)
        const log = Effect.logError(`${error.message}; ${member.mailbox.left} messages wait in its mailbox`, error)
        return Effect.as(log, error)
      })
    })
  }

  /** Settles what waited for a worker that will not come back. */
  onGiveUp(member: Member, error: WorkerPanicked): Effect.Effect<void> {
    return Effect.sync(() => {
      this.pending.fail(member, () => error)
      member.settled = this.pending.last
    })
  }

  /** Ends the pool's work: what was sent stays where it is until the pool closes. */
  onEscalate(error: WorkerPanicked): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.delivery.open = false
      for (const member of this.all) member.finish()
      const end = (member: Member) =>
        Effect.andThen(
          Effect.orElseSucceed(member.kill, () => undefined),
          Effect.sync(() => member.giveUp())
        )
      return Effect.andThen(
        Effect.forEach(this.all, end, { concurrency: "unbounded", discard: true }),
        Effect.sync(() => this.pending.fail(undefined, () => error))
      )
    })
  }

  /** Stops intake, lets the workers finish, and kills those that do not in time. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.closing = true
      this.keepAlive.hold()
      this.delivery.open = false
      const ends = Effect.suspend(() => {
        for (const member of this.all) member.finish()
        return Effect.forEach(this.all, (member) => this.join(member), { concurrency: "unbounded", discard: true })
      })
      const left = Effect.forEach(
        this.all,
        (member) =>
          member.mailbox.left > 0
            ? Leftovers.take(member, this.care, this.wire, (message, { attempts, error }) =>
                this.care.addLetter(member, message, attempts, error)
              )
            : Effect.void,
        { discard: true }
      )
      return Effect.andThen(
        Effect.andThen(Effect.andThen(this.care.settle(this.options.shutdownTimeout), ends), left),
        Effect.sync(() => {
          this.pending.drain()
          this.pending.fail(undefined, (asker) =>
            asker.member.notRunning(`pool ${this.name}: ask ${asker.request.tag}`, [])
          )
          this.pending.close()
          this.care.letters.close()
          for (const member of this.all) member.mailbox.close()
          this.keepAlive.close()
        })
      )
    })
  }

  private join(member: Member): Effect.Effect<void> {
    return Effect.flatMap(
      Effect.orElseSucceed(member.stop(this.options.shutdownTimeout), () => false),
      (killed) => (killed ? this.warnOf(member, killed) : this.warnOfLeft(member))
    )
  }

  private warnOf(member: Member, killed: boolean): Effect.Effect<void> {
    return killed
      ? Effect.logWarning(
          `worker ${member.id} did not end within ${this.options.shutdownTimeout} ms and was killed; ` +
            `${member.mailbox.left} messages were left in its mailbox`
        )
      : Effect.void
  }

  /** Nobody starts a worker again once its pool is closed: what it left is lost, and that is said. */
  private warnOfLeft(member: Member): Effect.Effect<void> {
    const { left } = member.mailbox
    return this.closing && left > 0
      ? Effect.logWarning(
          `worker ${member.id} was not running when its pool closed; ${left} messages were left in its mailbox`
        )
      : Effect.void
  }
}
