/**
 * A circuit for each worker, or for each key group of each, on `effect/persistence`'s `CircuitBreaker`:
 * told of what is known only afterwards, a failure and how much succeeded before it.
 *
 * The probe of a circuit that was open is told by whoever makes it: the next life of a worker, which
 * closes the circuit by getting somewhere, or by having nothing to do; or the next message.
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

/**
 * Whose circuit it is: a worker's, or that of a key group of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Circuit {
  readonly worker: string
  readonly group: number | undefined
}

const keyOf = ({ group, worker }: Circuit): string => (group === undefined ? worker : `${worker}#${group}`)

const eventOf = (circuit: Circuit, transition: CircuitBreaker.Transition): SupervisionEvent => {
  switch (transition.to) {
    case "Open":
      return SupervisionEvent.CircuitOpened({ ...circuit, retryAfterMillis: toMillis(transition.retryAfter) })
    case "HalfOpen":
      return SupervisionEvent.CircuitHalfOpened(circuit)
    case "Closed":
      return SupervisionEvent.CircuitClosed(circuit)
  }
}

/** How long the outcome of a probe may take to be recorded, in milliseconds. */
const probeMillis = 200

/**
 * @category models
 * @since 0.1.0
 */
export class Circuits {
  /** Successes after which a failure is forgotten. */
  readonly window: number
  readonly events: EventLog
  private readonly breaker: CircuitBreaker.CircuitBreaker
  /** Those that have had a failure, by their names. */
  private readonly known: Map<string, Circuit>

  private constructor(
    breaker: CircuitBreaker.CircuitBreaker,
    known: Map<string, Circuit>,
    window: number,
    events: EventLog
  ) {
    this.events = events
    this.breaker = breaker
    this.known = known
    this.window = window
  }

  static make({ openDuration, trip }: Breaker, events: EventLog): Effect.Effect<Circuits, never, Scope.Scope> {
    return Effect.gen(function* () {
      const known = new Map<string, Circuit>()
      const breaker = yield* CircuitBreaker.make({ tripPolicy: trip, openDuration })
      yield* Effect.forkScoped(
        Stream.runForEach(breaker.transitions, (transition) =>
          Effect.sync(() => events.add(eventOf(known.get(transition.key)!, transition)))
        ),
        { startImmediately: true }
      )
      return new Circuits(breaker, known, trip._tag === "Rate" ? trip.size : 1, events)
    }).pipe(Effect.provide(CircuitBreaker.layerStoreMemory()))
  }

  /**
   * Something failed, after so many successes. Milliseconds until it may be tried again, 0 while the circuit
   * is closed.
   */
  failed(circuit: Circuit, successes: number, error: WorkerPanicked): Effect.Effect<number> {
    const key = keyOf(circuit)
    const record = (outcome: Effect.Effect<void, WorkerPanicked>) =>
      // An open circuit takes no outcomes: it knows already.
      Effect.ignore(this.breaker.execute(outcome, { key }))
    return Effect.gen({ self: this }, function* () {
      if (!this.known.has(key)) this.known.set(key, circuit)
      let before = yield* this.state(circuit)
      if (before._tag === "Closed") {
        for (let i = Math.min(successes, this.window); i > 0; i--) yield* record(Effect.void)
        before = yield* this.state(circuit)
      }
      // The end of a probe is recorded by the probe itself, which finds out soon.
      if (before._tag === "HalfOpen") {
        yield* Effect.timeoutOrElse(
          Effect.repeat(Effect.andThen(Effect.sleep(1), this.state(circuit)), {
            until: ({ _tag }) => _tag !== "HalfOpen"
          }),
          { duration: probeMillis, orElse: () => this.state(circuit) }
        )
      } else {
        yield* record(Effect.fail(error))
      }
      const after = yield* this.state(circuit)
      return after._tag === "Open" ? toMillis(after.retryAfter) : 0
    })
  }

  /** Tries again: `outcome` tells how it goes, and is asked only if the circuit was open. */
  probe(circuit: Circuit, outcome: Effect.Effect<void, WorkerPanicked>): Effect.Effect<void> {
    return Effect.flatMap(this.state(circuit), (state) => {
      if (state._tag === "Closed") return Effect.void
      // Begun before it may be: an open circuit would not hear how it goes.
      if (state._tag === "Open" && toMillis(state.retryAfter) > 0) {
        return Effect.andThen(
          Effect.sleep(state.retryAfter),
          Effect.suspend(() => this.probe(circuit, outcome))
        )
      }
      return Effect.ignore(this.breaker.execute(outcome, { key: keyOf(circuit) }))
    })
  }

  /** Whether something may be tried. */
  admits(circuit: Circuit): Effect.Effect<boolean> {
    return Effect.map(this.state(circuit), (state) => state._tag !== "Open" || toMillis(state.retryAfter) === 0)
  }

  state(circuit: Circuit): Effect.Effect<CircuitBreaker.State> {
    return Effect.orDie(this.breaker.state(keyOf(circuit)))
  }
}
