/**
 * Where the tests are and how they share the machine.
 *
 * Groups run one after another. Tests of pure code come first, file beside file. Tests that start
 * threads or processes follow one file at a time, so that they meet their own contention only, and
 * stress tests come last, with time to spare.
 */
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config"

const seconds = 1000
const stress = "**/test/stress/**"

const parallel = (name: string, root: string, include: string): TestProjectInlineConfiguration => ({
  test: { name, root, include: [include], exclude: [stress], testTimeout: 30 * seconds, sequence: { groupOrder: 0 } }
})

const oneByOne = (name: string, root: string): TestProjectInlineConfiguration => ({
  test: {
    name,
    root,
    include: ["test/**/*.test.ts"],
    exclude: [stress],
    testTimeout: 60 * seconds,
    hookTimeout: 30 * seconds,
    fileParallelism: false,
    sequence: { groupOrder: 1 }
  }
})

export default defineConfig({
  test: {
    projects: [
      parallel("core", "packages/core", "test/**/*.test.ts"),
      parallel("scripts", "scripts", "**/*.test.ts"),
      oneByOne("platform", "packages/platform"),
      oneByOne("examples", "packages/examples"),
      {
        test: {
          name: "stress",
          root: "packages",
          include: ["*/test/stress/**/*.test.ts"],
          testTimeout: 300 * seconds,
          hookTimeout: 60 * seconds,
          fileParallelism: false,
          sequence: { groupOrder: 2 }
        }
      }
    ]
  }
})
