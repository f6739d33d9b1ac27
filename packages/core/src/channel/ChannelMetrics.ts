/**
 * What a channel counts, as Effect metrics, one series a channel (attribute `channel`).
 *
 * | metric | kind | unit |
 * |---|---|---|
 * | `shared_nothing_channel_sent` | counter | messages |
 * | `shared_nothing_channel_received` | counter | messages |
 * | `shared_nothing_channel_send_errors` | counter | operations |
 * | `shared_nothing_channel_receive_errors` | counter | operations |
 * | `shared_nothing_channel_full_waits` | counter | waits |
 * | `shared_nothing_channel_empty_waits` | counter | waits |
 * | `shared_nothing_channel_parked_millis` | counter | milliseconds |
 * | `shared_nothing_channel_depth` | gauge | messages |
 *
 * Counting costs the channel nothing: whoever updates the metrics reads the counters and adds what
 * came since it read them last. So update one channel from one place.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Scope } from "effect/Scope"
import type { ChannelStats } from "./ChannelStats.ts"

/**
 * What metrics are made from: a `SharedChannel`, or a name and what `SharedChannel.statsReader` reads.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source {
  readonly name: string
  readonly stats: Effect.Effect<ChannelStats>
}

const counter = (name: string, description: string) =>
  Metric.counter(`shared_nothing_channel_${name}`, { description, incremental: true })

const counters: ReadonlyArray<readonly [keyof ChannelStats, Metric.Counter<number>]> = [
  ["sent", counter("sent", "Messages made visible to receivers")],
  ["received", counter("received", "Messages handed out, redelivered ones included")],
  ["sendErrors", counter("send_errors", "Send operations that failed")],
  ["receiveErrors", counter("receive_errors", "Receive operations that failed")],
  ["fullWaits", counter("full_waits", "Times a sender found no room and waited")],
  ["emptyWaits", counter("empty_waits", "Times a receiver found nothing and waited")],
  ["parkedMillis", counter("parked_millis", "Milliseconds that senders and receivers slept")]
]

const depth = Metric.gauge("shared_nothing_channel_depth", { description: "Messages sent and not acknowledged" })

/**
 * An effect that brings the metrics up to date, for whoever has a moment for it: before a scrape,
 * say.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ name, stats }: Source): Effect.Effect<Effect.Effect<void>> =>
  Effect.sync(() => {
    const attributes = { channel: name }
    const series = counters.map(([field, metric]) => [field, Metric.withAttributes(metric, attributes)] as const)
    const depthOf = Metric.withAttributes(depth, attributes)
    let last: ChannelStats | undefined
    return Effect.flatMap(stats, (now) => {
      const before = last
      last = now
      const updates = series.map(([field, metric]) => {
        const since = now[field] - (before?.[field] ?? 0)
        // Less than before: it was reset in between.
        return Metric.update(metric, since < 0 ? now[field] : since)
      })
      return Effect.andThen(Effect.all(updates, { discard: true }), Metric.update(depthOf, now.depth))
    })
  })

/**
 * Brings the metrics up to date every `every` (10 seconds) until the scope closes, and then once
 * more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const track = Effect.fnUntraced(function* (
  source: Source,
  options?: { readonly every?: DurationInput }
): Effect.fn.Return<void, never, Scope> {
  const update = yield* make(source)
  yield* Effect.addFinalizer(() => update)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(options?.every ?? "10 seconds"), update)))
})
