/**
 * Places for workers, started ahead: a successor takes one over instead of waiting for a thread to
 * start. A place that was taken is made up for once the successor is ready, so that the two starts
 * do not compete.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { InvalidConfig, Timeout, WorkerPanicked } from "../errors/Errors.ts"
import type { PrepareOptions, Spare, SpawnOptions, WorkerProcess, Workers } from "../worker/Workers.ts"

interface Ready {
  readonly spare: Spare
  readonly scope: Scope.Closeable
}

/**
 * @category models
 * @since 0.1.0
 */
export class Spares {
  private readonly workers: Workers["Service"]
  private readonly options: PrepareOptions
  private readonly count: number
  private readonly scope: Scope.Scope
  private ready: Array<Ready> = []
  private starting = 0

  constructor(workers: Workers["Service"], options: PrepareOptions, count: number, scope: Scope.Scope) {
    this.workers = workers
    this.options = options
    this.count = workers.prepare === undefined ? 0 : count
    this.scope = scope
  }

  /** Starts places until there are as many as there are to be. */
  refill(): void {
    this.ready = this.ready.filter(({ spare }) => spare.alive)
    for (; this.ready.length + this.starting < this.count; this.starting++) {
      // One that does not start is not made up for before the next is taken: it would not start again.
      const done = Effect.ensuring(
        Effect.ignore(this.prepare),
        Effect.sync(() => {
          this.starting -= 1
        })
      )
      Fiber.runIn(Effect.runFork(done), this.scope)
    }
  }

  private readonly prepare = Effect.gen({ self: this }, function* () {
    const scope = yield* Scope.fork(this.scope)
    const spare = yield* this.workers.prepare!(this.options).pipe(
      Scope.provide(scope),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    this.ready.push({ spare, scope })
  })

  /** Starts a worker, in a place that is ready if there is one. */
  spawn(options: SpawnOptions): Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout, Scope.Scope> {
    return Effect.suspend((): Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout, Scope.Scope> => {
      this.ready = this.ready.filter(({ spare }) => spare.alive)
      const taken = this.ready.shift()
      if (this.count === 0) return this.workers.spawn(options)
      const started =
        taken === undefined
          ? this.workers.spawn(options)
          : Effect.andThen(
              Effect.addFinalizer((exit) => Scope.close(taken.scope, exit)),
              taken.spare.spawn(options)
            )
      return Effect.tap(started, () => Effect.sync(() => this.refill()))
    })
  }
}
