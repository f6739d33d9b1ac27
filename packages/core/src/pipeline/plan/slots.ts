/**
 * Which subtasks share a thread: those of the same number of chains that are tied by an edge and have
 * as many subtasks (slot sharing, as Flink calls it). What such a chain sends to its own number
 * stays where it is, and a pipeline of parallelism n takes n threads, however many exchanges it has.
 *
 * A chain of another parallelism, or one whose first stage is `disjoint`, begins a slot of its own.
 *
 * @since 0.1.0
 */
import type { Chain, Edge, Plan } from "./Plan.ts"

/**
 * The chains of each slot, inputs before those who read them.
 *
 * @category accessors
 * @since 0.1.0
 */
export const slotsOf = ({ chains }: Plan): ReadonlyArray<ReadonlyArray<Chain>> => {
  const slots = new Map<Chain, Set<Chain>>()
  for (const chain of chains) {
    const own = new Set<Chain>([chain])
    for (const { from } of chain.nodes[0].disjoint ? [] : chain.inputs) {
      if (from.atCaller || from.parallelism !== chain.parallelism) continue
      for (const one of slots.get(from)!) own.add(one)
    }
    for (const one of own) slots.set(one, own)
  }
  return [...new Set(slots.values())].map((slot) => [...slot].sort((a, b) => a.id - b.id))
}

/**
 * Whether what subtask `index` sends along an edge to subtask `target` stays in its thread.
 *
 * @category models
 * @since 0.1.0
 */
export interface IsLocal {
  (edge: Edge, index: number, target: number): boolean
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const localWithin = (slots: ReadonlyArray<ReadonlyArray<Chain>>): IsLocal => {
  const slotOf = new Map(slots.flatMap((slot) => slot.map((chain) => [chain, slot] as const)))
  return ({ from, to }, index, target) => index === target && to !== undefined && slotOf.get(from) === slotOf.get(to)
}
