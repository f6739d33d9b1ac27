/**
 * What the explorer leaves out makes no difference: small models of the ring come to the same ends, and seeded bugs are
 * found, with all reductions and with none.
 */
import { assert, describe, it } from "@effect/vitest"
import { explore, type ExploreOptions, type Program } from "../../src/testing/index.ts"
import { routingModel } from "../ring/boards.ts"
import { controlModel } from "../ring/control.ts"
import { load, type MeshModel, meshModel, type Ring } from "../ring/models.ts"
import { bellModel } from "../ring/words.ts"

const ring = await load(new URL("../../src/ring/", import.meta.url))

/** Everything that can be seen of the ends of a program: who died, what was noted, and the words it looks at. */
const endsOf = (program: Program, options: ExploreOptions): ReadonlyArray<string> => {
  const ends = new Set<string>()
  const report = explore(
    {
      ...program,
      atEnd: (state) => {
        const words = program.observed?.map((word) => state.i32[word]) ?? []
        ends.add(`${state.died() ?? "nobody"} | ${state.notes.join()} | ${words.join()}`)
        return program.atEnd?.(state)
      }
    },
    options
  )
  assert.isUndefined(report.failure)
  assert.isTrue(report.complete)
  return [...ends].sort()
}

const none: ExploreOptions = { reduce: false }

const mesh = (model: Pick<MeshModel, "senders" | "receivers" | "messages" | "mortal">, statistics = true) =>
  meshModel(ring, { ...model, bytes: 16, batch: 1, statistics })

const same = (name: string, full: Program, reduced: Program, options: ExploreOptions) =>
  it(`${name}`, { timeout: 60_000 }, () => {
    const expected = endsOf(full, none)
    assert.isAbove(expected.length, 0)
    for (const reduce of [true, undefined]) {
      assert.deepStrictEqual(endsOf(reduced, reduce === undefined ? options : { ...options, reduce }), expected)
    }
  })

describe("all reductions and none come to the same ends of", () => {
  for (const options of [{}, { plain: "eager" }] satisfies Array<ExploreOptions>) {
    const how = options.plain === undefined ? "" : ", plain accesses taken with the step before"
    same(`two ringers, one dies${how}`, bellModel(ring, 2, true), bellModel(ring, 2, true), options)
    same(`a routing table${how}`, routingModel(ring, 1, true), routingModel(ring, 1, true), options)
    const small = { senders: 1, receivers: 1, messages: 1, mortal: "all" } as const
    same(`1×1, 1 message, any dies${how}`, mesh(small), mesh(small), options)
  }
  same("a control block", controlModel(ring, true), controlModel(ring, true), {})
  const two = { senders: 1, receivers: 1, messages: 2, mortal: "all" } as const
  same("1×1, 2 messages, any dies, without the words that only count", mesh(two), mesh(two, false), { plain: "eager" })
})

describe("all reductions and none find", () => {
  const finds = (name: string, change: (ring: Ring) => Partial<Ring>, program: (ring: Ring) => Program) =>
    it(`${name}`, { timeout: 60_000 }, () => {
      const broken = program({ ...ring, ...change(ring) })
      for (const options of [
        none,
        {},
        { reduce: true },
        { plain: "eager", reduce: true }
      ] satisfies Array<ExploreOptions>) {
        assert.isDefined(explore(broken, options).failure, JSON.stringify(options))
      }
    })

  finds(
    "a heir that wakes nobody",
    ({ Doorbell }) => ({ Doorbell: { ...Doorbell, wake: () => {} } }),
    (ring) => bellModel(ring, 2, true)
  )
  finds(
    "a ring that forgets to notify",
    ({ Doorbell }) => ({ Doorbell: { ...Doorbell, ring: Doorbell.disarm } }),
    (ring) => bellModel(ring, 2, false)
  )
})
