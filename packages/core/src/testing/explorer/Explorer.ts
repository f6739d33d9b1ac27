/**
 * Explores every interleaving of model threads that run production code on shared memory, with the
 * death of a thread at any step.
 *
 * A depth-first search over states with a visited set. What keeps it small, and why it loses nothing:
 *
 * - Threads are automata (`Automaton`), so a step costs no run of the code under test, and a thread counts as what it can
 *   still do, not as what it remembers (`Behaviours`).
 * - Words that nobody will look at any more do not tell states apart.
 * - Steps are tried only of threads that form a persistent set (`Turns`): nobody outside of it can make an access that
 *   fails to commute with their next ones before they move (`Footprints`). A parked thread counts with the wait it stands
 *   at, so whoever may wake it belongs to its set; a thread that may die counts with its successor. A death outside the
 *   set forbids a death inside at most, and steps without a death are offered beside those with one. Where such a step
 *   closes a circle on the current path everybody takes the turn, so no thread is put off for ever. With a bound on
 *   preemptions only sets of one are used.
 * - Threads whose steps were explored from a state sleep in the branches of the others (`Search`).
 * - A thread dies right after an access that changes something, or before its first. To die later, before its next
 *   such access, looks the same to everybody else. Where plain accesses are taken with the step before, what it would
 *   write plainly before its next atomic access is left undefined, and reading that is an error.
 * - Steps that nobody can meet and after which no death is tried are not kept as states.
 *
 * What lies ahead of a thread is known as far as its automaton is: random walks fill the automata beforehand, and a
 * search that finds an edge which makes a footprint larger that it relied on, or tells two nodes apart that it took for
 * one behaviour, is repeated. The shortest execution that leaves what is known is never hidden by it, so a search after
 * which nothing grew has left nothing out.
 *
 * A **data race** is reported when two threads stand at accesses to one word, one of them a write and
 * one of them plain: in sequentially consistent executions that is the same as two conflicting
 * accesses that nothing orders. Words are the unit: two bytes of one word written by two threads are
 * reported.
 *
 * **Limits.** Waits do not time out, `waitAsync` is modelled as `wait`, and a thread woken by a
 * `notify` with a count dies no sooner than after its next write. States are told apart by 64-bit
 * hashes (`StateSet`). The random walks beforehand heed no bound on preemptions.
 *
 * ```ts
 * const program: Program = {
 *   memory: () => new ArrayBuffer(8),
 *   threads: [
 *     {
 *       name: "W",
 *       local: () => ({}),
 *       first: "write",
 *       operations: {
 *         write: (_, { memory }) => {
 *           memory.i32[1] = 42
 *           memory.seam.store(memory.i32, 0, 1)
 *           return undefined
 *         }
 *       }
 *     },
 *     {
 *       name: "R",
 *       local: () => ({}),
 *       first: "read",
 *       operations: {
 *         read: (_, { memory }) => {
 *           if (memory.seam.load(memory.i32, 0) === 1 && memory.i32[1] !== 42) throw new Error("too early")
 *           return undefined
 *         }
 *       }
 *     }
 *   ]
 * }
 * explore(program).failure // undefined; swap the two writes and it is a data race, with its schedule
 * ```
 *
 * @since 0.1.0
 */
import { Automaton, mutates } from "./Automaton.ts"
import { Behaviours, disagreement } from "./Behaviours.ts"
import { depthLimit, endFault, faultOf } from "./faults.ts"
import { Footprints } from "./Footprints.ts"
import { castOf, Machine } from "./Machine.ts"
import type { ExploreOptions, Failure, Program, Report } from "./Program.ts"
import { Step } from "./RecordingMemory.ts"
import { decode, encode, format, parse } from "./Schedule.ts"
import { Search } from "./Search.ts"

/** A small generator of pseudo-random numbers: the same walks in every run. */
const random =
  (seed: number) =>
  (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0
    return (((seed >>> 8) / 0x1000000) * below) | 0
  }

/** Walks at random until walks find nothing new; a failure on the way is as good as any. */
const warmUp = (machine: Machine, most: number, pick: (below: number) => number): Failure | undefined => {
  const { behaviours } = machine
  for (let walk = 0, barren = 0; barren < 200 && walk < most; walk++) {
    const known = behaviours.learned
    const taken: Array<number> = []
    let slot = 0
    // Half of the walks kill nobody; the others do so at a step somewhere in the first 256.
    const fatal = machine.deathsLeft > 0 && walk % 2 === 1 ? pick(256) : -1
    for (;;) {
      const message = faultOf(machine)
      if (message !== undefined) return { message, schedule: format(taken, machine.threads) }
      const able = machine.threads.flatMap((_, t) => (machine.canStep(t) ? [t] : []))
      if (able.length === 0) {
        const message = endFault(machine)
        if (message !== undefined) return { message, schedule: format(taken, machine.threads) }
        break
      }
      if (taken.length > depthLimit)
        return { message: "the program does not end", schedule: format(taken.slice(0, 1000), machine.threads) }
      if (!able.includes(slot) || pick(8) === 0) slot = able[pick(able.length)]
      const die = taken.length >= fatal && fatal >= 0 && machine.canDie(slot) && mutates(machine.at[slot].step)
      taken.push(encode(slot, true, die))
      machine.step(slot)
      if (die && machine.canDie(slot)) machine.kill(slot)
    }
    machine.back(0)
    barren = behaviours.learned === known ? barren + 1 : 0
  }
  machine.back(0)
  return undefined
}

/**
 * Explores a program.
 *
 * @category testing
 * @since 0.1.0
 */
export const explore = (program: Program, options: ExploreOptions = {}): Report => {
  const cast = castOf(program)
  const automaton = new Automaton(program, cast.threads)
  const observed = new Set<number>()
  const pick = random(1)
  const words = options.reduce === false ? undefined : program.observed
  let patience = 10_000

  /** Undefined where more than `limit` states are found, or two nodes turn out to differ. */
  const attempt = (most: number, limit: number): Report | undefined => {
    try {
      const behaviours = new Behaviours(automaton, observed, most)
      const machine = new Machine(program, cast, behaviours)
      const lost = warmUp(machine, most === 0 ? 1000 : 4000, pick)
      if (lost !== undefined) return reportOf(program, undefined, lost)
      const footprints = new Footprints(behaviours, cast.lineage, machine.i32, words)
      for (;;) {
        const learned = behaviours.learned
        const search = new Search(machine, footprints, options)
        const failure = search.run(patience, limit)
        const sound = behaviours.learned === learned || footprints.refresh()
        if (search.truncated && limit < mostStates(options)) return undefined
        if (failure !== undefined || search.truncated || (sound && !search.restarted)) {
          return reportOf(program, search, failure)
        }
        // What was learned may lead to more, which walks find sooner.
        patience = Math.max(patience, search.visited.size) * 2
        const lost = warmUp(machine, 1000, pick)
        if (lost !== undefined) return reportOf(program, search, lost)
        footprints.refresh()
      }
    } catch (thrown) {
      if (thrown !== disagreement) throw thrown
      patience *= 2
      return undefined
    }
  }

  if (options.reduce !== true) {
    const report = attempt(0, options.reduce === false ? mostStates(options) : Math.min(small, mostStates(options)))
    if (report !== undefined) return report
  } else {
    attempt(0, 1)
  }
  const most = 3000 + 40 * automaton.nodes.length
  for (;;) {
    const report = attempt(most, mostStates(options))
    if (report !== undefined) return report
  }
}

/** States up to which alike behaviours are not worth looking for. */
const small = 60_000

const mostStates = ({ maxStates }: ExploreOptions): number => maxStates ?? 20_000_000

const reportOf = (program: Program, search: Search | undefined, failure: Failure | undefined): Report => ({
  states: search?.visited.size ?? 0,
  transitions: search?.transitions ?? 0,
  ends: search?.ends ?? 0,
  deaths: search?.deaths ?? 0,
  complete: failure === undefined && search?.truncated === false,
  failure: failure && named(program, failure)
})

/** A failure in the words of the very operations that led to it. */
const named = (program: Program, { message, schedule }: Failure): Failure => ({
  message: replay(program, schedule).failure ?? message,
  schedule
})

const names: Record<number, string> = Object.fromEntries(
  Object.entries(Step).map(([name, step]) => [step, name.toLowerCase()])
)

/**
 * Runs one schedule and tells each access, a line each, and how it ended.
 *
 * @category testing
 * @since 0.1.0
 */
export const replay = (
  program: Program,
  schedule: string
): { readonly trace: ReadonlyArray<string>; readonly failure: string | undefined } => {
  const cast = castOf(program)
  const automaton = new Automaton(program, cast.threads)
  const machine = new Machine(program, cast, new Behaviours(automaton, new Set(), 0))
  const trace: Array<string> = []
  for (const choice of parse(schedule, machine.threads)) {
    const { die, slot, step } = decode(choice)
    const { name } = machine.threads[slot]
    if (step) {
      if (!machine.canStep(slot)) throw new Error(`${name} cannot step here: the schedule is of another program`)
      const { node, result } = machine.step(slot)
      const place = node.word < 0 ? `event ${node.index}` : (program.wordName?.(node.word) ?? `word ${node.word}`)
      const operands =
        node.step === Step.Cas ? `${node.first} → ${node.second}, ` : mutates(node.step) ? `${node.first}, ` : ""
      trace.push(
        `${name} ${node.sample.start.operation}: ${names[node.step]} ${place}: ${operands}${result ?? "parks"}`
      )
    }
    if (die && machine.canDie(slot)) {
      machine.kill(slot)
      trace.push(`${name} dies`)
    }
  }
  const able = machine.threads.some((_, t) => machine.canStep(t))
  return { trace, failure: faultOf(machine) ?? (able ? undefined : endFault(machine)) }
}
