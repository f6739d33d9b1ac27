import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { explore } from "../../src/testing/index.ts"
import { judgesOf } from "./judges.ts"
import { load } from "./models.ts"
import { type Change, mutantsOf } from "./mutations.ts"

const ringFolder = new URL("../../src/ring/", import.meta.url)

/** The operations that the whole handshake stands on; `npm run test:mutants` tries all of them. */
const chosen: ReadonlyArray<readonly [file: string, change: Change, source: string]> = [
  ["LaneProducer.ts", "weakened", "seam.store(this.i32, this.control + LaneControl.write"],
  ["LaneProducer.ts", "dropped", "this.acked = this.memory.seam.load"],
  ["LaneProducer.ts", "after the next statement", "this.acked = this.memory.seam.load"],
  ["LaneConsumer.ts", "weakened", "this.write = this.memory.seam.load"],
  ["LaneConsumer.ts", "dropped", "LaneControl.ackedCount, count)"],
  ["LaneConsumer.ts", "weakened", "LaneControl.acked, position)"],
  ["Doorbell.ts", "dropped", "memory.seam.notify(memory.i32, index)"],
  ["Doorbell.ts", "after the next statement", "memory.seam.store(memory.i32, index, Idle)"],
  ["Counter.ts", "after the next statement", "const high = memory.seam.load"],
  ["RoutingTable.ts", "after the next statement", "seam.store(i32, at, version)"],
  ["RoutingTable.ts", "dropped", "const announced = seam.load"],
  ["ControlBlock.ts", "dropped", "Word.pongs, asked)"],
  ["Refusals.ts", "dropped", "seam.add(i32, Word.count"],
  ["Mesh.ts", "weakened", "attachedBy(owner)) === word) break"]
]

const mutate = (file: string) => mutantsOf(file, readFileSync(new URL(file, ringFolder), "utf8"))

describe("mutants of the ring", () => {
  for (const [file, change, source] of chosen) {
    it(`${file}: ${source} ${change}`, { timeout: 120_000 }, async () => {
      const found = mutate(file).filter((mutant) => mutant.change === change && mutant.source.includes(source))
      assert.isNotEmpty(found)
      for (const mutant of found) {
        const root = mkdtempSync(join(tmpdir(), "ring-mutant-"))
        try {
          cpSync(ringFolder, root, { recursive: true })
          writeFileSync(join(root, file), mutant.text)
          const ring = await load(pathToFileURL(root + "/"))
          const failures = judgesOf(file)
            .values()
            .map(({ options, program }) => explore(program(ring), options).failure)
          assert.isDefined(
            failures.find((failure) => failure !== undefined),
            `line ${mutant.line} survived`
          )
        } finally {
          rmSync(root, { recursive: true, force: true })
        }
      }
    })
  }
})

describe("mutantsOf", () => {
  const text = [
    "  const a = seam.load(i32, at)",
    "  seam.store(i32, f(at, 1), a)",
    "  if (seam.compareExchange(i32, at, a, b) !== a) return"
  ].join("\n")
  const mutants = mutantsOf("X.ts", text)
  const of = (line: number, change: Change) =>
    mutants.filter((mutant) => mutant.line === line && mutant.change === change).map((m) => m.text.split("\n"))

  it("drops, weakens and swaps", () => {
    assert.strictEqual(of(1, "dropped")[0][0], "  const a = 0")
    assert.strictEqual(of(1, "weakened")[0][0], "  const a = i32[at]")
    assert.strictEqual(of(2, "dropped")[0][1], "")
    assert.strictEqual(of(2, "weakened")[0][1], "  i32[f(at, 1)] = a")
    assert.strictEqual(of(3, "dropped")[0][2], "  if (a !== a) return")
    assert.deepStrictEqual(of(2, "after the next statement")[0][2].trim(), "seam.store(i32, f(at, 1), a)")
  })

  it("refuses what it cannot read", () => {
    assert.throws(() => mutantsOf("X.ts", "seam.store(\n  i32, 0, 1)"), /spans lines/)
  })
})
