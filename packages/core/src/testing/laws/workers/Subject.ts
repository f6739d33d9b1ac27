/**
 * What the laws of workers are run against: a backend that can start every worker of `Probe.ts`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import type { Workers } from "../../../worker/Workers.ts"
import { type Law, LawBroken, must } from "../Subject.ts"
import type { Entry, Parcel } from "./Probe.ts"

/**
 * A backend.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly isolation: "fiber" | "thread" | "process"
  /** Knows `Probe`, `Batcher`, `Patient`, `Crowd`, `Crier`, `Chorus`, `Herald` and, where memory is shared, `Relay`. */
  readonly backend: Layer.Layer<Workers, unknown>
  /** How much traffic each sender of a law makes, in messages. */
  readonly messages: number
}

/** Longer than any law takes. */
const deadline = "20 seconds"

/** A law: fails, or dies with `LawBroken`, when it is broken or does not come to its end. */
export const law = (subject: Subject, name: string, run: Effect.Effect<void, unknown, Workers | Scope>): Law => ({
  name,
  run: Effect.timeoutOrElse(Effect.scoped(Effect.provide(run, subject.backend)), {
    duration: deadline,
    orElse: () => Effect.die(new LawBroken(`did not come to its end within ${deadline}`))
  })
})

/** Messages `start` to `start + count` of a sender for a key. */
export const parcels = (key: string, from: number, count: number, start = 0): ReadonlyArray<Parcel> =>
  Array.from({ length: count }, (_, index) => ({ key, from, sequence: start + index }))

/** Keys, all different. */
export const keys = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `key ${index}`)

/** Throws unless the books of all workers say that each sender's first `count` messages for a key came, in order. */
export const mustBeWhole = (
  reports: ReadonlyArray<ReadonlyArray<Entry>>,
  key: string,
  senders: ReadonlyArray<number>,
  count: number
): void => {
  const entries = reports.flat().filter((entry) => entry.key === key)
  must(entries.length === 1, `${entries.length} workers have handled ${key}`)
  const [{ faults, next }] = entries
  must(faults.length === 0, faults.slice(0, 3).join("; "))
  for (const sender of senders) {
    const handled = new Map(next).get(sender) ?? 0
    must(handled === count, `${key}: ${handled} messages of sender ${sender} were handled, ${count} were sent`)
  }
}

/** Looks again and again until something holds; the law's deadline ends it if it never does. */
export const eventually = <E, R>(look: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(look, (holds) => (holds ? Effect.void : Effect.andThen(Effect.sleep("1 millis"), eventually(look))))

/** The error of an effect, which must be one of a tag. */
export const failure = <A, E, R, Tag extends string>(
  effect: Effect.Effect<A, E, R>,
  tag: Tag
): Effect.Effect<Extract<E, { readonly _tag: Tag }>, never, R> =>
  Effect.map(Effect.exit(effect), (exit) => {
    must(exit._tag === "Failure", `succeeded, where ${tag} was due`)
    const [reason] = exit.cause.reasons
    must(reason?._tag === "Fail", `ended with ${String(exit.cause)}, where ${tag} was due`)
    const { error } = reason
    must(isTagged(error, tag), `failed with ${String(error)}, where ${tag} was due`)
    return error
  })

const isTagged = <E, Tag extends string>(error: E, tag: Tag): error is Extract<E, { readonly _tag: Tag }> =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === tag
