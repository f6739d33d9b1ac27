/** What the tutorial's program prints is right. That it prints it is for the test of all guides. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"

const page = readFileSync(path.join(import.meta.dirname, "../../../../docs/guide/tutorial.md"), "utf8")
const output = /^```text title="output"\n(.*?)^```$/ms.exec(page)?.[1]

describe("The tutorial", () => {
  it("counts what a loop counts", () => {
    const file = createRequire(import.meta.url).resolve("kjv/json/verses-1769.json")
    const verses: Record<string, string> = JSON.parse(readFileSync(file, "utf8"))
    const counts = new Map<string, number>()
    for (const verse of Object.values(verses)) {
      for (const word of verse.toLowerCase().match(/[a-z]+/g) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5)
    const expected = [
      `${total} words, ${counts.size} different ones`,
      ...top.map(([word, count]) => `${count} ${word}`)
    ]
    assert.deepStrictEqual(output?.trimEnd().split("\n").slice(-6), expected)
  })
})
