/**
 * Where the tests are and how they share the machine.
 *
 * Node.js imports them itself, as it does for a user: it strips types, and code that a test runner rewrites takes up to
 * three times as long.
 *
 * Groups run one after another. Tests of pure code come first, a file for each processor at a time. Those that start
 * threads, processes and programs wait as much as they compute, so they follow two files at a time: they wait on
 * conditions, with deadlines that leave room for a neighbour. Stress tests come last and one by one, to meet their own
 * contention only. Within a group the slowest files begin, so that the end does not wait for one of them.
 */
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

const seconds = 1000
const stress = "**/test/stress/**"
const experimental = { viteModuleRunner: false, nodeLoader: false }

const project = (
  name: string,
  root: string,
  options: TestProjectInlineConfiguration["test"]
): TestProjectInlineConfiguration => ({
  test: { name, root, include: ["test/**/*.test.ts"], exclude: [stress], experimental, ...options }
})

// Vitest would leave a processor to itself.
const pure = { testTimeout: 30 * seconds, maxWorkers: "100%", sequence: { groupOrder: 0 } }

const starting = {
  testTimeout: 60 * seconds,
  hookTimeout: 30 * seconds,
  // Chaos in full holds its times to limits, and meets its own contention only.
  maxWorkers: process.env.CHAOS === "full" ? 1 : 2,
  sequence: { groupOrder: 1 }
}

/** Small files that take long; of the others the largest come first. */
const slow = ["process/laws", "workers/laws", "nexmark/memory", "channel/laws", "ring/Interleavings"]

class SlowestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const group = ({ project }: TestSpecification) => project.config.sequence.groupOrder
    const turn = ({ moduleId }: TestSpecification) => (slow.some((file) => moduleId.includes(`test/${file}.`)) ? 0 : 1)
    return (await super.sort(files)).sort((a, b) => group(a) - group(b) || turn(a) - turn(b))
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: SlowestFirst },
    projects: [
      project("core", "packages/core", pure),
      project("scripts", "scripts", { ...pure, include: ["**/*.test.ts"] }),
      project("platform", "packages/platform", starting),
      project("examples", "packages/examples", starting),
      project("stress", "packages", {
        include: ["*/test/stress/**/*.test.ts"],
        exclude: [],
        testTimeout: 300 * seconds,
        hookTimeout: 60 * seconds,
        fileParallelism: false,
        sequence: { groupOrder: 2 }
      })
    ]
  }
})
