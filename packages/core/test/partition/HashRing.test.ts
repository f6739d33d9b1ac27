import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as HashRing from "../../src/partition/HashRing.ts"
import * as KeyHash from "../../src/partition/KeyHash.ts"

/** Walks every point, one by one: the definition, without shortcuts. */
const walk = (places: ReadonlyArray<HashRing.Place>, groups: number): ReadonlyArray<number> => {
  const points = places
    .flatMap(({ id, virtualNodes }, owner) =>
      Array.from({ length: virtualNodes }, (_, node) => ({ at: KeyHash.string(`${id}/${node}`) >>> 0, id, owner }))
    )
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  const owned = places.map(() => 0)
  return Array.from({ length: groups }, (_, group) => {
    const at = KeyHash.number(group) >>> 0
    const { owner } = points
      .filter((point) => point.at >= at)
      .concat(points)
      .find(({ owner }) => owned[owner] < places[owner].capacity)!
    owned[owner]++
    return owner
  })
}

const Spare = Schema.Array(Schema.Int)

describe("HashRing", () => {
  it.prop("gives a group to the first point with room, as a plain walk does", { spare: Spare }, ({ spare }) => {
    const groups = 128
    // The first can take everything, so any capacities of the others fit.
    const places = [groups, ...spare.slice(0, 12).map((n) => Math.abs(n) % 24)].map((capacity, i) => ({
      id: `w${i * 7919}`,
      virtualNodes: 1 + ((i * 5) % 9),
      capacity
    }))
    assert.deepStrictEqual([...HashRing.place(places, groups)], walk(places, groups))
  })

  it("places the last group where exactly one has room", () => {
    const places = Array.from({ length: 8 }, (_, i) => ({ id: String(i), virtualNodes: 4, capacity: 8 }))
    const table = HashRing.place(places, 64)
    assert.deepStrictEqual([...table], walk(places, 64))
    for (let worker = 0; worker < 8; worker++) assert.strictEqual(table.filter((owner) => owner === worker).length, 8)
  })
})
