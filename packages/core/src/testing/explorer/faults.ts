/**
 * What can be wrong with a state: an exception, a data race, a sleeper that nobody wakes, and whatever the program
 * itself complains of.
 *
 * @since 0.1.0
 */
import { isPlain, mutates } from "./Automaton.ts"
import type { Behaviour } from "./Behaviours.ts"
import { type Machine, Status } from "./Machine.ts"
import { Step } from "./RecordingMemory.ts"

/** Steps of one execution, after which the program is taken not to end. */
export const depthLimit = 100_000

const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)

/** What is wrong with the current state, if anything. */
export const faultOf = (machine: Machine): string | undefined => {
  for (let t = 0; t < machine.at.length; t++) {
    const node = machine.at[t]
    if (machine.status[t] !== Status.Running) continue
    if (node.step === Step.Fail)
      return `${machine.threads[t].name} in ${node.sample.start.operation}: ${describe(node.sample.error)}`
    if (!isPlain(node.step)) continue
    for (let u = 0; u < machine.at.length; u++) {
      const other = machine.at[u]
      if (u === t || !machine.canStep(u) || !overlap(node, other)) continue
      if (!mutates(node.step) && !mutates(other.step)) continue
      return (
        `data race on word ${node.word}: ${machine.threads[t].name} in ${node.sample.start.operation}, ` +
        `${machine.threads[u].name} in ${other.sample.start.operation}`
      )
    }
  }
  return machine.program.invariant?.(machine.observation)
}

const widthOf = (node: Behaviour): number => (node.step === Step.ReadF || node.step === Step.WriteF ? 2 : 1)

const overlap = (a: Behaviour, b: Behaviour): boolean =>
  b.word >= 0 && b.step !== Step.Notify && a.word < b.word + widthOf(b) && b.word < a.word + widthOf(a)

/** What is wrong with a state in which nobody can step, if anything. */
export const endFault = (machine: Machine): string | undefined => {
  const stuck = machine.threads.filter((_, t) => machine.status[t] === Status.Parked)
  if (stuck.length > 0) return `stuck: ${stuck.map((thread) => thread.name).join(", ")} would sleep for ever`
  return machine.program.atEnd?.(machine.observation)
}
