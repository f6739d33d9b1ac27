/**
 * How messages get to their workers.
 *
 * Plain code over all mailboxes at once; an Effect that waits is made only for what found no room,
 * or whose key group is on the move.
 *
 * @since 0.1.0
 */
import { type Input, toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import {
  PartitionError,
  PoolFull,
  SendError,
  Timeout,
  WorkerNotRunning,
  type WorkerPanicked
} from "../errors/Errors.ts"
import { durations, millisOf, wrongTimeout } from "../errors/Options.ts"
import * as KeyHash from "../partition/KeyHash.ts"
import * as CallerContext from "../worker/CallerContext.ts"
import { now } from "../worker/Envelope.ts"
import type { Key } from "../worker/Worker.ts"
import type { Breaking } from "./Breaking.ts"
import { gather } from "./Failures.ts"
import type { KeepAlive } from "./KeepAlive.ts"
import type { Member } from "./Member.ts"
import type { Stamp } from "./Stamp.ts"
import type { Placement } from "./Placement.ts"
import type { DeliveryError, SendOptions } from "./PoolApi.ts"
import type { PoolOptions } from "./PoolOptions.ts"
import { notWritten, withUnsent } from "./Unsent.ts"

type Messages = ReadonlyArray<unknown>

type Failure = DeliveryError | PartitionError

/** Messages of one call that still have to be placed, and what they carry. */
interface Parcel {
  readonly messages: Messages
  readonly stamp: Stamp
  /** The placement by which they were routed; undefined if they go to one worker, whatever their keys. */
  readonly epoch: number | undefined
  /** How many of `messages` were accepted, or went on in `onward`. */
  accepted: number
  /** What became of the rest when it had to be routed anew. */
  onward: ReadonlyArray<Destined>
}

type Destined = readonly [to: Member | undefined, parcel: Parcel]

const rest = ({ accepted, messages, onward }: Parcel): Messages => [
  ...onward.flatMap(([, parcel]) => rest(parcel)),
  ...messages.slice(accepted)
]

/**
 * @category models
 * @since 0.1.0
 */
export class Delivery {
  private readonly pool: string
  private readonly key: (message: unknown) => Key
  private readonly placement: Placement
  private readonly keepAlive: KeepAlive
  private readonly onFull: PoolOptions["onFull"]
  private readonly capacity: number
  private readonly priorities: number
  private readonly startPump: (member: Member) => void
  private readonly breaking: Breaking
  private readonly watches: boolean
  private readonly dropped = new Map<Member, number>()
  /** Members with messages in their `bucket`, while a batch is placed. */
  private readonly touched: Array<Member> = []
  /** False once the pool closes, or has given up. */
  open = true
  /** Why it has given up, if it has. */
  givenUp: WorkerPanicked | undefined

  /**
   * @param startPump begins to move what a mailbox keeps outside its ring
   * @param breaking knows what is refused because its circuit is open
   * @param watches whether messages have deadlines
   */
  constructor(
    pool: string,
    key: (message: unknown) => Key,
    placement: Placement,
    keepAlive: KeepAlive,
    options: Pick<PoolOptions, "onFull" | "priorities"> & { readonly capacity: number },
    startPump: (member: Member) => void,
    breaking: Breaking,
    watches: boolean
  ) {
    this.pool = pool
    this.key = key
    this.placement = placement
    this.keepAlive = keepAlive
    this.onFull = options.onFull
    this.capacity = options.capacity
    this.priorities = options.priorities
    this.startPump = startPump
    this.breaking = breaking
    this.watches = watches
  }

  /** Messages that were forgotten because a mailbox was full. */
  droppedOf(member: Member): number {
    return (this.dropped.get(member) ?? 0) + member.mailbox.dropped
  }

  /** Has what a mailbox keeps outside its ring moved into it, as there is room. */
  moveKept(member: Member): void {
    if (member.mailbox.keeps) this.startPump(member)
  }

  /** Sends each message to the worker of its key. */
  sendAll(messages: Messages, options: SendOptions | undefined): Effect.Effect<void, Failure> {
    return Effect.withFiber((fiber) => {
      const refused = this.check(options, messages)
      if (refused !== undefined) return Effect.fail(refused)
      return this.place(messages, stampOf(fiber, options), options?.timeout, undefined)
    })
  }

  /** The worker of a message's key; undefined while it is on the move. Throws `PartitionError`. */
  private memberOf(message: unknown): Member | undefined {
    try {
      return this.placement.find(this.key(message))
    } catch (cause) {
      throw this.misplaced(cause, message, [])
    }
  }

  /** @param from what the messages were part of, if they are routed anew */
  private place(
    messages: Messages,
    stamp: Stamp,
    timeout: Input | undefined,
    from: Parcel | undefined
  ): Effect.Effect<void, Failure> {
    this.keepAlive.hold()
    const timestamp = now()
    const { placement, touched } = this
    let full: Map<Member, Array<unknown>> | undefined
    let moving: Array<unknown> | undefined
    let index = 0
    let failure: Failure | undefined
    const refused: Array<unknown> = []
    let refusal: WorkerNotRunning | undefined
    const { breaking } = this
    try {
      for (; index < messages.length; index++) {
        const message = messages[index]
        const member = this.memberOf(message)
        if (member === undefined) {
          ;(moving ??= []).push(message)
          continue
        }
        if (breaking.refuses) {
          const because = this.refusal(member, this.key(message), "send")
          if (because !== undefined) {
            refusal = because
            refused.push(message)
            continue
          }
        }
        if (member.bucket.length === 0) touched.push(member)
        member.bucket.push(message)
      }
    } catch (cause) {
      failure = this.notSent(cause, messages.slice(index))
    }
    for (let i = 0; i < touched.length; i++) {
      const member = touched[i]
      const { bucket } = member
      let written = 0
      try {
        if (member.accepts) written = member.writeAll(bucket, timestamp, stamp)
        // Together, to keep the order.
        if (written < bucket.length) (full ??= new Map()).set(member, bucket.slice(written))
      } catch (cause) {
        const unsent = bucket.slice(member.failedAt)
        failure =
          failure === undefined ? this.notSent(cause, unsent) : withUnsent(failure, [...unsent, ...failure.unsent])
      }
      bucket.length = 0
    }
    touched.length = 0
    if (refusal !== undefined) failure = withUnsent(failure ?? refusal, [...refused, ...(failure?.unsent ?? [])])
    for (const member of placement.members) {
      member.mailbox.publish()
      this.moveKept(member)
    }
    if (full === undefined && moving === undefined) return failure === undefined ? Effect.void : Effect.fail(failure)
    const { epoch } = placement
    const destined = (to: Member | undefined, rest: Messages): Destined => [
      to,
      { messages: rest, stamp, epoch, accepted: 0, onward: [] }
    ]
    const parcels: Array<Destined> = []
    for (const [member, rest] of full ?? []) parcels.push(destined(member, rest))
    if (moving !== undefined) parcels.push(destined(undefined, moving))
    if (from !== undefined)
      from.onward = failure === undefined ? parcels : [...parcels, destined(undefined, failure.unsent)]
    return this.settle(parcels, failure, timeout)
  }

  /** Waits for everything that could not be placed at once; a failure gives back all that was not accepted. */
  private settle(
    parcels: ReadonlyArray<Destined>,
    first: Failure | undefined,
    timeout: Input | undefined
  ): Effect.Effect<void, Failure> {
    const failures: Array<Failure> = first === undefined ? [] : [first]
    const collect = (effect: Effect.Effect<void, Failure>) =>
      Effect.catch(effect, (failure) => Effect.sync(() => void failures.push(failure)))
    const unsent = () => [...parcels.flatMap(([, parcel]) => rest(parcel)), ...(first?.unsent ?? [])]
    const all = Effect.forEach(
      parcels,
      ([member, parcel]) => collect(member === undefined ? this.afterMove(parcel) : this.wait(member, parcel)),
      { concurrency: "unbounded", discard: true }
    )
    return Effect.flatMap(this.within(all, timeout, "sendAll", unsent), () =>
      failures.length === 0
        ? Effect.void
        : Effect.fail(
            failures.length === 1
              ? failures[0]
              : withUnsent(
                  failures[0],
                  failures.flatMap((failure) => failure.unsent)
                )
          )
    )
  }

  private within<A, E>(
    effect: Effect.Effect<A, E>,
    timeout: Input | undefined,
    operation: string,
    unsent: () => Messages
  ): Effect.Effect<A, E | Timeout> {
    if (timeout === undefined) return effect
    return Effect.timeoutOrElse(effect, {
      duration: timeout,
      orElse: () =>
        Effect.suspend(() =>
          Effect.fail(
            new Timeout({
              operation: `pool ${this.pool}: ${operation}`,
              millis: toMillis(timeout),
              unsent: [...unsent()]
            })
          )
        )
    })
  }

  private afterMove(parcel: Parcel): Effect.Effect<void, Failure> {
    return Effect.flatMap(this.placement.arrival, () => this.again(parcel))
  }

  /** Routes what is left of a parcel anew. */
  private again(parcel: Parcel): Effect.Effect<void, Failure> {
    const { accepted, messages, stamp } = parcel
    if (!this.open) return Effect.fail(this.closed(messages.slice(accepted)))
    parcel.accepted = messages.length
    return this.place(messages.slice(accepted), stamp, undefined, parcel)
  }

  /** Sends to one worker, whatever the keys. */
  sendTo(member: Member, messages: Messages, options: SendOptions | undefined): Effect.Effect<void, DeliveryError> {
    return Effect.withFiber((fiber) => {
      const refused = this.check(options, messages)
      if (refused !== undefined) return Effect.fail(refused)
      this.keepAlive.hold()
      const parcel: Parcel = {
        messages,
        stamp: stampOf(fiber, options),
        epoch: undefined,
        accepted: 0,
        onward: []
      }
      const sending = this.wait(member, parcel) as Effect.Effect<void, DeliveryError>
      return this.within(sending, options?.timeout, `send to ${member.id}`, () => rest(parcel))
    })
  }

  /** Sends to one worker if there is room now. */
  trySendTo(member: Member, message: unknown): Effect.Effect<boolean, DeliveryError> {
    return Effect.withFiber((fiber): Effect.Effect<boolean, DeliveryError> => {
      if (!this.open || !member.accepts) return Effect.fail(this.notTaken(member, [message]))
      const refusal = this.refusalOf(member, message)
      if (refusal !== undefined) return Effect.fail(withUnsent(refusal, [message]))
      this.keepAlive.hold()
      try {
        const written = member.write(message, now(), stampOf(fiber, undefined))
        member.mailbox.publish()
        this.moveKept(member)
        return Effect.succeed(written)
      } catch (cause) {
        return Effect.fail(notWritten(this.pool, cause, [message]))
      }
    })
  }

  /** Sends to every worker: one that takes nothing keeps it from nobody else. */
  broadcast(
    members: ReadonlyArray<Member>,
    message: unknown,
    options: SendOptions | undefined
  ): Effect.Effect<void, DeliveryError> {
    return Effect.withFiber((fiber) => {
      const messages = [message]
      const refused = this.check(options, messages)
      if (refused !== undefined) return Effect.fail(refused)
      this.keepAlive.hold()
      const stamp = stampOf(fiber, options)
      const timestamp = now()
      // Those that have no room, or refuse, each say so for themselves.
      let others: Array<Member> | undefined
      for (const member of members) {
        let written = false
        try {
          written = member.accepts && member.write(message, timestamp, stamp)
        } catch {
          // It is refused once more below, and its error told.
        }
        member.mailbox.publish()
        this.moveKept(member)
        if (!written) (others ??= []).push(member)
      }
      if (others === undefined) return Effect.void
      const exits = Effect.forEach(
        others,
        (member) =>
          Effect.map(Effect.exit(this.sendTo(member, messages, options)), (exit) => [member.id, exit] as const),
        { concurrency: "unbounded" }
      )
      return Effect.asVoid(Effect.flatMap(exits, gather))
    })
  }

  /** Writes as soon as there is room. Only what was routed by key can fail with `PartitionError`. */
  private wait(member: Member, parcel: Parcel): Effect.Effect<void, Failure> {
    return Effect.suspend((): Effect.Effect<void, Failure> => {
      const { epoch, messages, stamp } = parcel
      // Its keys may have moved while it waited: their state is not here any more.
      if (epoch !== undefined && epoch !== this.placement.epoch) return this.again(parcel)
      if (!member.accepts || !this.open) {
        return Effect.fail(this.notTaken(member, messages.slice(parcel.accepted)))
      }
      const timestamp = now()
      let index = parcel.accepted
      let refusal: WorkerNotRunning | undefined
      try {
        while (index < messages.length) {
          refusal = this.refusalOf(member, messages[index])
          if (refusal !== undefined || !member.write(messages[index], timestamp, stamp)) break
          index++
        }
      } catch (cause) {
        member.mailbox.publish()
        return Effect.fail(this.notSent(cause, messages.slice(index)))
      }
      parcel.accepted = index
      member.mailbox.publish()
      this.moveKept(member)
      if (index === messages.length) return Effect.void
      if (refusal !== undefined) return Effect.fail(withUnsent(refusal, messages.slice(index)))
      if (this.onFull === "fail") {
        return Effect.fail(
          new PoolFull({ pool: this.pool, capacity: this.capacity, unsent: messages.slice(parcel.accepted) })
        )
      }
      if (this.onFull === "dropNewest") {
        this.dropped.set(member, (this.dropped.get(member) ?? 0) + messages.length - index)
        parcel.accepted = messages.length
        return Effect.void
      }
      this.keepAlive.hold()
      return Effect.flatMap(member.room(stamp.priority), () => this.wait(member, parcel))
    })
  }

  private check(options: SendOptions | undefined, messages: Messages): DeliveryError | undefined {
    if (!this.open) return this.closed(messages)
    if (options === undefined) return undefined
    const { deadline, priority = 0, timeout } = options
    const late = timeout === undefined ? undefined : wrongTimeout(timeout)
    const detail =
      Number.isInteger(priority) && priority >= 0 && priority < this.priorities
        ? (late ?? (deadline === undefined ? undefined : this.unkept(deadline)))
        : `priority ${priority}: the pool has ${this.priorities} (0 to ${this.priorities - 1}; option priorities)`
    if (detail === undefined) return undefined
    return new SendError({ channel: this.pool, reason: "Encode", detail, unsent: [...messages] })
  }

  /** Why a deadline cannot be kept, if it cannot. */
  private unkept(deadline: Input): string | undefined {
    if (!this.watches) return `deadline: nobody watches over messages of this pool (Supervision.deadline)`
    return millisOf(deadline) > 0 ? undefined : `deadline ${String(deadline)}: ${durations}, longer than 0`
  }

  private notTaken(member: Member, unsent: Messages): WorkerNotRunning {
    return this.givenUp === undefined ? member.notRunning(`pool ${this.pool}: send`, unsent) : this.closed(unsent)
  }

  private closed(unsent: Messages): WorkerNotRunning {
    return new WorkerNotRunning({
      worker: this.pool,
      state: this.givenUp === undefined ? "Stopped" : `the pool has given up: ${this.givenUp.message}`,
      operation: `pool ${this.pool}: send`,
      unsent: [...unsent]
    })
  }

  /** Why nothing of a key is taken now, if its circuit is open. */
  refusal(member: Member, key: Key, operation: string, tag?: string): WorkerNotRunning | undefined {
    if (!this.breaking.refuses) return undefined
    const hash = KeyHash.of(key)
    const millis = this.breaking.refusalOf(member, hash)
    if (millis === 0) return undefined
    return new WorkerNotRunning({
      worker: member.id,
      state: `the circuit of its key group ${this.breaking.groupOf(hash)} is open, the next probe is in ${millis} ms`,
      operation: `pool ${this.pool}: ${tag === undefined ? operation : `${operation} ${tag}`}`,
      unsent: [],
      retryAfterMillis: millis
    })
  }

  /** `refusal` of a message that is sent to this worker whatever its key: one without a key is no group's. */
  private refusalOf(member: Member, message: unknown): WorkerNotRunning | undefined {
    if (!this.breaking.refuses) return undefined
    try {
      return this.refusal(member, this.key(message), "send")
    } catch {
      return undefined
    }
  }

  /** The error of what a key function or a partitioner threw. */
  misplaced(cause: unknown, key: unknown, unsent: Messages): PartitionError {
    if (cause instanceof PartitionError) return withUnsent(cause, unsent)
    return new PartitionError({
      partitioner: this.placement.assignment.partitioner,
      key,
      detail: `the key function threw ${String(cause)}`,
      unsent: [...unsent],
      cause
    })
  }

  /** The error of what a codec or a mailbox threw, or of what `memberOf` did. */
  notSent(cause: unknown, unsent: Messages): SendError | PartitionError {
    return cause instanceof PartitionError ? withUnsent(cause, unsent) : notWritten(this.pool, cause, unsent)
  }
}

/** About 24 days: what a timer can wait. */
const longestMillis = 0x7fffffff

const stampOf = (fiber: Fiber.Fiber<unknown, unknown>, options: SendOptions | undefined): Stamp => {
  const deadline = options?.deadline
  return {
    priority: options?.priority ?? 0,
    context: CallerContext.encode(fiber),
    allowed: deadline === undefined ? 0 : Math.min(longestMillis, Math.ceil(toMillis(deadline)))
  }
}
