/**
 * A circuit for each worker, on `effect/persistence`'s `CircuitBreaker`: told of what is known only
 * afterwards, the end of a life and whether it had got anywhere.
 *
 * The probe of a circuit that was open is the next life: it closes the circuit by getting somewhere,
 * or by having nothing to do, and opens it again by its end.
 *
 * @since 0.1.0
 */
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { EventLog } from "./EventLog.ts"
import type { Breaker } from "./Supervision.ts"
import { SupervisionEvent } from "./SupervisionEvent.ts"

const eventOf = (transition: CircuitBreaker.Transition): SupervisionEvent => {
  const worker = transition.key
  switch (transition.to) {
    case "Open":
      return SupervisionEvent.CircuitOpened({ worker, retryAfterMillis: toMillis(transition.retryAfter) })
    case "HalfOpen":
      return SupervisionEvent.CircuitHalfOpened({ worker })
    case "Closed":
      return SupervisionEvent.CircuitClosed({ worker })
  }
}

/** How long the outcome of a probe may take to be recorded, in milliseconds. */
const probeMillis = 200

/**
 * @category models
 * @since 0.1.0
 */
export class Circuits {
  private readonly breaker: CircuitBreaker.CircuitBreaker

  private constructor(breaker: CircuitBreaker.CircuitBreaker) {
    this.breaker = breaker
  }

  static make({ openDuration, trip }: Breaker, events: EventLog): Effect.Effect<Circuits, never, Scope.Scope> {
    return Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ tripPolicy: trip, openDuration })
      yield* Effect.forkScoped(
        Stream.runForEach(breaker.transitions, (transition) => Effect.sync(() => events.add(eventOf(transition)))),
        { startImmediately: true }
      )
      return new Circuits(breaker)
    }).pipe(Effect.provide(CircuitBreaker.layerStoreMemory()))
  }

  /** A life has ended. Milliseconds until the next may begin, 0 while the circuit is closed. */
  failed(worker: string, progressed: boolean, error: WorkerPanicked): Effect.Effect<number> {
    const record = (outcome: Effect.Effect<void, WorkerPanicked>) =>
      // An open circuit takes no outcomes: it knows already.
      Effect.ignore(this.breaker.execute(outcome, { key: worker }))
    return Effect.gen({ self: this }, function* () {
      if (progressed) yield* record(Effect.void)
      const before = yield* this.state(worker)
      // The end of a probe is recorded by the probe itself, which finds out soon.
      if (before._tag === "HalfOpen") {
        yield* Effect.timeoutOrElse(
          Effect.repeat(Effect.andThen(Effect.sleep(1), this.state(worker)), {
            until: ({ _tag }) => _tag !== "HalfOpen"
          }),
          { duration: probeMillis, orElse: () => this.state(worker) }
        )
      } else {
        yield* record(Effect.fail(error))
      }
      const after = yield* this.state(worker)
      return after._tag === "Open" ? toMillis(after.retryAfter) : 0
    })
  }

  /** A life begins: `outcome` tells how it goes, and is asked only if the circuit was open. */
  probe(worker: string, outcome: Effect.Effect<void, WorkerPanicked>): Effect.Effect<void> {
    return Effect.flatMap(this.state(worker), (state) =>
      state._tag === "Open" ? Effect.ignore(this.breaker.execute(outcome, { key: worker })) : Effect.void
    )
  }

  state(worker: string): Effect.Effect<CircuitBreaker.State> {
    return Effect.orDie(this.breaker.state(worker))
  }
}
