/**
 * What the laws of channels are run against: a way to make one, of whatever kind, and the traffic
 * that is sent through it.
 *
 * @since 0.1.0
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"
import type { ChannelStats } from "../../channel/ChannelStats.ts"
import type { Receiver } from "../../channel/Receiver.ts"
import type { Sender } from "../../channel/Sender.ts"

/**
 * What travels: who sent it, which of its messages it is, and something of every form to encode.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Message = Schema.Struct({
  sender: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })),
  sequence: Schema.Int.check(Schema.isInt32()),
  payload: Schema.Struct({
    text: Schema.String.check(Schema.isMaxLength(40)),
    bytes: Schema.Uint8Array,
    number: Schema.Finite,
    tags: Schema.Array(Schema.String.check(Schema.isMaxLength(8))).check(Schema.isMaxLength(3)),
    colour: Schema.NullOr(Schema.Literals(["red", "green", "blue"])),
    note: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(8)))
  })
})

/**
 * @category models
 * @since 0.1.0
 */
export type Message = typeof Message.Type

/**
 * One channel with both halves attached, for one law.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opened {
  readonly senders: ReadonlyArray<Sender<Message>>
  readonly receivers: ReadonlyArray<Receiver<Message>>
  readonly stats: Effect.Effect<ChannelStats>
  /** Closes the whole channel, as its owner does. */
  readonly close: Effect.Effect<void>
  /**
   * Kills the first receiver, as if its thread had ended, and attaches a successor. Undefined where
   * a law cannot do that.
   */
  readonly succeed?: Effect.Effect<Receiver<Message>, unknown, Scope>
  /** The same for the first sender. */
  readonly succeedSender?: Effect.Effect<Sender<Message>, unknown, Scope>
}

/**
 * A kind of channel.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly ack: "before" | "after" | "batch"
  /** The most messages that all senders together can have in flight; undefined if unbounded. */
  readonly bound: number | undefined
  /** Whether what one sender sends comes in order at each receiver: not if there are several ways. */
  readonly ordered: boolean
  /** How much traffic each sender of a law makes, in messages. */
  readonly messages: number
  readonly open: Effect.Effect<Opened, unknown, Scope>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Law {
  readonly name: string
  /** Fails, or dies with `LawBroken`, if the law does not hold. Needs a clock that runs. */
  readonly run: Effect.Effect<void, unknown>
}

/**
 * @category errors
 * @since 0.1.0
 */
export class LawBroken extends Error {
  override readonly name = "LawBroken"
}

/** Throws `LawBroken` unless `holds`. */
export function must(holds: boolean, detail: string): asserts holds {
  if (!holds) throw new LawBroken(detail)
}

const payloads = (): ReadonlyArray<Message["payload"]> =>
  Effect.runSync(Arbitrary.sampleEffect(Arbitrary.schema(Message.fields.payload), { count: 64, seed: 20_240_229 }))

let cached: { readonly values: ReadonlyArray<Message["payload"]>; readonly shown: ReadonlyArray<string> } | undefined

const known = () => {
  if (cached === undefined) {
    const values = payloads()
    cached = { values, shown: values.map(show) }
  }
  return cached
}

const show = (payload: Message["payload"]): string =>
  JSON.stringify({ ...payload, bytes: [...payload.bytes] }, Object.keys({ ...payload, bytes: 0 }).toSorted())

/** Message number `sequence` of `sender`. */
export const message = (sender: number, sequence: number): Message => {
  const { values } = known()
  return { sender, sequence, payload: values[(sender * 31 + sequence) % values.length] }
}

/** The first `count` messages of `sender`. */
export const messages = (sender: number, count: number, from = 0): ReadonlyArray<Message> =>
  Array.from({ length: count }, (_, index) => message(sender, from + index))

/** Throws unless a message is what `message` made. */
export const mustBeGenuine = (received: Message): void => {
  const { shown, values } = known()
  const { payload, sender, sequence } = received
  must(
    show(payload) === shown[(sender * 31 + sequence) % values.length],
    `message ${sequence} of sender ${sender} came out as ${show(payload)}`
  )
}

/** Numbers from 0 up to `below`, always the same for a seed (mulberry32). */
export const dice = (seed: number): ((below: number) => number) => {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}
