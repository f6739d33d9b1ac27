/**
 * A running pool: its workers, and the parts that send, ask and rescale.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Fiber from "effect/Fiber"
import {
  PartitionError,
  type ReceiveError,
  WorkerNotFound,
  type WorkerNotRunning,
  type WorkerPanicked
} from "../errors/Errors.ts"
import * as KeyHash from "../partition/KeyHash.ts"
import type { Wire } from "../worker/Wire.ts"
import type { AnyContract, Key } from "../worker/Worker.ts"
import type { DeadLetter } from "../supervision/DeadLetter.ts"
import type { SupervisionCounts, SupervisionEvent } from "../supervision/SupervisionEvent.ts"
import type { Care } from "./Care.ts"
import { Delivery } from "./Delivery.ts"
import { describe } from "./describe.ts"
import { Detours } from "./Detours.ts"
import { drained } from "./Draining.ts"
import { KeepAlive } from "./KeepAlive.ts"
import { gather } from "./Failures.ts"
import { Ending } from "./Ending.ts"
import { Failover } from "./Failover.ts"
import { Handover } from "./Handover.ts"
import type { Member } from "./Member.ts"
import type { Outputs } from "./Outputs.ts"
import type { Pending } from "./Pending.ts"
import type { Placement } from "./Placement.ts"
import type {
  AskOptions,
  DeliveryError,
  OutputBatch,
  ResizeError,
  SendOptions,
  WorkerRef,
  WorkerStats
} from "./PoolApi.ts"
import type { PoolHandle } from "./PoolHandle.ts"
import { mailboxOf, type PoolOptions } from "./PoolOptions.ts"
import { Requests } from "./Requests.ts"
import { Rescaling } from "./Rescaling.ts"
import type { SignalLane } from "./SignalLane.ts"
import type { Handed } from "./Ward.ts"
import { make as makeSender, type WorkerSender } from "./WorkerSender.ts"

type Messages = ReadonlyArray<unknown>

/**
 * Lanes that not every contract needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lanes {
  readonly outputs: Outputs | undefined
  readonly signals: ReadonlyMap<Member, SignalLane>
}

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
  private readonly keepAlive: KeepAlive
  private readonly delivery: Delivery
  private readonly requests: Requests
  private readonly rescaling: Rescaling
  private readonly care: Care
  readonly failover: Failover
  readonly detours: Detours
  private readonly handover: Handover
  private readonly collected: Outputs | undefined
  readonly ending: Ending

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
    scope: Scope.Scope,
    { outputs, signals }: Lanes
  ) {
    this.name = name
    this.isolation = isolation
    this.options = options
    this.all = all
    this.placement = placement
    this.care = care
    this.collected = outputs
    this.keepAlive = new KeepAlive(
      () => this.ending.closing || pending.size > 0 || placement.members.some((member) => member.working)
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
      startPump,
      care.breaking,
      care.decisions.deadline !== undefined
    )
    this.requests = new Requests(name, wire, pending, this.delivery, this.keepAlive, placement.arrival, signals)
    this.rescaling = new Rescaling(
      name,
      all,
      placement,
      this.requests,
      wire.internal,
      options.keyGroups,
      options.shutdownTimeout,
      outputs,
      care
    )
    this.handover = new Handover({
      care,
      delivery: this.delivery,
      placement,
      requests: this.requests,
      wire,
      key: contract.key,
      scope
    })
    this.detours = new Detours(placement, this.requests, this.rescaling, care, wire, this.handover)
    this.ending = new Ending({
      pool: name,
      all,
      care,
      delivery: this.delivery,
      pending,
      wire,
      outputs,
      arrived: this.detours.settled,
      shutdownMillis: options.shutdownTimeout,
      key: contract.key as (message: unknown) => unknown
    })
    this.failover = new Failover(
      all,
      placement,
      this.requests,
      this.rescaling,
      care,
      wire,
      options.keyGroups,
      this.handover
    )
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
    return Effect.suspend(() => this.delivery.broadcast(this.placement.members, message, options))
  }

  readonly ask = (key: Key, tag: string, payload: unknown, options?: AskOptions): unknown => {
    const hash = this.hashOf(key)
    return this.requests.ask(
      tag,
      payload,
      typeof hash === "number" ? hash : 0,
      () => {
        if (typeof hash !== "number") return hash
        try {
          const member = this.placement.find(key)
          return member === undefined ? member : (this.delivery.refusal(member, key, "ask", tag) ?? member)
        } catch (cause) {
          return this.delivery.misplaced(cause, key, [])
        }
      },
      options
    )
  }

  /** What is no key has no hash, and no place. */
  private hashOf(key: Key): number | PartitionError {
    try {
      return KeyHash.of(key)
    } catch (cause) {
      const detail = `a key is a string, a number or a bigint: ${String(cause)}`
      const { partitioner } = this.placement.assignment
      return new PartitionError({ partitioner, key, detail, unsent: [], cause })
    }
  }

  readonly askTo = (workerId: string, tag: string, payload: unknown, options?: AskOptions): unknown => {
    return this.requests.ask(
      tag,
      payload,
      0,
      () => this.find(workerId) ?? this.notFound(workerId, []),
      options,
      workerId
    )
  }

  readonly askAll = (tag: string, payload: unknown, options?: AskOptions): Effect.Effect<Messages, unknown> => {
    return Effect.suspend(() => {
      const ask = (member: Member) =>
        Effect.map(
          Effect.exit(
            this.requests.ask(tag, payload, 0, () => member, options, member.id) as Effect.Effect<unknown, unknown>
          ),
          (exit) => [member.id, exit] as const
        )
      // State on its way is nobody's: whoever adds up would miss it.
      const all = Effect.suspend(() => Effect.forEach(this.placement.members, ask, { concurrency: "unbounded" }))
      return Effect.flatMap(Effect.andThen(this.placement.arrival, all), gather)
    })
  }

  readonly sender = (workerId: string): Effect.Effect<WorkerSender<unknown, DeliveryError>, WorkerNotFound> => {
    return this.withMember(workerId, [], (member) =>
      Effect.succeed(
        makeSender<unknown, DeliveryError>(
          member.id,
          (messages) => this.delivery.sendTo(member, messages, undefined),
          (messages, timeout) => this.delivery.sendTo(member, messages, { timeout }),
          (message) => this.delivery.trySendTo(member, message)
        )
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
        stop: Effect.flatMap(member.stop(this.options.shutdownTimeout), (killed) => this.ending.warnOf(member, killed)),
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
      Effect.map(
        Effect.forEach(this.placement.members, (member) => this.ending.join(member), {
          concurrency: "unbounded",
          discard: true
        }),
        () => this.ending.endOutputs(undefined)
      )
    )
  }

  get outputs(): Stream.Stream<unknown, ReceiveError | WorkerPanicked> {
    return this.collected?.outputs ?? Stream.empty
  }

  get outputBatches(): Stream.Stream<OutputBatch<unknown>, ReceiveError | WorkerPanicked> {
    return this.collected?.batches ?? Stream.empty
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
    return this.withMember(workerId, [], (member) => Effect.asVoid(this.renew(member)))
  }

  /** Has a member leave and begin anew; true unless its life ended in another way. */
  renew(member: Member): Effect.Effect<boolean, ResizeError> {
    return Effect.tapError(this.rescaling.recycle(member), (error) => this.care.notBack(member, error))
  }

  /** Asks whoever has the key now what a worker was asked and handed back. */
  reroute(request: number): void {
    this.requests.rerouteOne(request)
  }

  /** Puts a message back into the mailbox that it comes from. */
  handBack(member: Member, handed: Handed): void {
    this.handover.put(member, handed)
  }

  get handle(): PoolHandle<unknown> {
    const { refusals, table } = this.placement
    return {
      _tag: "PoolHandle",
      pool: this.name,
      partitioner: this.placement.assignment.partitioner,
      ...(table === undefined ? {} : { routing: table.buffer }),
      refusals: refusals.buffer,
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
    // One at a time: those that are not asked for stay where they are.
    return Stream.fromEffectRepeat(Queue.take(this.care.letters.queue))
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
        taken: member.alive ? member.mailbox.taken : 0,
        outputs: this.collected?.waiting(this.all.indexOf(member)) ?? 0,
        dropped: this.delivery.droppedOf(member),
        placement: member.placement
      }))
    )
  }

  get drained(): Effect.Effect<void, WorkerNotRunning> {
    return drained({
      pool: this.name,
      members: () => this.placement.members,
      arrived: this.detours.settled,
      hold: () => this.keepAlive.hold()
    })
  }

  get describe(): Effect.Effect<string> {
    const { all, care, collected, isolation, name, options, placement } = this
    const emits = collected !== undefined
    return Effect.map(this.stats, (stats) =>
      describe({ name, isolation, options, places: all.length, placement, care, emits }, stats)
    )
  }

  /** What waited outside the ring while nobody read goes on. */
  onStart(member: Member): void {
    this.collected?.begin()
    this.onAdmit(member)
  }

  /** The same while a worker refused what it was sent. */
  readonly onAdmit = (member: Member): void => this.delivery.moveKept(member)

  /** Stops intake, lets the workers finish, and kills those that do not in time. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.keepAlive.hold()
      return Effect.andThen(
        this.ending.close,
        Effect.sync(() => this.keepAlive.close())
      )
    })
  }
}
