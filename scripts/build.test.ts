import { assert, describe, it } from "@effect/vitest"
import { libraries, published, readManifest } from "./build.ts"

const workspace = {
  name: "@shared-nothing/library",
  version: "1.2.3",
  private: true,
  type: "module",
  exports: { "./package.json": "./package.json", "./Thing": "./src/thing/Thing.ts" },
  sideEffects: ["./src/Installs.ts"],
  peerDependencies: { effect: "^4.1.0" },
  devDependencies: { effect: "4.1.0" }
}

describe("published", () => {
  it("names compiled files, and leaves out what only the workspace needs", () => {
    assert.deepStrictEqual<object>(published(workspace), {
      name: "@shared-nothing/library",
      version: "1.2.3",
      type: "module",
      exports: {
        "./package.json": "./package.json",
        "./Thing": { types: "./dist/thing/Thing.d.ts", default: "./dist/thing/Thing.js" }
      },
      sideEffects: ["./dist/Installs.js"],
      peerDependencies: { effect: "^4.1.0" },
      engines: { node: ">=22.19" },
      files: ["dist"]
    })
  })

  it("keeps the promise of a package without side effects", () => {
    assert.strictEqual(published({ ...workspace, sideEffects: false }).sideEffects, false)
  })

  it("leaves no path into src/ in any library's manifest", () => {
    for (const library of libraries) assert.notInclude(JSON.stringify(published(readManifest(library))), "src/")
  })
})
