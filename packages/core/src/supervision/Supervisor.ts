/**
 * A supervisor of programs: what supervises pools, and other supervisors.
 *
 * ```ts
 * const supervisor = yield* Supervisor.make(Supervision.restart(), {
 *   orders: Effect.flatMap(WorkerPool.make(Orders), (pool) => Effect.andThen(run(pool), pool.escalated)),
 *   bills: ...
 * })
 * yield* supervisor.escalated
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { InvalidConfig, WorkerPanicked } from "../errors/Errors.ts"
import { check } from "./checks.ts"
import { EventLog } from "./EventLog.ts"
import { type Child, Recovery } from "./Recovery.ts"
import type { SupervisionCounts, SupervisionEvent } from "./SupervisionEvent.ts"
import type { Supervision } from "./Supervision.ts"
import * as Tree from "./Tree.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Supervisor {
  readonly name: string
  /** Fails when it gave up: its owner may race it, or be a child of another supervisor by it. */
  readonly escalated: Effect.Effect<never, WorkerPanicked>
  readonly events: Stream.Stream<SupervisionEvent>
  readonly counts: Effect.Effect<SupervisionCounts>
  /** Its children, what they do, and what was made within them: pools, and other supervisors; in words. */
  readonly describe: Effect.Effect<string>
}

class Program<E, R> implements Child {
  readonly id: string
  state: "running" | "restarting" | "ended" | "given up" = "restarting"
  /** What was made within it. */
  readonly branch: Tree.Branch = new Set()
  private readonly program: Effect.Effect<unknown, E, R | Scope.Scope>
  private readonly parent: Scope.Scope
  private readonly run: (effect: Effect.Effect<unknown, E, R>) => Effect.Effect<unknown, E>
  private readonly onFailure: (child: Child, error: WorkerPanicked) => void
  private life: Scope.Closeable | undefined
  private fiber: Fiber.Fiber<void> | undefined

  constructor(
    id: string,
    program: Effect.Effect<unknown, E, R | Scope.Scope>,
    parent: Scope.Scope,
    run: (effect: Effect.Effect<unknown, E, R>) => Effect.Effect<unknown, E>,
    onFailure: (child: Child, error: WorkerPanicked) => void
  ) {
    this.id = id
    this.program = Effect.provideService(program, Tree.Branch, this.branch)
    this.parent = parent
    this.run = run
    this.onFailure = onFailure
  }

  readonly begin: Effect.Effect<void> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      const life = yield* Scope.fork(this.parent)
      this.life = life
      this.state = "running"
      const body = Effect.exit(this.run(Scope.provide(this.program, life) as Effect.Effect<unknown, E, R>))
      this.fiber = yield* Effect.forkIn(
        Effect.flatMap(body, (exit) => {
          // Ended by `halt`, or with the supervisor: nobody's failure.
          if (this.life !== life) return Effect.void
          // Not over before all is released: whoever halts it meanwhile waits for that, and then it is no failure.
          return Effect.map(Effect.uninterruptible(this.leave(life, exit)), () => {
            if (this.life !== life) return
            this.life = undefined
            this.ended(exit)
          })
        }),
        this.parent
      )
    })
  )

  private ended(exit: Exit.Exit<unknown, E>): void {
    if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) {
      this.state = "ended"
      return
    }
    this.state = "restarting"
    const error = Cause.squash(exit.cause)
    this.onFailure(
      this,
      error instanceof WorkerPanicked
        ? error
        : new WorkerPanicked({
            worker: this.id,
            phase: "run",
            detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
            cause: error
          })
    )
  }

  isWanted(): boolean {
    return this.state === "restarting"
  }

  isAlive(): boolean {
    return this.state === "running" || this.state === "restarting"
  }

  progressed(): boolean {
    return false
  }

  /** Closes the scope of a life: what breaks on the way is no reason not to begin the next. */
  private leave(life: Scope.Closeable, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.catchCause(Scope.close(life, exit), (cause) =>
      Effect.logWarning(`what ${this.id} had acquired was not all released`, cause)
    )
  }

  readonly halt: Effect.Effect<void> = Effect.suspend(() => {
    const { fiber, life } = this
    this.life = undefined
    if (life === undefined) return Effect.void
    const ended = fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
    return Effect.andThen(ended, this.leave(life, Exit.void))
  })

  /** Ends for good, because the whole does. */
  readonly end: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      this.halt,
      Effect.sync(() => {
        if (this.state === "running") this.state = "ended"
        else if (this.state === "restarting") this.state = "given up"
      })
    )
  )

  readonly giveUp = (): Effect.Effect<void> =>
    Effect.sync(() => {
      this.state = "given up"
    })
}

/**
 * Runs programs side by side, in scopes of their own, and does what `supervision` says when one
 * fails. One that succeeds has ended. All end with the scope. Fails, before anything runs, with what of
 * `supervision` cannot be, or is no program.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <E, R>(
  supervision: Supervision,
  programs: Readonly<Record<string, Effect.Effect<unknown, E, R | Scope.Scope>>>,
  options?: { readonly name?: string | undefined }
): Effect.fn.Return<Supervisor, InvalidConfig, R | Scope.Scope> {
  yield* check("Supervisor.supervision", supervision, undefined)
  for (const [id, value] of Object.entries<unknown>(programs)) {
    if (!Effect.isEffect(value)) {
      return yield* new InvalidConfig({ option: `Supervisor.programs.${id}`, value, allowed: "an Effect" })
    }
  }
  const name = options?.name ?? "supervisor"
  const scope = yield* Effect.scope
  const context = yield* Effect.context<R>()
  const events = yield* EventLog.make
  const onFailure = (child: Child, error: WorkerPanicked): void => {
    if (!recovery.recovers) return void Effect.runFork(child.giveUp(error))
    Effect.runFork(Effect.forkIn(recovery.recover(child, error), scope))
  }
  const children = Object.entries(programs).map(
    ([id, program]) => new Program(id, program, scope, (effect) => Effect.provideContext(effect, context), onFailure)
  )
  const recovery: Recovery = new Recovery({
    decisions: supervision,
    children: () => children,
    events,
    failover: () => Effect.succeed(-1),
    heldBack: () => Effect.succeed(0),
    onEscalate: () => Effect.forEach([...children].reverse(), (child) => child.end, { discard: true })
  })
  yield* Scope.addFinalizer(
    scope,
    Effect.sync(() => {
      recovery.over = true
    })
  )
  const describe = Effect.map(
    Effect.forEach(children, ({ branch, id, state }) =>
      Effect.map(Tree.print(branch), (lines) => [`  ${id}  ${state}`, ...lines])
    ),
    (lines) => [`supervisor ${name}`, ...lines.flat()].join("\n")
  )
  yield* Tree.grow(describe)
  yield* Effect.forEach(children, (child) => child.begin, { discard: true })
  return {
    name,
    escalated: Deferred.await(recovery.escalated),
    events: Stream.fromPubSub(events.pubsub),
    counts: Effect.sync(() => ({ ...events.counts })),
    describe
  }
})
