/**
 * Places for workers, started ahead: a successor takes one over instead of waiting for a thread to
 * start. A place that was taken is made up for at once: deaths come in rows.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
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

interface Place {
  /** Done with undefined if it did not start. */
  readonly prepared: Deferred.Deferred<Ready | undefined>
  ready: Ready | undefined
}

/** Whether a place is ready, or may become so. */
const isGood = ({ prepared, ready }: Place): boolean =>
  ready === undefined ? !Deferred.isDoneUnsafe(prepared) : ready.spare.alive

/**
 * @category models
 * @since 0.1.0
 */
export class Spares {
  private readonly workers: Workers["Service"]
  private readonly options: PrepareOptions
  private readonly count: number
  private readonly scope: Scope.Scope
  /** Those that are ready, and those that will be: each is there for one worker. */
  private places: Array<Place> = []

  constructor(workers: Workers["Service"], options: PrepareOptions, count: number, scope: Scope.Scope) {
    this.workers = workers
    this.options = options
    this.count = workers.prepare === undefined ? 0 : count
    this.scope = scope
  }

  /** Starts places until there are as many as there are to be. */
  refill(): void {
    this.places = this.places.filter(isGood)
    while (this.places.length < this.count) {
      const place: Place = { prepared: Deferred.makeUnsafe<Ready | undefined>(), ready: undefined }
      this.places.push(place)
      // One that does not start is not made up for before the next is taken: it would not start again.
      const done = Effect.matchCause(this.prepare, {
        onFailure: () => undefined,
        onSuccess: (ready) => {
          place.ready = ready
          return ready
        }
      })
      Fiber.runIn(Effect.runFork(Effect.flatMap(done, (ready) => Deferred.succeed(place.prepared, ready))), this.scope)
    }
  }

  private readonly prepare: Effect.Effect<Ready, InvalidConfig | WorkerPanicked | Timeout> = Effect.gen(
    { self: this },
    function* () {
      const scope = yield* Scope.fork(this.scope)
      const spare = yield* this.workers.prepare!(this.options).pipe(
        Scope.provide(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      return { spare, scope }
    }
  )

  /** Takes a place, if there is one, once it is ready: whoever loses interest meanwhile leaves it to others. */
  private take(restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) {
    this.places = this.places.filter(isGood)
    const place = this.places.shift()
    if (place === undefined) return Effect.undefined
    return Effect.onInterrupt(restore(Deferred.await(place.prepared)), () =>
      Effect.sync(() => this.places.unshift(place))
    )
  }

  /** Starts a worker, in a place that is ready, or was begun earlier, if there is one. */
  spawn(options: SpawnOptions): Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout, Scope.Scope> {
    return Effect.suspend((): Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout, Scope.Scope> => {
      if (this.count === 0) return this.workers.spawn(options)
      return Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(this.take(restore), (taken) => {
          this.refill()
          return taken === undefined || !taken.spare.alive
            ? restore(this.workers.spawn(options))
            : Effect.andThen(
                Effect.addFinalizer((exit) => Scope.close(taken.scope, exit)),
                restore(taken.spare.spawn(options))
              )
        })
      )
    })
  }
}
