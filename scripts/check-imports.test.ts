import { assert, describe, it } from "@effect/vitest"
import { check } from "./check-imports.ts"

/** Checks a tree of files and shows what was found as `path:line rule`. */
const found = (tree: Record<string, string>): ReadonlyArray<string> =>
  check(Object.entries(tree).map(([path, text]) => ({ path, text }))).map((v) => `${v.path}:${v.line} ${v.rule}`)

const core = "packages/core/src"
const platform = "packages/platform/src"

const broken: Record<string, readonly [path: string, text: string, expected: string]> = {
  "a folder against the chain": [
    `${core}/ring/A.ts`,
    `/** A ring. */\nimport { Codec } from "../codec/Codec.ts"`,
    `${core}/ring/A.ts:2 folder-arrows`
  ],
  "a type import against the chain": [
    `${core}/channel/A.ts`,
    `import type { Worker } from "../worker/Worker.ts"`,
    `${core}/channel/A.ts:1 folder-arrows`
  ],
  "a re-export against the chain": [
    `${core}/errors/A.ts`,
    `export * from "../ring/Frame.ts"`,
    `${core}/errors/A.ts:1 folder-arrows`
  ],
  "a named re-export against the chain": [
    `${core}/worker/A.ts`,
    `export { make } from "../pool/WorkerPool.ts"`,
    `${core}/worker/A.ts:1 folder-arrows`
  ],
  "a dynamic import against the chain": [
    `${core}/pool/A.ts`,
    `\n\nawait import("../pipeline/A.ts")`,
    `${core}/pool/A.ts:3 folder-arrows`
  ],
  "an import type against the chain": [
    `${core}/codec/A.ts`,
    `let a: import("../channel/A.ts").A`,
    `${core}/codec/A.ts:1 folder-arrows`
  ],
  "partition beyond errors": [
    `${core}/partition/A.ts`,
    `import { a } from "../ring/A.ts"`,
    `${core}/partition/A.ts:1 folder-arrows`
  ],
  "a folder without a place": [
    `${core}/misc/A.ts`,
    `import { a } from "../ring/A.ts"`,
    `${core}/misc/A.ts:1 folder-arrows`
  ],
  "the public files from inside": [
    `${core}/pool/A.ts`,
    `import { a } from "../index.ts"`,
    `${core}/pool/A.ts:1 folder-arrows`
  ],
  "testing from source": [`${core}/pool/A.ts`, `import { a } from "../testing/Laws.ts"`, `${core}/pool/A.ts:1 testing`],
  "core's testing from another source": [
    `${platform}/A.ts`,
    `import { a } from "@shared-nothing/core/testing/Laws"`,
    `${platform}/A.ts:1 testing`
  ],
  "a test from source": [
    `${core}/pool/A.ts`,
    `import { a } from "../../test/pool/a.ts"`,
    `${core}/pool/A.ts:1 source-only`
  ],
  "core on platform": [
    "packages/core/test/a.test.ts",
    `import { a } from "@shared-nothing/platform"`,
    "packages/core/test/a.test.ts:1 package-arrows"
  ],
  "platform on examples": [
    `${platform}/A.ts`,
    `import { a } from "@shared-nothing/examples/a"`,
    `${platform}/A.ts:1 package-arrows`
  ],
  "another package by path": [
    `${platform}/A.ts`,
    `import { a } from "../../core/src/ring/A.ts"`,
    `${platform}/A.ts:1 package-border`
  ],
  "a package by its own name": [
    `${core}/pool/A.ts`,
    `import { a } from "@shared-nothing/core/ring"`,
    `${core}/pool/A.ts:1 package-border`
  ],
  "Node in core": [`${core}/ring/A.ts`, `import * as fs from "node:fs"`, `${core}/ring/A.ts:1 core-is-portable`],
  "Node without its prefix in core": [
    `${core}/ring/A.ts`,
    `import * as fs from "fs"`,
    `${core}/ring/A.ts:1 core-is-portable`
  ],
  "another dependency in core": [
    `${core}/ring/A.ts`,
    `import * as Worker from "@effect/platform-node/NodeWorker"`,
    `${core}/ring/A.ts:1 core-is-portable`
  ],
  "effect's barrel": [`${core}/pool/A.ts`, `import { Effect } from "effect"`, `${core}/pool/A.ts:1 deep-imports`],
  "platform-node's barrel": [
    `${platform}/A.ts`,
    `import { NodeRuntime } from "@effect/platform-node"`,
    `${platform}/A.ts:1 deep-imports`
  ],
  "Atomics outside ring": [
    `${core}/channel/A.ts`,
    `// Atomics in a comment is fine\nAtomics.load(view, 0)`,
    `${core}/channel/A.ts:2 atomics`
  ],
  "Atomics in platform": [`${platform}/A.ts`, `export const a = Atomics`, `${platform}/A.ts:1 atomics`],
  "Atomics by way of a global object": [
    `${platform}/A.ts`,
    `globalThis.Atomics.notify(view, 0)`,
    `${platform}/A.ts:1 atomics`
  ]
}

describe("check-imports", () => {
  for (const [name, [path, text, expected]] of Object.entries(broken)) {
    it(`finds ${name}`, () => {
      assert.deepStrictEqual(found({ [path]: text }), [expected])
    })
  }

  it("lets the arrows pass", () => {
    const tree = {
      [`${core}/ring/Ring.ts`]: `import { a } from "./atomics.ts"\nAtomics.load(view, 0)`,
      [`${core}/partition/P.ts`]: `import { PartitionError } from "../errors/Errors.ts"`,
      [`${core}/pool/Pool.ts`]: `import * as Effect from "effect/Effect"\nimport { P } from "../partition/P.ts"`,
      [`${core}/testing/Laws.ts`]: `import { Pool } from "../pool/Pool.ts"`,
      [`${core}/index.ts`]: `export * from "./pool/Pool.ts"\nexport * from "./testing/Laws.ts"`,
      [`${platform}/Threads.ts`]: `import * as T from "node:worker_threads"\nimport { a } from "@shared-nothing/core/pool"`,
      "packages/platform/test/a.test.ts": `import { a } from "@shared-nothing/core/testing"\nimport { b } from "../src/A.ts"`,
      "packages/core/test/a.test.ts": `import { a } from "effect"\nimport { b } from "../src/testing/Laws.ts"`,
      "packages/examples/src/main.ts": `import { a } from "@shared-nothing/platform"\nimport * as fs from "node:fs"`,
      "packages/examples/bench/main.ts": `Atomics.load(view, 0)`
    }
    assert.deepStrictEqual(found(tree), [])
  })

  it("finds a cycle once, and names the files along it", () => {
    const violations = check([
      { path: `${core}/ring/A.ts`, text: `import { b } from "./B.ts"` },
      { path: `${core}/ring/B.ts`, text: `import { c } from "./C.ts"` },
      { path: `${core}/ring/C.ts`, text: `import type { B } from "./B.ts"` }
    ])
    const detail = `${core}/ring/B.ts → ${core}/ring/C.ts → ${core}/ring/B.ts`
    assert.deepStrictEqual(violations, [{ path: `${core}/ring/B.ts`, line: 1, rule: "cycle", detail }])
  })

  it("refuses a file that it cannot read", () => {
    assert.throws(() => check([{ path: `${core}/ring/A.ts`, text: "import {" }]), /ring\/A\.ts/)
  })
})
