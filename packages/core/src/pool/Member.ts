/**
 * One worker of a pool: its mailbox, its commands, and the life of whoever reads the mailbox.
 *
 * ```
 * Idle ──start──▶ Running ⇄ Paused
 *                    │ stop, kill, panic, swap
 *                    ▼
 *                 Stopped ──start──▶ Running
 * ```
 *
 * The mailbox stays as it is from one life to the next.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Poll from "../channel/Poll.ts"
import * as Registry from "../channel/Registry.ts"
import {
  type InvalidConfig,
  type Timeout,
  WorkerAlreadyRunning,
  WorkerNotRunning,
  WorkerPanicked
} from "../errors/Errors.ts"
import { Command, ControlBlock, Status } from "../ring/ControlBlock.ts"
import { Envelope, EnvelopeKind } from "../worker/Envelope.ts"
import { Order } from "../worker/Safeguard.ts"
import type { RequestWire, Wire } from "../worker/Wire.ts"
import type { WorkerProcess } from "../worker/Workers.ts"
import { Commands } from "./Commands.ts"
import { Mailbox, type MailboxOptions, type Traveller } from "./Mailbox.ts"
import type { Stamp } from "./Stamp.ts"

/**
 * Why a worker did not start.
 *
 * @category models
 * @since 0.1.0
 */
export type StartError = WorkerAlreadyRunning | WorkerNotRunning | InvalidConfig | WorkerPanicked | Timeout

/**
 * How a life begins: spawns the worker into a scope and waits until it is ready.
 *
 * @category models
 * @since 0.1.0
 */
export type Start = (
  member: Member
) => Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout, Scope.Scope>

/**
 * @category models
 * @since 0.1.0
 */
export interface MemberHooks {
  readonly start: Start
  /** Where lives are followed to their end. */
  readonly scope: Scope.Scope
  /** Told when a life has begun. */
  readonly onStart: (member: Member) => void
  /** Whether a worker that panicked will be replaced, and its mailbox stays open. */
  readonly recovers: (member: Member) => boolean
  /** Told when a life has ended, by a panic or as it was asked to; returns the panic as it is to be told. */
  readonly onEnd: (member: Member, panic: WorkerPanicked | undefined) => Effect.Effect<WorkerPanicked | undefined>
  /** Told for how long it takes nothing, in milliseconds; 0 once it takes messages again. */
  readonly onRefuse: (member: Member, millis: number) => void
  /** Told that a life will not begin that `recovers` has promised: whoever waits for it learns so. */
  readonly onCallOff: (member: Member) => void
  /** Begins what was promised by `recovers`. */
  readonly recover: (member: Member, panic: WorkerPanicked) => void
}

/** How long what a life acquired may take to be released, in milliseconds. */
const leaveMillis = 1000

/**
 * @category models
 * @since 0.1.0
 */
export class Member {
  readonly id: string
  readonly mailbox: Mailbox
  readonly control = ControlBlock.make()
  private readonly commands = new Commands(this.control, () => this.mailbox.ring(), this)
  readonly pause = this.commands.pause
  readonly resume = this.commands.resume
  readonly ping = this.commands.ping
  private readonly hooks: MemberHooks
  private readonly messages: Envelope<unknown>
  private readonly requests: ReadonlyArray<Envelope<unknown>>
  private readonly verdicts: RequestWire
  private readonly lowest: number
  private process: WorkerProcess | undefined
  /** Done when its life has ended; true if whoever had it leave is to begin the next. */
  private over = Deferred.makeUnsafe<boolean>()
  private count = 0
  private starting = false
  /** Fails a start that nobody wants any more. */
  private calledOff = Deferred.makeUnsafe<never, WorkerNotRunning>()
  private begun = false
  private stopping = false
  private finished = false
  /** Whether its life is ended to begin anew with another's. */
  private halting = false
  /** Whether its life ends so that another begins where it left off; and whether it had to be killed for that. */
  leaving = false
  private overstayed = false
  /** Whether nobody reads the mailbox now, and somebody will soon. */
  recovering = false
  /** Whether others are about to do its work: nothing may wait for it. */
  forsaken = false
  /** When its circuit lets it begin again; 0 while it does. */
  private refusingUntil = 0
  /** Number of the last request that was put into the mailbox; undefined if it is kept beside it. */
  requested: number | undefined
  /** Number of the last request that failed with a life of it; those before want no answer any more. */
  settled: number | undefined
  /** Whether it was asked what it cannot see yet. */
  unpublished = false
  /** Whether it was killed from here: whoever did that knows. */
  killed = false

  constructor(id: string, wire: Wire, mailbox: MailboxOptions, hooks: MemberHooks) {
    this.id = id
    this.hooks = hooks
    this.mailbox = new Mailbox(mailbox)
    this.lowest = mailbox.priorities - 1
    this.messages = new Envelope(wire.message)
    this.requests = wire.requests.map((request) => new Envelope(request.payload))
    this.verdicts = wire.verdict
  }

  /** Whether somebody reads the mailbox, or will soon. */
  get alive(): boolean {
    return this.process !== undefined || this.recovering
  }

  /** Whether nobody will do what is in the mailbox, or others will. */
  get isLost(): boolean {
    return !this.alive || this.forsaken
  }

  /** Whether somebody reads the mailbox now. */
  get running(): boolean {
    return this.process !== undefined
  }

  /** `Idle`, `Running`, `Paused` or `Stopped`. */
  get state(): string {
    if (this.process === undefined) return this.begun ? "Stopped" : "Idle"
    // Its word may be on its way from another process.
    const { statusName } = this.control
    return statusName === "Idle" ? "Running" : statusName
  }

  /** Has its `ControlBlock` tell what it has in hand now. */
  look(): void {
    this.process?.look?.()
  }

  /** Where it was put, in words; undefined if nobody says. */
  get placement(): string | undefined {
    return this.process?.placement
  }

  /** Whether it takes messages: not once it was told to stop. */
  get accepts(): boolean {
    return this.alive && !this.stopping && this.refusingUntil === 0
  }

  /** Whether it takes nothing because its circuit is open. */
  get refuses(): boolean {
    return this.refusingUntil !== 0
  }

  /** Whether it has something to do. */
  get working(): boolean {
    return this.alive && this.mailbox.depth > 0
  }

  /** Messages for this member out of a batch that is being placed. */
  readonly bucket: Array<unknown> = []
  /** How many messages `writeAll` wrote, also when it threw. */
  failedAt = 0

  /** Puts a message into the mailbox; false if there is no room. Throws what the codec throws. */
  write(message: unknown, timestamp: number, stamp: Stamp): boolean {
    const envelope = this.envelope(timestamp, stamp)
    if (!this.mailbox.write(this.laneAt(stamp.priority), envelope, message, EnvelopeKind.Message)) return false
    this.count = (this.count + 1) | 0
    return true
  }

  /** Puts a message into the mailbox, or beside it until there is room. Throws what the codec throws. */
  push(message: unknown, timestamp: number, stamp: Stamp, traveller: Traveller): void {
    const envelope = this.envelope(timestamp, stamp)
    this.mailbox.push(this.laneAt(stamp.priority), envelope, message, EnvelopeKind.Message, traveller)
    this.count = (this.count + 1) | 0
  }

  /**
   * Puts messages into the mailbox as long as there is room, and returns how many. Throws what the codec
   * throws; `failedAt` then is the index of the message to blame, and those before are written.
   */
  writeAll(messages: ReadonlyArray<unknown>, timestamp: number, stamp: Stamp): number {
    const envelope = this.envelope(timestamp, stamp)
    const { head } = envelope
    envelope.step = 1
    try {
      return this.mailbox.writeAll(this.laneAt(stamp.priority), envelope, messages, EnvelopeKind.Message)
    } finally {
      envelope.step = 0
      this.failedAt = (head.id - this.count) | 0
      this.count = head.id
    }
  }

  /** The lane of a priority. */
  laneAt(priority: number): number {
    return this.lowest - priority
  }

  /** The priority of what lies in a lane: none for what other threads send. */
  priorityIn(lane: number): number {
    return Math.max(0, this.lowest - lane)
  }

  /** What goes before the next message. */
  private envelope(timestamp: number, { allowed, context, priority }: Stamp): Envelope<unknown> {
    const { head } = this.messages
    head.id = this.count
    head.detail = priority
    head.timestamp = timestamp
    head.key = allowed
    head.context = context
    return this.messages
  }

  /** Puts a request into the mailbox, to be published; false if there is no room. */
  request(
    id: number,
    request: RequestWire,
    payload: unknown,
    key: number,
    timestamp: number,
    context: string | undefined
  ): boolean {
    const envelope = this.requests[request.index]
    const { head } = envelope
    head.id = id
    head.detail = request.index
    head.key = key
    head.timestamp = timestamp
    head.context = context
    const lane = this.laneOf(request)
    const written = this.mailbox.write(lane, envelope, payload, EnvelopeKind.Request)
    if (written) this.requested = this.mailbox.lastNumber(lane)
    return written
  }

  /** What its owner asks must not wait for room behind messages that wait for its answer. */
  laneOf({ internal }: RequestWire): number {
    return internal ? 0 : this.lowest
  }

  /** Whether a request of this number was acknowledged: its reply is under way, or lost. */
  isAcked(request: RequestWire, number: number): boolean {
    return ((this.mailbox.mesh.ackedIn(this.laneOf(request), 0) - number) | 0) > 0
  }

  /** Tells the worker what becomes of a message that failed. */
  verdict(ticket: number, again: boolean): Effect.Effect<void> {
    return this.order(again ? Order.Again : Order.GiveUp, ticket)
  }

  /** Tells the worker what was decided about a message, or a key group. */
  order(order: number, about: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const envelope = this.requests[this.verdicts.index]
      Object.assign(envelope.head, { id: about, detail: this.verdicts.index })
      if (!this.mailbox.write(0, envelope, order, EnvelopeKind.Request)) {
        return this.alive ? Effect.andThen(this.mailbox.room(0), this.order(order, about)) : Effect.void
      }
      this.mailbox.publish()
      return Effect.void
    })
  }

  /** Tells the worker that its snapshot is here. */
  keep(number: number): void {
    this.control.kept = number
    this.mailbox.ring()
  }

  /** Waits for room at a priority, or until nobody will read any more. */
  room(priority: number): Effect.Effect<void> {
    return Effect.suspend(() =>
      // Its mailbox is closed then, and does not make anybody wait.
      this.refuses ? Poll.until(() => !this.refuses || !this.alive) : this.mailbox.room(this.laneAt(priority))
    )
  }

  /** No life begins any more, nor goes on beginning. */
  finish(): void {
    this.finished = true
    this.callOff("start, of a pool that is closed")
  }

  private callOff(operation: string): void {
    Deferred.doneUnsafe(this.calledOff, Effect.fail(this.notRunning(operation, [])))
  }

  /** Begins a life. Fails with `WorkerAlreadyRunning` if there is one, `WorkerNotRunning` if its pool is closed. */
  readonly start: Effect.Effect<void, StartError> = Effect.suspend((): Effect.Effect<void, StartError> => {
    if (this.finished) return Effect.fail(this.notRunning("start, of a pool that is closed", []))
    if (this.process !== undefined || this.starting) {
      return Effect.fail(new WorkerAlreadyRunning({ worker: this.id, operation: "start" }))
    }
    this.starting = true
    this.calledOff = Deferred.makeUnsafe<never, WorkerNotRunning>()
    this.control.command = Command.Run
    this.control.status = Status.Idle
    return Effect.ensuring(
      this.spawn,
      Effect.sync(() => {
        this.starting = false
      })
    )
  })

  // Interrupted while it starts, or not at all: a life that nobody follows would never be over.
  private readonly spawn = Effect.uninterruptibleMask((restore) => this.spawnWith(restore))

  private readonly spawnWith = Effect.fnUntraced(
    { self: this },
    function* (restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) {
      const life = yield* Scope.fork(this.hooks.scope)
      const started = Scope.provide(this.hooks.start(this), life)
      const process = yield* Effect.raceFirst(started, Deferred.await(this.calledOff)).pipe(
        restore,
        Effect.onError((cause) => Scope.close(life, Exit.failCause(cause))),
        Effect.tapError((error) => this.unheard(error))
      )
      this.process = process
      this.begun = true
      this.over = Deferred.makeUnsafe<boolean>()
      this.killed = false
      this.recovering = false
      this.admit()
      this.hooks.onStart(this)
      yield* Effect.forkIn(this.follow(process, life), this.hooks.scope)
    }
  )

  /** A life that ended before anybody heard that it had begun: it may have died of a message all the same. */
  private unheard(error: StartError): Effect.Effect<void> {
    return error instanceof WorkerPanicked && (this.control.status !== Status.Idle || this.control.busy)
      ? Effect.asVoid(this.hooks.onEnd(this, error))
      : Effect.void
  }

  private follow(process: WorkerProcess, life: Scope.Closeable): Effect.Effect<void> {
    return Effect.flatMap(Effect.exit(process.ended), (exit) =>
      Effect.uninterruptible(
        Effect.suspend(() => {
          const cause = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          const panic = cause instanceof WorkerPanicked ? cause : undefined
          const left = this.leaving && (panic === undefined || this.overstayed) && !this.stopping && !this.finished
          this.recovering =
            left || (panic !== undefined && !this.stopping && !this.finished && this.hooks.recovers(this))
          this.process = undefined
          this.stopping = false
          Registry.bury(process.owner)
          if (!this.recovering) this.mailbox.open = false
          return Effect.flatMap(this.hooks.onEnd(this, panic), (told) =>
            Effect.andThen(
              this.leave(life),
              Effect.sync(() => {
                const { halting } = this
                this.halting = false
                // Else it is on its way from one life to the next until that has begun.
                if (!left) this.leaving = false
                this.overstayed = false
                Deferred.doneUnsafe(this.over, Effect.succeed(left))
                if (this.recovering && !halting && !left && told !== undefined) this.hooks.recover(this, told)
              })
            )
          )
        })
      )
    )
  }

  /** Closes the scope of a life that has ended, without waiting for ever: a successor does not depend on it. */
  private leave(life: Scope.Closeable): Effect.Effect<void> {
    return Effect.flatMap(Effect.forkIn(Scope.close(life, Exit.void), this.hooks.scope), (closing) =>
      Effect.callback<void>((resume) => {
        const timer = setTimeout(() => resume(Effect.void), leaveMillis)
        closing.addObserver(() => {
          clearTimeout(timer)
          resume(Effect.void)
        })
      })
    )
  }

  private whileAlive<A, E>(
    operation: string,
    effect: () => Effect.Effect<A, E>
  ): Effect.Effect<A, E | WorkerNotRunning> {
    return Effect.suspend((): Effect.Effect<A, E | WorkerNotRunning> =>
      this.alive ? effect() : Effect.fail(this.notRunning(operation, []))
    )
  }

  /** Finishes what is in the mailbox, and ends; kills it if that takes longer than `millis`. True if it had to. */
  stop(millis: number): Effect.Effect<boolean, WorkerNotRunning> {
    const stopped = Effect.suspend(() =>
      this.process === undefined && (this.recovering || this.starting) ? this.turnBack : this.end(millis)
    )
    // What is in the mailbox is for the successor then.
    const succeeded = Poll.until(() => !this.leaving)
    return Effect.andThen(succeeded, stopped)
  }

  /** It is on its way to a life that nobody wants any more. */
  private readonly turnBack = Effect.suspend(() => {
    this.giveUp()
    this.callOff("start, and stopped meanwhile")
    this.hooks.onCallOff(this)
    const left = Poll.until(() => !this.starting)
    return Effect.as(left, false)
  })

  private end(millis: number): Effect.Effect<boolean, WorkerNotRunning> {
    return this.whileAlive("stop", () => {
      this.stopping = true
      const { mailbox, over } = this
      const process = this.process!
      const command = Effect.sync(() => this.commands.give(Command.Stop))
      // It ends when it finds its mailbox empty: what is kept beside the ring must be in there first.
      if (mailbox.keeps) this.commands.give(Command.Run)
      const kept = Poll.until(() => !mailbox.keeps || !this.alive)
      return Effect.timeoutOrElse(
        Effect.as(Effect.andThen(Effect.ensuring(kept, command), Deferred.await(over)), false),
        {
          duration: millis,
          orElse: () => {
            this.killed = true
            return Effect.as(Effect.andThen(process.kill, Deferred.await(over)), true)
          }
        }
      )
    })
  }

  /**
   * Has it end after what it has in hand, and begins anew: its successor has its state, if that can
   * leave, and its mailbox. Kills it if it takes longer than `millis`. False if its life ended in
   * another way, which is not for whoever called to care about.
   */
  swap(millis: number): Effect.Effect<boolean, StartError> {
    return this.whileAlive("recycle", () => {
      // On its way to another life already.
      if (this.process === undefined) return Effect.succeed(false)
      this.leaving = true
      const { over, process } = this
      this.commands.give(Command.Leave)
      const left = Effect.timeoutOrElse(Deferred.await(over), {
        duration: millis,
        orElse: () => {
          this.overstayed = true
          return Effect.andThen(process.kill, Deferred.await(over))
        }
      })
      return Effect.flatMap(left, (begins) =>
        begins && this.recovering
          ? Effect.as(
              Effect.catchTag(this.start, "WorkerAlreadyRunning", () => Effect.void),
              true
            )
          : Effect.succeed(false)
      ).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            this.leaving = false
          })
        )
      )
    })
  }

  /** Ends it at once, whatever it does. */
  readonly kill: Effect.Effect<void, WorkerNotRunning> = this.whileAlive("kill", () => {
    if (this.process === undefined) return Effect.void
    this.killed = true
    return Effect.andThen(this.process.kill, Deferred.await(this.over))
  })

  /** Ends it at once, as its own failure. */
  readonly abort: Effect.Effect<void> = Effect.suspend(() => this.process?.kill ?? Effect.void)

  /** Ends it at once, to begin anew soon. */
  readonly halt: Effect.Effect<void> = Effect.suspend(() => {
    if (this.process === undefined) return Effect.void
    this.halting = true
    return Effect.orElseSucceed(this.kill, () => undefined)
  })

  /** Takes no messages until its next life, which is so many milliseconds away. */
  refuse(millis: number): void {
    this.refusingUntil = performance.now() + millis
    this.hooks.onRefuse(this, millis)
    // Whoever waits for room learns so.
    this.mailbox.open = false
  }

  /** Takes messages again. */
  admit(): void {
    const { refuses } = this
    this.refusingUntil = 0
    if (this.alive) this.mailbox.open = true
    if (refuses) this.hooks.onRefuse(this, 0)
  }

  /** Nobody will read the mailbox: whoever waits for room learns so. */
  giveUp(): void {
    this.recovering = false
    if (this.process === undefined) this.mailbox.open = false
  }

  notRunning(operation: string, unsent: ReadonlyArray<unknown>): WorkerNotRunning {
    const { refusingUntil } = this
    const millis = Math.max(0, Math.ceil(refusingUntil - performance.now()))
    const state = refusingUntil === 0 ? this.state : `its circuit is open, the next probe is in ${millis} ms`
    return new WorkerNotRunning({
      worker: this.id,
      state,
      operation,
      unsent: [...unsent],
      ...(refusingUntil === 0 ? {} : { retryAfterMillis: millis })
    })
  }
}
