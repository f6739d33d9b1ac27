/**
 * Incremental aggregates: what a window keeps instead of its elements.
 *
 * `add` and `merge` may change and return their first argument; nobody else holds it.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface Aggregate<in A, in out Acc, out Out> {
  readonly init: () => Acc
  readonly add: (acc: Acc, element: A) => Acc
  /** Joins two accumulators, as session windows do when they meet. */
  readonly merge: (left: Acc, right: Acc) => Acc
  /** Gives nothing that `add` will change: a window may go out and then go on. */
  readonly result: (acc: Acc) => Out
  /**
   * An accumulator as plain data, and back: for snapshots. Both are absent where it is that already:
   * numbers, strings, dates, arrays, maps, sets and objects of no class.
   */
  readonly save?: ((acc: Acc) => unknown) | undefined
  readonly load?: ((saved: unknown) => Acc) | undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, Acc, Out>(aggregate: Aggregate<A, Acc, Out>): Aggregate<A, Acc, Out> => aggregate

const identity = <A>(a: A): A => a

/**
 * How many elements.
 *
 * @category constructors
 * @since 0.1.0
 */
export const count: Aggregate<unknown, number, number> = {
  init: () => 0,
  add: (n) => n + 1,
  merge: (a, b) => a + b,
  result: identity
}

/**
 * Sum of a number of each element.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sum = <A>(of: (element: A) => number): Aggregate<A, number, number> => ({
  init: () => 0,
  add: (total, element) => total + of(element),
  merge: (a, b) => a + b,
  result: identity
})

/**
 * Arithmetic mean of a number of each element; `NaN` of none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mean = <A>(of: (element: A) => number): Aggregate<A, { total: number; count: number }, number> => ({
  init: () => ({ total: 0, count: 0 }),
  add: (acc, element) => {
    acc.total += of(element)
    acc.count++
    return acc
  },
  merge: (a, b) => ({ total: a.total + b.total, count: a.count + b.count }),
  result: ({ count, total }) => total / count
})

/**
 * Smallest number of all elements; `Infinity` of none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const min = <A>(of: (element: A) => number): Aggregate<A, number, number> => ({
  init: () => Infinity,
  add: (least, element) => Math.min(least, of(element)),
  merge: Math.min,
  result: identity
})

/**
 * Largest number of all elements; `-Infinity` of none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const max = <A>(of: (element: A) => number): Aggregate<A, number, number> => ({
  init: () => -Infinity,
  add: (most, element) => Math.max(most, of(element)),
  merge: Math.max,
  result: identity
})

/**
 * Folds elements of a type into one of the same type; `undefined` of none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reduce = <A>(f: (left: A, right: A) => A): Aggregate<A, A | undefined, A | undefined> => ({
  init: () => undefined,
  add: (acc, element) => (acc === undefined ? element : f(acc, element)),
  merge: (a, b) => (a === undefined ? b : b === undefined ? a : f(a, b)),
  result: identity
})

/**
 * The `k` elements with the highest score, the highest first; of equal scores the ones that came first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const topK = <A>(k: number, score: (element: A) => number): Aggregate<A, Array<A>, ReadonlyArray<A>> => {
  const add = (best: Array<A>, element: A): Array<A> => {
    const own = score(element)
    let at = best.length
    while (at > 0 && score(best[at - 1]) < own) at--
    if (at < k) {
      best.splice(at, 0, element)
      if (best.length > k) best.pop()
    }
    return best
  }
  return { init: () => [], add, merge: (a, b) => b.reduce(add, a), result: (best) => best.slice() }
}

/**
 * What `Stage.combine` gives: the key of some elements, and what they came to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Part<out K, out Acc> {
  readonly key: K
  readonly acc: Acc
}

/**
 * An aggregate of parts that were aggregated before: the second half of `Stage.combine`. Where a
 * part counts in several windows, `merge` must leave its second argument as it is.
 *
 * @category combining
 * @since 0.1.0
 */
export const combined = <A, Acc, Out>({
  init,
  load,
  merge,
  result,
  save
}: Aggregate<A, Acc, Out>): Aggregate<Part<unknown, Acc>, Acc, Out> => ({
  init,
  add: (acc, part) => merge(acc, part.acc),
  merge,
  result,
  save,
  load
})

/**
 * All elements, in the order they came.
 *
 * @category constructors
 * @since 0.1.0
 */
export const collect = <A>(): Aggregate<A, Array<A>, ReadonlyArray<A>> => ({
  init: () => [],
  add: (all, element) => {
    all.push(element)
    return all
  },
  merge: (a, b) => [...a, ...b],
  result: (all) => all.slice()
})

// What the members of a struct accumulate does not matter to it.
// oxlint-disable-next-line typescript/no-explicit-any
type Member = Aggregate<never, any, unknown>

type Results<Members> = {
  readonly [Name in keyof Members]: Members[Name] extends { readonly result: (acc: never) => infer Out } ? Out : never
}

/** What all members take. */
type Taken<Members> = {
  readonly [Name in keyof Members]: Members[Name] extends { readonly add: (acc: never, element: infer A) => unknown }
    ? (element: A) => void
    : never
}[keyof Members] extends (element: infer A) => void
  ? A
  : never

/**
 * Several aggregates of the same elements, as one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const struct = <const Members extends Readonly<Record<string, Member>>>(
  members: Members
): Aggregate<Taken<Members>, Array<unknown>, Results<Members>> => {
  const names = Object.keys(members)
  const all = Object.values(members)
  return {
    init: () => all.map((member) => member.init() as unknown),
    add: (accs, element) => {
      for (let i = 0; i < all.length; i++) accs[i] = all[i].add(accs[i], element as never)
      return accs
    },
    merge: (a, b) => all.map((member, i) => member.merge(a[i], b[i]) as unknown),
    result: (accs) => {
      const out: Record<string, unknown> = {}
      for (let i = 0; i < all.length; i++) out[names[i]] = all[i].result(accs[i])
      return out as never
    },
    ...(all.some(({ load }) => load !== undefined)
      ? {
          save: (accs) => accs.map((acc, i) => all[i].save?.(acc) ?? acc),
          load: (saved) => (saved as Array<unknown>).map((acc, i) => (all[i].load?.(acc) ?? acc) as unknown)
        }
      : {})
  }
}
