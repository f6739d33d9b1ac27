/**
 * How requests get to their workers, and their answers back.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import { type Input, toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import {
  SendError,
  Timeout,
  type PartitionError,
  type WorkerNotFound,
  type WorkerNotRunning
} from "../errors/Errors.ts"
import type { Place } from "../supervision/Attempts.ts"
import * as Poll from "../channel/Poll.ts"
import { wrongTimeout } from "../errors/Options.ts"
import * as CallerContext from "../worker/CallerContext.ts"
import { now } from "../worker/Envelope.ts"
import { tellEvery } from "../worker/Signals.ts"
import type { RequestWire, Wire } from "../worker/Wire.ts"
import type { Delivery } from "./Delivery.ts"
import type { KeepAlive } from "./KeepAlive.ts"
import { Member } from "./Member.ts"
import type { Asker, Pending, Taker } from "./Pending.ts"
import type { AskOptions } from "./PoolApi.ts"
import type { SignalLane } from "./SignalLane.ts"

/**
 * Finds the worker to ask: undefined while its key group is on the move.
 *
 * @category models
 * @since 0.1.0
 */
export type Find = () => Member | PartitionError | SendError | WorkerNotFound | WorkerNotRunning | undefined

/** Between two questions to a worker that could not be asked, in milliseconds. */
const pauseMillis = 5

/**
 * @category models
 * @since 0.1.0
 */
export class Requests {
  private readonly pool: string
  private readonly wire: Wire
  private readonly pending: Pending
  private readonly delivery: Delivery
  private readonly keepAlive: KeepAlive
  private readonly arrival: Effect.Effect<void>
  private readonly signals: ReadonlyMap<Member, SignalLane>
  /** Workers that were asked while replies were being settled. */
  private readonly written: Array<Member> = []

  /**
   * @param arrival waits until key groups on the move have arrived
   * @param signals the ways to workers that stream; empty if none does
   */
  constructor(
    pool: string,
    wire: Wire,
    pending: Pending,
    delivery: Delivery,
    keepAlive: KeepAlive,
    arrival: Effect.Effect<void>,
    signals: ReadonlyMap<Member, SignalLane>
  ) {
    this.pool = pool
    this.wire = wire
    this.pending = pending
    this.delivery = delivery
    this.keepAlive = keepAlive
    this.arrival = arrival
    this.signals = signals
    pending.onDrained = () => this.publishAll()
  }

  /** Asks by tag; `key` is the hash that orders the request among messages, `worker` for whom it is. */
  ask(
    tag: string,
    payload: unknown,
    key: number,
    find: Find,
    options: AskOptions | undefined,
    worker?: string
  ): Effect.Effect<unknown, unknown> | Stream.Stream<unknown, unknown> {
    const request = this.wire.byTag.get(tag)
    if (request === undefined) {
      const known = [...this.wire.byTag.keys()].join(", ")
      return Effect.fail(this.refused(`no request ${JSON.stringify(tag)}; there are ${known || "none"}`))
    }
    const timeout = options?.timeout
    const wrong = timeout === undefined ? undefined : wrongTimeout(timeout)
    if (wrong !== undefined) {
      const error = this.refused(`ask ${tag}: ${wrong}`)
      return request.streaming ? Stream.fail(error) : Effect.fail(error)
    }
    if (!request.streaming && timeout === undefined) return this.once(request, payload, key, find)
    const what = worker === undefined ? `ask ${tag}` : `ask ${tag} of ${worker}`
    if (!request.streaming) return this.within(this.once(request, payload, key, find), timeout, what)
    return this.streamed(request, payload, key, find, timeout, what)
  }

  private refused(detail: string): SendError {
    return new SendError({ channel: this.pool, reason: "Encode", detail, unsent: [] })
  }

  /**
   * A streaming answer. Its parts wait here until they are taken, and its worker is told how many
   * were, or that the rest is not wanted: it never runs far ahead.
   */
  private streamed(
    request: RequestWire,
    payload: unknown,
    key: number,
    find: Find,
    timeout: Input | undefined,
    what: string
  ): Stream.Stream<unknown, unknown> {
    return Stream.unwrap(
      Effect.gen({ self: this }, function* () {
        const parts = yield* Queue.unbounded<ReadonlyArray<unknown>, unknown>()
        const taker: Taker = { take: (elements) => void Queue.offerUnsafe(parts, elements), asker: undefined }
        yield* Effect.addFinalizer(() => Effect.sync(() => this.leave(taker)))
        yield* Effect.forkScoped(
          Effect.onExit(this.once(request, payload, key, find, taker), (exit) =>
            Exit.isSuccess(exit)
              ? Queue.end(parts as Queue.Queue<ReadonlyArray<unknown>, Cause.Done>)
              : Queue.failCause(parts, exit.cause)
          )
        )
        let taken = 0
        let told = 0
        const take = Effect.map(this.within(Queue.take(parts), timeout, what), (elements) => {
          taken += 1
          if (taken - told >= tellEvery && taker.asker !== undefined) {
            told = taken
            this.signals.get(taker.asker.member)?.taken(taker.asker.id, taken)
          }
          return elements
        })
        const next: Effect.Effect<Arr.NonEmptyReadonlyArray<unknown>, unknown> = Effect.flatMap(take, (elements) =>
          Arr.isReadonlyArrayNonEmpty(elements) ? Effect.succeed(elements) : next
        )
        return Stream.fromPull(Effect.succeed(next as Effect.Effect<Arr.NonEmptyReadonlyArray<unknown>, Cause.Done>))
      })
    )
  }

  /** Nobody takes the rest of an answer. */
  private leave({ asker }: Taker): void {
    if (asker === undefined || !this.pending.awaits(asker)) return
    this.pending.remove(asker.id)
    this.signals.get(asker.member)?.left(asker.id)
  }

  /** Asks one of the runtime's own questions; `onPlaced` is told where in the mailbox it lies. */
  internal(
    member: Member,
    request: RequestWire,
    payload: unknown,
    onPlaced?: (place: Place | undefined) => void
  ): Effect.Effect<unknown, unknown> {
    const onAsked =
      onPlaced === undefined
        ? undefined
        : (number: number | undefined) =>
            onPlaced(number === undefined ? number : { lane: member.laneOf(request), number })
    return this.once(request, payload, 0, () => member, undefined, onAsked)
  }

  /** Waits until a worker has seen all that was sent to it by now, and has handed over what there is of key groups. */
  sighted(member: Member, groups: ReadonlyArray<number>): Effect.Effect<void, WorkerNotRunning> {
    return Effect.suspend(() => {
      member.mailbox.publish()
      const question = { groups, sent: member.mailbox.sent }
      const lost = () => Effect.fail(member.notRunning(`pool ${this.pool}: hand over a key group`, []))
      if (member.isLost) return lost()
      const asked = Effect.asVoid(this.internal(member, this.wire.sight, question))
      return Effect.catch(
        Effect.raceFirst(
          asked,
          Effect.flatMap(
            Poll.until(() => member.isLost),
            lost
          )
        ),
        // Its life ended, and the next knows nothing of the question.
        () => (member.isLost ? lost() : Effect.andThen(Effect.sleep(pauseMillis), this.sighted(member, groups)))
      )
    })
  }

  /** Waits until a worker has seen all that was sent to it by now, and kept for it; or nobody will. */
  arrived(member: Member): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isPlaced = member.mailbox.placing()
      // Whoever is about to do its work sees to that itself.
      const placed = Poll.until(() => !member.forsaken && (isPlaced() || !member.alive))
      const seen = Effect.catch(this.sighted(member, []), () => this.arrived(member))
      return Effect.andThen(
        placed,
        Effect.suspend(() => (member.alive ? seen : Effect.void))
      )
    })
  }

  /** Asks others what a worker that is gone was asked. */
  reroute(member: Member): void {
    this.pending.reroute(member, this.again)
  }

  /** Asks whoever has the key now one question that a worker did not answer. */
  rerouteOne(id: number): void {
    this.pending.rerouteOne(id, this.again)
  }

  // From here, and nowhere else, do askers come.
  private readonly again = ({ find, key, payload, request, taker }: Asker): Effect.Effect<unknown, unknown> =>
    this.once(request, payload, key, find as Find, taker)

  private within<A, E>(
    effect: Effect.Effect<A, E>,
    timeout: Input | undefined,
    what: string
  ): Effect.Effect<A, E | Timeout> {
    if (timeout === undefined) return effect
    return Effect.timeoutOrElse(effect, {
      duration: timeout,
      orElse: () =>
        Effect.fail(new Timeout({ operation: `pool ${this.pool}: ${what}`, millis: toMillis(timeout), unsent: [] }))
    })
  }

  private once(
    request: RequestWire,
    payload: unknown,
    key: number,
    find: Find,
    taker?: Taker,
    onAsked?: (number: number | undefined) => void
  ): Effect.Effect<unknown, unknown> {
    // One primitive, without a finalizer: this is the hot path of a request. Whoever is interrupted
    // leaves its entry to the reply, or to the worker's end, whose `settle` then does nothing.
    return Effect.callback<unknown, unknown>((resume) => {
      const member = find()
      if (member === undefined) {
        return resume(Effect.flatMap(this.arrival, () => this.once(request, payload, key, find, taker, onAsked)))
      }
      if (!(member instanceof Member)) return resume(Effect.fail(member))
      if (this.pending.fault !== undefined) return resume(Effect.fail(this.pending.fault))
      if (!member.accepts) return resume(Effect.fail(member.notRunning(`pool ${this.pool}: ask ${request.tag}`, [])))
      const asker: Asker = {
        member,
        request,
        settle: resume,
        taker,
        payload,
        key,
        find,
        id: 0,
        number: undefined,
        begun: false
      }
      const id = this.pending.add(asker)
      this.keepAlive.hold()
      try {
        if (member.request(id, request, payload, key, now(), CallerContext.encode(Fiber.getCurrent()!))) {
          asker.number = member.requested
          onAsked?.(asker.number)
          if (taker !== undefined) taker.asker = asker
          this.delivery.moveKept(member)
          return this.publish(member)
        }
      } catch (cause) {
        this.pending.remove(id)
        return resume(Effect.fail(this.delivery.notSent(cause, [])))
      }
      this.pending.remove(id)
      member.mailbox.publish()
      const room = member.mailbox.room(member.laneOf(request))
      return resume(Effect.flatMap(room, () => this.once(request, payload, key, find, taker, onAsked)))
    })
  }

  /** Publishes what was asked: at once, or together with what others ask while replies are settled. */
  private publish(member: Member): void {
    if (!this.pending.draining) return member.mailbox.publish()
    if (member.unpublished) return
    member.unpublished = true
    this.written.push(member)
  }

  private publishAll(): void {
    for (const member of this.written) {
      member.unpublished = false
      member.mailbox.publish()
    }
    this.written.length = 0
  }
}
