/**
 * A word or a notice that its writer takes through stages, and others look at in between: what they may find.
 */
import type { ByteMemory } from "../../src/ring/ByteMemory.ts"
import type { ModelThread } from "../../src/testing/index.ts"

interface Stage<Writer, View> {
  readonly does: (writer: Writer) => void
  /** What a look finds from then on. */
  readonly leaves: View
}

/**
 * The stages of a writer, and a look at them. `begun` and `over` are words of the model that nothing else uses; the
 * first stage is how it is in the beginning.
 *
 * The law: a look finds each part of the view as one of the stages leaves it, from the last one that was over before the
 * look to the last one that had begun after it.
 */
export const staged = <Writer, View extends object>(
  stages: ReadonlyArray<Stage<Writer, View>>,
  over: (memory: ByteMemory) => Writer,
  find: (writer: Writer) => View,
  words: { readonly begun: number; readonly over: number },
  /** Parts of a view that say nothing. */
  silent: (name: keyof View, view: View) => boolean = () => false
) => ({
  look: ({ memory }: { readonly memory: ByteMemory }): void => {
    const writer = over(memory)
    const first = memory.seam.load(memory.i32, words.over)
    const view = find(writer)
    const last = memory.seam.load(memory.i32, words.begun)
    const possible = stages.slice(first, last + 1)
    for (const name in view) {
      if (silent(name, view)) continue
      if (!possible.some(({ leaves }) => leaves[name] === view[name])) {
        throw new Error(`${name} is ${String(view[name])} in stages ${first} to ${last}`)
      }
    }
  },
  /** Who goes through them, one an operation, and then does `last`, if it names one of `operations`. */
  writer: (
    name: string,
    operations: ModelThread["operations"] = {},
    last: string | undefined = undefined
  ): ModelThread<{ stage: number }> => ({
    name,
    local: () => ({ stage: 1 }),
    first: "work",
    operations: {
      ...operations,
      work: (local, { memory }) => {
        memory.seam.store(memory.i32, words.begun, local.stage)
        stages[local.stage].does(over(memory))
        memory.seam.store(memory.i32, words.over, local.stage)
        local.stage += 1
        return local.stage < stages.length ? "work" : last
      }
    }
  })
})
