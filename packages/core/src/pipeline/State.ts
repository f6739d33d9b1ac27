/**
 * Containers for the state of a keyed process: one value, a list, a map, an aggregate. Each can forget
 * what is too old and bound what it holds, and tells what it lets go of.
 *
 * ```ts
 * const Visits = Stage.process("visits", {
 *   in: Visit,
 *   out: Seen,
 *   state: State.of({
 *     last: State.value<string>({ ttl: "30 minutes" }),
 *     pages: State.map<string, number>({ max: 100 }),
 *     delays: State.aggregate(Aggregate.mean((visit: Visit) => visit.delay))
 *   }),
 *   handle: ({ delays, last, pages }, visit, { emit }) => {
 *     delays.add(visit)
 *     pages.set(visit.page, (pages.get(visit.page) ?? 0) + 1)
 *     …
 *   }
 * })
 * ```
 *
 * Age is measured by event time, that of the element or timer in hand; by processing time where
 * elements have none. What is too old is let go of when its container is next used. What
 * containers hold is saved in snapshots, and has to be plain data, or an aggregate that tells how.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import { millisOf } from "../errors/Options.ts"
import * as Aggregates from "./Aggregate.ts"
import { duration, longerThanNone, number, wholeFromOne } from "./checks.ts"
import type { Fault } from "./Graph.ts"
import { AggregateState, type Container, ListState, type Moment, ValueState } from "./state/containers.ts"
import { MapState } from "./state/MapState.ts"

export type { AggregateState, ListState, ValueState } from "./state/containers.ts"
export type { MapState } from "./state/MapState.ts"

/**
 * A container to be made for each key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spec<out C> {
  readonly "~container"?: () => C
  readonly make: (moment: Moment) => Container
  readonly faults: ReadonlyArray<Fault>
}

/**
 * The containers of a key, by name.
 *
 * @category models
 * @since 0.1.0
 */
export interface States<out S> {
  readonly "~states"?: () => S
  readonly init: () => S
  readonly save: (state: unknown) => unknown
  readonly load: (saved: unknown) => unknown
  readonly moment: Moment
  readonly faults: ReadonlyArray<Fault>
}

/**
 * When a value is let go of; `onEvict` is told which. Never, if absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueOptions<in A> {
  /** How long after it was last set. */
  readonly ttl?: DurationInput | undefined
  readonly onEvict?: ((value: A) => void) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ListOptions<in A> extends ValueOptions<A> {
  /** Most values; the oldest makes place. */
  readonly max?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface MapOptions<in K, in V> {
  /** How long after an entry was last set. */
  readonly ttl?: DurationInput | undefined
  /** Most entries; the one that was set longest ago makes place. */
  readonly max?: number | undefined
  readonly onEvict?: ((key: K, value: V) => void) | undefined
}

const faultsOf = (kind: string, { max, ttl }: MapOptions<never, never>): ReadonlyArray<Fault> => [
  ...duration(`State.${kind}.ttl`, ttl ?? Infinity, longerThanNone),
  ...(max === undefined ? [] : number(`State.${kind}.max`, max, wholeFromOne))
]

const nobody = () => {}

/**
 * One value, or none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const value = <A>({ onEvict = nobody, ttl }: ValueOptions<A> = {}): Spec<ValueState<A>> => ({
  make: (moment) => new ValueState<A>(moment, millisOf(ttl ?? Infinity), onEvict),
  faults: faultsOf("value", { ttl })
})

/**
 * Values in the order they came.
 *
 * @category constructors
 * @since 0.1.0
 */
export const list = <A>({ max = Infinity, onEvict = nobody, ttl }: ListOptions<A> = {}): Spec<ListState<A>> => ({
  make: (moment) => new ListState<A>(moment, millisOf(ttl ?? Infinity), max, onEvict),
  faults: faultsOf("list", { ttl, max: max === Infinity ? undefined : max })
})

/**
 * Values by keys of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const map = <K, V>(options: MapOptions<K, V> = {}): Spec<MapState<K, V>> => ({
  make: (moment) => new MapState<K, V>(moment, { ...options, ttl: millisOf(options.ttl ?? Infinity) }),
  faults: faultsOf("map", options)
})

/**
 * An aggregate of what is added: a count, a sum, the top k, quantiles. `ttl` is from the last that was added.
 *
 * @category constructors
 * @since 0.1.0
 */
export const aggregate = <A, Acc, Out>(
  how: Aggregates.Aggregate<A, Acc, Out>,
  { onEvict = nobody, ttl }: ValueOptions<Out> = {}
): Spec<AggregateState<A, Acc, Out>> => ({
  make: (moment) => new AggregateState(moment, how, millisOf(ttl ?? Infinity), onEvict),
  faults: faultsOf("aggregate", { ttl })
})

/**
 * Folds what is added into one of the same type.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reducing = <A>(
  f: (left: A, right: A) => A,
  options?: ValueOptions<A | undefined>
): Spec<AggregateState<A, A | undefined, A | undefined>> => aggregate(Aggregates.reduce(f), options)

/**
 * Containers by name: the `state` of `Stage.process`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = <const Specs extends Readonly<Record<string, Spec<unknown>>>>(
  specs: Specs
): States<{ readonly [Name in keyof Specs]: Specs[Name] extends Spec<infer C> ? C : never }> => {
  // Set before each call of a handler: subtasks of one thread take turns, and handlers do not wait.
  const moment: Moment = { time: 0 }
  const names = Object.keys(specs)
  const init = (): Record<string, Container> => {
    const state: Record<string, Container> = {}
    for (const name of names) state[name] = specs[name].make(moment)
    return state
  }
  return {
    init: init as unknown as () => never,
    save: (state) => names.map((name) => (state as Record<string, Container>)[name].save()),
    load: (saved) => {
      const state = init()
      for (const [i, name] of names.entries()) state[name].load((saved as Array<never>)[i])
      return state
    },
    moment,
    faults: names.flatMap((name) =>
      specs[name].faults.map(({ allowed, option, value }) => ({ option: `${name}: ${option}`, value, allowed }))
    )
  }
}
