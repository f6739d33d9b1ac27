/**
 * One worker of a pool: its mailbox, its commands, and the life of whoever reads the mailbox.
 *
 * ```
 * Idle ──start──▶ Running ⇄ Paused
 *                    │ stop, kill, panic
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
import type * as Duration from "effect/Duration"
import { millis as durationMillis } from "effect/Duration"
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
import { Command, ControlBlock } from "../ring/ControlBlock.ts"
import { Envelope, EnvelopeKind } from "../worker/Envelope.ts"
import type { RequestWire, Wire } from "../worker/Wire.ts"
import type { WorkerProcess } from "../worker/Workers.ts"
import { Mailbox, type MailboxOptions } from "./Mailbox.ts"

/**
 * Why a worker did not start.
 *
 * @category models
 * @since 0.1.0
 */
export type StartError = WorkerAlreadyRunning | InvalidConfig | WorkerPanicked | Timeout

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
  /** Told when a life has ended, by a panic or as it was asked to. */
  readonly onEnd: (member: Member, panic: WorkerPanicked | undefined) => Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export class Member {
  readonly id: string
  readonly mailbox: Mailbox
  readonly control = ControlBlock.make()
  private readonly hooks: MemberHooks
  private readonly messages: Envelope<unknown>
  private readonly requests: ReadonlyArray<Envelope<unknown>>
  private readonly lowest: number
  private process: WorkerProcess | undefined
  private over = Deferred.makeUnsafe<void>()
  private count = 0
  private starting = false

  constructor(id: string, wire: Wire, mailbox: MailboxOptions, hooks: MemberHooks) {
    this.id = id
    this.hooks = hooks
    this.mailbox = new Mailbox(mailbox)
    this.lowest = mailbox.priorities - 1
    this.messages = new Envelope(wire.message)
    this.requests = wire.requests.map((request) => new Envelope(request.payload))
  }

  /** Whether somebody reads the mailbox. */
  get alive(): boolean {
    return this.process !== undefined
  }

  /** `Idle`, `Running`, `Paused` or `Stopped`. */
  get state(): string {
    return this.process !== undefined || this.control.statusName === "Idle" ? this.control.statusName : "Stopped"
  }

  /** Where it was put, in words; undefined if nobody says. */
  get placement(): string | undefined {
    return this.process?.placement
  }

  /** Whether it has something to do. */
  get working(): boolean {
    return this.alive && this.mailbox.depth > 0
  }

  /** Puts a message into the mailbox; false if there is no room. Throws what the codec throws. */
  write(message: unknown, timestamp: number, priority: number, context: string | undefined): boolean {
    const envelope = this.messages
    const { head } = envelope
    head.id = this.count
    head.detail = priority
    head.timestamp = timestamp
    head.context = context
    if (!this.mailbox.write(this.lowest - priority, envelope, message, EnvelopeKind.Message)) return false
    this.count = (this.count + 1) | 0
    return true
  }

  /** Puts a request into the mailbox and publishes it; false if there is no room. */
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
    if (!this.mailbox.write(this.lowest, envelope, payload, EnvelopeKind.Request)) return false
    this.mailbox.publish()
    return true
  }

  /** Waits for room at a priority. */
  room(priority: number): Effect.Effect<void> {
    return this.mailbox.room(this.lowest - priority)
  }

  /** Begins a life. Fails with `WorkerAlreadyRunning` if there is one. */
  readonly start: Effect.Effect<void, StartError> = Effect.suspend((): Effect.Effect<void, StartError> => {
    if (this.process !== undefined || this.starting) {
      return Effect.fail(new WorkerAlreadyRunning({ worker: this.id, operation: "start" }))
    }
    this.starting = true
    this.control.command = Command.Run
    return Effect.ensuring(
      this.spawn,
      Effect.sync(() => {
        this.starting = false
      })
    )
  })

  private readonly spawn = Effect.gen({ self: this }, function* () {
    const life = yield* Scope.fork(this.hooks.scope)
    const process = yield* this.hooks.start(this).pipe(
      Scope.provide(life),
      Effect.onError((cause) => Scope.close(life, Exit.failCause(cause)))
    )
    this.process = process
    this.over = Deferred.makeUnsafe<void>()
    this.mailbox.open = true
    yield* Effect.forkIn(this.follow(process, life), this.hooks.scope)
  })

  private follow(process: WorkerProcess, life: Scope.Closeable): Effect.Effect<void> {
    return Effect.flatMap(Effect.exit(process.ended), (exit) =>
      Effect.uninterruptible(
        Effect.suspend(() => {
          const cause = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          this.process = undefined
          Registry.bury(process.owner)
          this.mailbox.open = false
          return Effect.andThen(
            this.hooks.onEnd(this, cause instanceof WorkerPanicked ? cause : undefined),
            Effect.andThen(
              Scope.close(life, Exit.void),
              Effect.sync(() => Deferred.doneUnsafe(this.over, Effect.void))
            )
          )
        })
      )
    )
  }

  private command(command: number): void {
    this.control.command = command
    this.mailbox.ring()
  }

  private whileAlive<A, E>(operation: string, effect: () => Effect.Effect<A, E>): Effect.Effect<A, E | WorkerNotRunning> {
    return Effect.suspend((): Effect.Effect<A, E | WorkerNotRunning> =>
      this.alive ? effect() : Effect.fail(this.notRunning(operation, []))
    )
  }

  /** Finishes what is in the mailbox, and ends; kills it if that takes longer than `millis`. True if it had to. */
  stop(millis: number): Effect.Effect<boolean, WorkerNotRunning> {
    return this.whileAlive("stop", () => {
      this.command(Command.Stop)
      const { process } = this
      return Effect.timeoutOrElse(Effect.as(Deferred.await(this.over), false), {
        duration: millis,
        orElse: () =>
          Effect.as(Effect.andThen(process!.kill, Deferred.await(this.over)), true)
      })
    })
  }

  /** Ends it at once, whatever it does. */
  readonly kill: Effect.Effect<void, WorkerNotRunning> = this.whileAlive("kill", () =>
    Effect.andThen(this.process!.kill, Deferred.await(this.over))
  )

  /** Holds on after the message in hand. */
  readonly pause: Effect.Effect<void, WorkerNotRunning> = this.whileAlive("pause", () => {
    this.command(Command.Pause)
    return this.until("Paused")
  })

  readonly resume: Effect.Effect<void, WorkerNotRunning> = this.whileAlive("resume", () => {
    this.command(Command.Run)
    return this.until("Running")
  })

  private until(state: string): Effect.Effect<void, WorkerNotRunning> {
    return Effect.flatMap(
      Poll.until(() => this.control.statusName === state || !this.alive),
      () => (this.alive ? Effect.void : Effect.fail(this.notRunning(`wait for ${state}`, [])))
    )
  }

  /** Asks for a sign of life, between two messages: how long it took. */
  readonly ping: Effect.Effect<Duration.Duration, WorkerNotRunning> = this.whileAlive("ping", () => {
    const asked = performance.now()
    const question = this.control.ping()
    this.mailbox.ring()
    return Effect.flatMap(
      Poll.until(() => this.control.answered(question) || !this.alive),
      () =>
        this.control.answered(question)
          ? Effect.succeed(durationMillis(performance.now() - asked))
          : Effect.fail(this.notRunning("ping", []))
    )
  })

  notRunning(operation: string, unsent: ReadonlyArray<unknown>): WorkerNotRunning {
    return new WorkerNotRunning({ worker: this.id, state: this.state, operation, unsent: [...unsent] })
  }
}
