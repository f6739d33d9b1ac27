/**
 * Places key groups on workers so that a change of workers moves few of them.
 *
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, SODA 2018): each worker
 * stands on a ring at as many points as it has virtual nodes; a group takes the first point at or
 * after its own that belongs to a worker with room. Groups are placed in ascending order.
 *
 * Invariants: the result depends on the set of ids, not on their order; no worker exceeds its
 * capacity. Ids and groups are hashed by `KeyHash`, which mixes: points from plain numbers would
 * cluster.
 *
 * @since 0.1.0
 */
import * as KeyHash from "./KeyHash.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly id: string
  /** Points on the ring. */
  readonly virtualNodes: number
  /** The most groups it may own; the capacities of all add up to at least the groups. */
  readonly capacity: number
}

// A point is hash * 2^16 + rank, exact in a double: one numeric sort orders points and breaks ties by id.
const rankSpan = 65_536

/**
 * The index of the place of each group.
 *
 * @category constructors
 * @since 0.1.0
 */
export const place = (places: ReadonlyArray<Place>, groups: number): Int32Array => {
  const byRank = byId(places)
  const points = pointsOf(places, byRank)
  const room = Int32Array.from(places, (place) => place.capacity)
  const owner = Int32Array.from(points, (point) => byRank[point % rankSpan])
  // skip[i]: every point from i up to, not including, skip[i] belongs to a full worker once i does.
  const skip = Int32Array.from(points, (_, i) => (i + 1 === points.length ? 0 : i + 1))
  const table = new Int32Array(groups)
  for (let group = 0; group < groups; group++) {
    let i = firstAtOrAfter(points, (KeyHash.number(group) >>> 0) * rankSpan)
    while (room[owner[i]] === 0) {
      const next = skip[i]
      if (room[owner[next]] === 0) skip[i] = skip[next]
      i = next
    }
    table[group] = owner[i]
    room[owner[i]]--
  }
  return table
}

/**
 * Indexes of things with an id in the order of their ids.
 *
 * @category combinators
 * @since 0.1.0
 */
export const byId = (things: ReadonlyArray<{ readonly id: string }>): ReadonlyArray<number> =>
  things.map((_, index) => index).sort((a, b) => (things[a].id < things[b].id ? -1 : 1))

const pointsOf = (places: ReadonlyArray<Place>, byRank: ReadonlyArray<number>): Float64Array => {
  const points = new Float64Array(places.reduce((sum, place) => sum + place.virtualNodes, 0))
  let n = 0
  for (let rank = 0; rank < byRank.length; rank++) {
    const { id, virtualNodes } = places[byRank[rank]]
    for (let node = 0; node < virtualNodes; node++) {
      points[n++] = (KeyHash.string(`${id}/${node}`) >>> 0) * rankSpan + rank
    }
  }
  return points.sort()
}

/** Past the last point the ring begins again. */
const firstAtOrAfter = (points: Float64Array, at: number): number => {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (points[middle] < at) low = middle + 1
    else high = middle
  }
  return low === points.length ? 0 : low
}
