/**
 * What a channel can be told, with its defaults: one schema, used for validation and for the docs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../errors/Errors.ts"
import * as Options from "../errors/Options.ts"
import { WaitStrategy } from "./WaitStrategy.ts"

const positive = (description: string, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum })).annotate({ description })

const orDefault = <S extends Schema.Top & Schema.WithoutConstructorDefault>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

/**
 * When a message counts as handled, so that its space is free and no successor sees it again:
 *
 * - `before`: when it is handed out. At most once: what a dead receiver had in hand is lost.
 * - `after`: when the receiver comes back for more. At least once.
 * - `batch`: when `ack` is called, for everything handed out so far. At least once.
 *
 * @category models
 * @since 0.1.0
 */
export const AckPolicy = Schema.Literals(["before", "after", "batch"])

/**
 * @category models
 * @since 0.1.0
 */
export type AckPolicy = typeof AckPolicy.Type

/**
 * @category models
 * @since 0.1.0
 */
export const ChannelOptions = Schema.Struct({
  /** For messages, errors and metrics. */
  name: orDefault(Schema.String, "channel"),
  /** Most unacknowledged messages between one sender and one receiver. */
  capacity: orDefault(positive("messages", 2 ** 24), 8192),
  /**
   * Bytes of ring between one sender and one receiver, rounded up to a power of two. The default
   * is 64 bytes a message of `capacity`, at least 64 KiB and at most 1 MiB. A message of more than
   * half of it travels beside the ring.
   */
  capacityBytes: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 64, maximum: 2 ** 28 }))),
  /**
   * `send` never waits: what finds no room in the ring is kept by the sender, in order, and
   * follows as room appears.
   */
  unbounded: orDefault(Schema.Boolean, false),
  /** Most senders that may ever be handed out (MPSC, MPMC). */
  maxSenders: orDefault(positive("senders", 256), 16),
  /** Receivers (MPMC). */
  maxReceivers: orDefault(positive("receivers", 256), 8),
  ack: orDefault(AckPolicy, "before"),
  /** How both halves wait. */
  wait: orDefault(WaitStrategy, "hybrid"),
  /**
   * What senders do when the thread of the receiver dies: `fail` with `SendError`
   * (`ReceiverDied`), or `wait` for a successor to attach.
   */
  onReceiverDeath: orDefault(Schema.Literals(["fail", "wait"]), "fail")
})

/**
 * @category models
 * @since 0.1.0
 */
export type ChannelOptions = typeof ChannelOptions.Type

/**
 * @category models
 * @since 0.1.0
 */
export type ChannelOptionsInput = typeof ChannelOptions.Encoded

/**
 * @category constructors
 * @since 0.1.0
 */
export const decode = (
  where: string,
  input: ChannelOptionsInput | undefined
): Effect.Effect<ChannelOptions, InvalidConfig> => Options.decode(ChannelOptions, where, input ?? {})

/**
 * The bytes of one lane: a power of two.
 *
 * @category accessors
 * @since 0.1.0
 */
export const laneBytes = (options: ChannelOptions): number => {
  const wanted = options.capacityBytes ?? Math.min(Math.max(options.capacity * 64, 65_536), 1_048_576)
  return 2 ** Math.ceil(Math.log2(wanted))
}
