/**
 * A query as its rivals run it: plain code that somebody would write for the purpose, without a
 * framework. Both rivals run the same.
 *
 * @since 0.1.0
 */
import type { Event } from "../../src/nexmark/Event.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Emit<Out> = (out: Out) => void

/**
 * Code with state that messages go through.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step<in In, out Out> {
  readonly take: (message: In, emit: Emit<Out>) => void
  /** No message of `time` or before is to come. `Infinity` is the end. */
  readonly until: (time: number, emit: Emit<Out>) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Plain<Message, Row> {
  /** What the query looks at; undefined for an event that it does not. */
  readonly pick: (event: Event) => Message | undefined
  /** Messages of one key must meet; absent if they are handled wherever they are. */
  readonly key?: ((message: Message) => number) | undefined
  /** The state of whoever owns keys. Absent if messages are rows. */
  readonly step?: (() => Step<Message, unknown>) | undefined
  /** What is done in one place with what comes from all owners. Absent if those are rows. */
  readonly merge?: (() => Step<never, Row>) | undefined
}

/** A query whose types do not matter to who runs it. */
export type AnyPlain = Plain<never, unknown>
