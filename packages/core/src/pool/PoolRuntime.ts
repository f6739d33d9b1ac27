/**
 * A running pool: how messages find their worker, how requests find their answer, and how it ends.
 *
 * Sending is plain code over all mailboxes at once; an Effect that waits is made only for those
 * that are full.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { CodecError } from "../codec/CodecError.ts"
import { PartitionError, SendError, WorkerNotFound, WorkerNotRunning, WorkerPanicked } from "../errors/Errors.ts"
import type { Assignment } from "../partition/Assignment.ts"
import { now } from "../worker/Envelope.ts"
import type { RequestWire, Wire } from "../worker/Wire.ts"
import type { AnyContract, Key } from "../worker/Worker.ts"
import { KeepAlive } from "./KeepAlive.ts"
import type { Member } from "./Member.ts"
import type { Asker, Pending } from "./Pending.ts"
import type { DeliveryError, WorkerStats } from "./WorkerPool.ts"

type Messages = ReadonlyArray<unknown>

/**
 * @category models
 * @since 0.1.0
 */
export class PoolRuntime {
  readonly name: string
  readonly size: number
  readonly workerIds: ReadonlyArray<string>
  private readonly isolation: string
  private readonly key: (message: unknown) => Key
  private readonly members: ReadonlyArray<Member>
  private readonly byId: ReadonlyMap<string, Member>
  private readonly assignment: Assignment<Key>
  private readonly pending: Pending
  private readonly wire: Wire
  private readonly keepAlive: KeepAlive
  private closing = false

  constructor(
    name: string,
    isolation: string,
    contract: AnyContract,
    members: ReadonlyArray<Member>,
    assignment: Assignment<Key>,
    pending: Pending,
    wire: Wire
  ) {
    this.name = name
    this.isolation = isolation
    this.size = members.length
    this.workerIds = members.map((member) => member.id)
    this.key = contract.key as (message: unknown) => Key
    this.members = members
    this.byId = new Map(members.map((member) => [member.id, member]))
    this.assignment = assignment
    this.pending = pending
    this.wire = wire
    this.keepAlive = new KeepAlive(() => pending.size > 0 || members.some((member) => member.working))
  }

  send(message: unknown): Effect.Effect<void, DeliveryError | PartitionError> {
    return this.sendAll([message])
  }

  sendAll(messages: Messages): Effect.Effect<void, DeliveryError | PartitionError> {
    return Effect.suspend(() => {
      this.keepAlive.hold()
      const timestamp = now()
      const { assignment, key, members } = this
      let held: Map<Member, Array<unknown>> | undefined
      let index = 0
      try {
        for (; index < messages.length; index++) {
          const message = messages[index]
          const member = members[assignment.workerOf(key(message))]
          const waiting = held?.get(member)
          // Behind one that waits for room, to keep the order.
          if (waiting !== undefined) waiting.push(message)
          else if (member.ended !== undefined || !member.write(message, timestamp)) {
            held ??= new Map()
            held.set(member, [message])
          }
        }
      } catch (cause) {
        for (const member of members) member.publish()
        const refused = this.refused(cause, messages[index], messages.slice(index))
        if (held === undefined) return Effect.fail(refused)
        // What waits for room is accepted or refused as a whole call: give it back as well.
        const unsent = [...[...held.values()].flat(), ...refused.unsent]
        return Effect.fail(withUnsent(refused, unsent))
      }
      for (const member of members) member.publish()
      return held === undefined ? Effect.void : this.sendHeld(held)
    })
  }

  private refused(cause: unknown, message: unknown, unsent: Messages): SendError | PartitionError {
    if (cause instanceof PartitionError) return withUnsent(cause, unsent)
    if (cause instanceof CodecError || cause instanceof RangeError) {
      return new SendError({
        channel: this.name,
        reason: cause instanceof CodecError ? "Encode" : "TooLarge",
        detail: cause.message,
        unsent: [...unsent]
      })
    }
    return new PartitionError({
      partitioner: this.assignment.partitioner,
      key: message,
      detail: `the key function threw ${String(cause)}`,
      unsent: [...unsent],
      cause
    })
  }

  private sendHeld(held: Map<Member, Array<unknown>>): Effect.Effect<void, DeliveryError | PartitionError> {
    if (held.size === 1) {
      const [[member, messages]] = held
      return this.deliver(member, messages, 0)
    }
    return Effect.flatMap(
      Effect.forEach(held, ([member, messages]) => Effect.flip(Effect.asVoid(this.deliver(member, messages, 0))).pipe(
        Effect.catch(() => Effect.undefined)
      ), { concurrency: "unbounded" }),
      (errors) => {
        const failed = errors.filter((error) => error !== undefined)
        if (failed.length === 0) return Effect.void
        return Effect.fail(withUnsent(failed[0], failed.flatMap((error) => ("unsent" in error ? error.unsent : []))))
      }
    )
  }

  /** Sends to one worker, waiting for room as often as it takes. */
  private deliver(member: Member, messages: Messages, from: number): Effect.Effect<void, DeliveryError> {
    return Effect.suspend(() => {
      if (member.ended !== undefined || this.closing) {
        return Effect.fail(member.notRunning(`pool ${this.name}: send`, messages.slice(from)))
      }
      const timestamp = now()
      let index = from
      try {
        while (index < messages.length && member.write(messages[index], timestamp)) index++
      } catch (cause) {
        member.publish()
        return Effect.fail(this.refused(cause, messages[index], messages.slice(index)) as SendError)
      }
      member.publish()
      if (index === messages.length) return Effect.void
      this.keepAlive.hold()
      return Effect.flatMap(member.room, () => this.deliver(member, messages, index))
    })
  }

  sendTo(workerId: string, message: unknown): Effect.Effect<void, DeliveryError | WorkerNotFound> {
    return Effect.suspend((): Effect.Effect<void, DeliveryError | WorkerNotFound> => {
      const member = this.byId.get(workerId)
      if (member === undefined) return Effect.fail(this.notFound(workerId, [message]))
      this.keepAlive.hold()
      return this.deliver(member, [message], 0)
    })
  }

  broadcast(message: unknown): Effect.Effect<void, DeliveryError> {
    return Effect.suspend(() => {
      this.keepAlive.hold()
      return Effect.forEach(this.members, (member) => this.deliver(member, [message], 0), {
        concurrency: "unbounded",
        discard: true
      })
    })
  }

  ask(key: Key, tag: string, payload: unknown): unknown {
    return this.answer(tag, payload, () => {
      try {
        return this.members[this.assignment.workerOf(key)]
      } catch (cause) {
        return this.refused(cause, key, [])
      }
    })
  }

  askTo(workerId: string, tag: string, payload: unknown): unknown {
    return this.answer(tag, payload, () => this.byId.get(workerId) ?? this.notFound(workerId, []))
  }

  askAll(tag: string, payload: unknown): Effect.Effect<ReadonlyArray<unknown>, unknown> {
    return Effect.forEach(
      this.members,
      (member) => this.answer(tag, payload, () => member) as Effect.Effect<unknown, unknown>,
      { concurrency: "unbounded" }
    )
  }

  private notFound(worker: string, unsent: Messages): WorkerNotFound {
    return new WorkerNotFound({ worker, known: [...this.workerIds], unsent: [...unsent] })
  }

  private answer(
    tag: string,
    payload: unknown,
    find: () => Member | PartitionError | SendError | WorkerNotFound
  ): Effect.Effect<unknown, unknown> | Stream.Stream<unknown, unknown> {
    const request = this.wire.byTag.get(tag)
    if (request === undefined) {
      return Effect.die(new Error(`${this.name} has no request ${JSON.stringify(tag)}`))
    }
    if (!request.streaming) return this.askOnce(request, payload, find)
    return Stream.unwrap(
      Effect.gen({ self: this }, function* () {
        const queue = yield* Queue.unbounded<unknown, unknown>()
        const done = this.askOnce(request, payload, find, (elements) => void Queue.offerAllUnsafe(queue, elements))
        yield* Effect.forkScoped(
          Effect.onExit(done, (exit) =>
            Exit.isSuccess(exit) ? Queue.end(queue as Queue.Queue<unknown, Cause.Done>) : Queue.failCause(queue, exit.cause)
          )
        )
        return Stream.fromQueue(queue)
      })
    )
  }

  private askOnce(
    request: RequestWire,
    payload: unknown,
    find: () => Member | PartitionError | SendError | WorkerNotFound,
    chunk?: (elements: Messages) => void
  ): Effect.Effect<unknown, unknown> {
    return Effect.callback<unknown, unknown>((resume) => {
      const member = find()
      if ("_tag" in member) return resume(Effect.fail(member))
      if (member.ended !== undefined || this.closing) {
        return resume(Effect.fail(member.notRunning(`pool ${this.name}: ask ${request.tag}`, [])))
      }
      const asker: Asker = { member, request, settle: resume, ...(chunk === undefined ? {} : { chunk }) }
      const id = this.pending.add(asker)
      this.keepAlive.hold()
      try {
        if (member.request(id, request, payload, now())) {
          return Effect.sync(() => this.pending.remove(id))
        }
      } catch (cause) {
        this.pending.remove(id)
        return resume(Effect.fail(this.refused(cause, payload, [])))
      }
      this.pending.remove(id)
      return resume(Effect.flatMap(member.room, () => this.askOnce(request, payload, find, chunk)))
    })
  }

  get stats(): Effect.Effect<ReadonlyArray<WorkerStats>> {
    return Effect.sync(() =>
      this.members.map((member) => ({
        worker: member.id,
        state: member.control.statusName,
        handled: member.control.handled,
        depth: member.depth
      }))
    )
  }

  get drained(): Effect.Effect<void, WorkerPanicked> {
    return Effect.forEach(this.members, (member) => this.drainedOf(member), { discard: true })
  }

  private drainedOf(member: Member): Effect.Effect<void, WorkerPanicked> {
    return Effect.suspend(() => {
      if (member.ended instanceof WorkerPanicked) return Effect.fail(member.ended)
      if (member.depth === 0 || member.ended === "stopped") return Effect.void
      this.keepAlive.hold()
      return Effect.flatMap(member.empty, () => this.drainedOf(member))
    })
  }

  get describe(): Effect.Effect<string> {
    return Effect.map(this.stats, (stats) =>
      [
        `pool ${this.name}: ${this.size} workers (${this.isolation}) by ${this.assignment.partitioner}`,
        ...stats.map((s) => `  ${s.worker}  ${s.state}  handled ${s.handled}  waiting ${s.depth}`)
      ].join("\n")
    )
  }

  /** Follows one worker to its end, and settles what waited for it. */
  watch(member: Member): Effect.Effect<void> {
    return Effect.flatMap(Effect.exit(member.process!.ended), (exit) =>
      Effect.suspend(() => {
        // Replies that it sent before its end still count.
        this.pending.drain()
        const error = Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause)
        member.end(error instanceof WorkerPanicked ? error : "stopped")
        if (member.process!.owner !== 0) {
          member.mesh.bury(member.process!.owner)
          this.pending.mesh.bury(member.process!.owner)
        }
        this.pending.fail(member, (asker) => member.notRunning(`pool ${this.name}: ask ${asker.request.tag}`, []))
        if (!(error instanceof WorkerPanicked) || this.closing) return Effect.void
        return Effect.logError(`${error.message}; ${member.depth} messages wait in its mailbox`, error)
      })
    )
  }

  /** Stops intake, lets the workers finish, and kills those that do not within `millis`. */
  close(millis: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.closing = true
      this.keepAlive.hold()
      for (const member of this.members) member.stop()
      return Effect.forEach(this.members, (member) => this.join(member, millis), {
        concurrency: "unbounded",
        discard: true
      })
    }).pipe(
      Effect.andThen(
        Effect.sync(() => {
          this.pending.drain()
          this.pending.fail(undefined, (asker) =>
            asker.member.notRunning(`pool ${this.name}: ask ${asker.request.tag}`, [])
          )
          this.pending.close()
          this.keepAlive.close()
        })
      )
    )
  }

  private join(member: Member, millis: number): Effect.Effect<void> {
    return Effect.timeoutOrElse(Effect.exit(member.process!.ended), {
      duration: millis,
      orElse: () =>
        Effect.andThen(
          Effect.logWarning(
            `worker ${member.id} did not end within ${millis} ms and was killed; ` +
              `${member.depth} messages were left in its mailbox`
          ),
          member.process!.kill
        )
    })
  }
}

const withUnsent = <E extends { readonly _tag: string }>(error: E, unsent: Messages): E => {
  if (error instanceof PartitionError) {
    const { cause, detail, key, partitioner } = error
    return new PartitionError({
      partitioner,
      key,
      detail,
      unsent: [...unsent],
      ...(cause === undefined ? {} : { cause })
    }) as unknown as E
  }
  if (error instanceof SendError) {
    const { channel, detail, reason } = error
    return new SendError({ channel, reason, detail, unsent: [...unsent] }) as unknown as E
  }
  if (error instanceof WorkerNotRunning) {
    const { operation, state, worker } = error
    return new WorkerNotRunning({ worker, state, operation, unsent: [...unsent] }) as unknown as E
  }
  return error
}
