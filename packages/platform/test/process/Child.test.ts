import { assert, describe, it } from "@effect/vitest"
import * as Child from "../../src/Child.ts"

describe("Child", () => {
  it("inherits flags, but for those that say what to run", () => {
    const flags = [
      "--import",
      "./hooks.js",
      "-e",
      "code",
      "--max-old-space-size=64",
      "--inspect-brk=9229",
      "-p",
      "code"
    ]
    assert.deepStrictEqual(Child.inheritedFlags(flags), ["--import", "./hooks.js", "--max-old-space-size=64"])
    assert.deepStrictEqual(Child.inheritedFlags(["--eval=code", "-r", "./first.cjs"]), ["-r", "./first.cjs"])
  })

  it("says how a process ended", () => {
    assert.deepStrictEqual(Child.describeExit(7, null), { detail: "its process exited with code 7", exitCode: 7 })
    assert.strictEqual(Child.describeExit(null, "SIGSEGV").detail, "its process was ended by SIGSEGV")
    assert.strictEqual(Child.describeExit(null, "SIGABRT").exitCode, 134)
  })
})
