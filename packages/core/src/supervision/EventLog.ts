/**
 * Where events go: counted for ever, and published to whoever listens, who misses the oldest if it
 * falls behind.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type { SupervisionCounts, SupervisionEvent } from "./SupervisionEvent.ts"

/** Events that a listener may be behind. */
const capacity = 1024

/**
 * @category models
 * @since 0.1.0
 */
export class EventLog {
  readonly pubsub: PubSub.PubSub<SupervisionEvent>
  readonly counts: { -readonly [Tag in keyof SupervisionCounts]: number } = {
    Failed: 0,
    Restarting: 0,
    Restarted: 0,
    GaveUp: 0,
    FailedOver: 0,
    FailedBack: 0,
    CircuitOpened: 0,
    CircuitHalfOpened: 0,
    CircuitClosed: 0,
    Escalated: 0,
    Retrying: 0,
    DeadLettered: 0,
    Overdue: 0,
    Recycled: 0
  }

  private constructor(pubsub: PubSub.PubSub<SupervisionEvent>) {
    this.pubsub = pubsub
  }

  static readonly make: Effect.Effect<EventLog> = Effect.map(
    PubSub.sliding<SupervisionEvent>(capacity),
    (pubsub) => new EventLog(pubsub)
  )

  add(event: SupervisionEvent): void {
    this.counts[event._tag] += 1
    // Sliding: the oldest makes way, so this never waits.
    Effect.runSync(PubSub.publish(this.pubsub, event))
  }
}
