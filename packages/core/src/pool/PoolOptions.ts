/**
 * What a pool can be told, with its defaults.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { WaitStrategy } from "../channel/WaitStrategy.ts"

const orDefault = <S extends Schema.Top & Schema.WithoutConstructorDefault>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

const count = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

const millis = Schema.Number.check(Schema.isFinite(), Schema.isGreaterThan(0))

/**
 * @category models
 * @since 0.1.0
 */
export const PoolOptions = Schema.Struct({
  /** For messages, logs and metrics; the contract's name if absent. Its workers are `name/0`, `name/1`, … */
  name: Schema.optionalKey(Schema.String.check(Schema.isNonEmpty())),
  /** Workers; as many as can run at once on this machine if absent. */
  size: Schema.optionalKey(count(1024)),
  /** Most messages that wait for one worker. */
  capacity: orDefault(count(2 ** 24), 4096),
  /** Bytes that wait for one worker, rounded up to a power of two; 64 a message if absent. */
  capacityBytes: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1024, maximum: 2 ** 28 }))),
  /** Key groups: a power of two, the finest that keys can be placed by. */
  keyGroups: orDefault(count(65_536), 4096),
  /** How pool and workers wait for each other. */
  wait: orDefault(WaitStrategy, "hybrid"),
  /** How long a worker may take until it is ready, in milliseconds. */
  startTimeout: orDefault(millis, 10_000),
  /** How long a worker may take to drain and shut down, in milliseconds, before it is killed. */
  shutdownTimeout: orDefault(millis, 5000)
})

/**
 * @category models
 * @since 0.1.0
 */
export type PoolOptions = typeof PoolOptions.Type

/**
 * @category models
 * @since 0.1.0
 */
export type PoolOptionsInput = typeof PoolOptions.Encoded
