/**
 * Explores every interleaving of model threads that run production code on shared memory, with the
 * death of a thread at any step.
 *
 * A depth-first search over states with a visited set. What keeps it small, and why it loses nothing:
 *
 * - Threads are automata (`Automaton`), so a step costs no run of the code under test.
 * - Where the next steps of some threads are such that no other thread, nor the successor of one that
 *   may die, can ever meet them, only those threads take the turn: a persistent set (Godefroid,
 *   "Partial-Order Methods for the Verification of Concurrent Systems"). A parked thread counts with
 *   the wait it stands at, so whoever may wake it belongs to its set. A death outside the set forbids
 *   a death inside at most, and steps without a death are offered beside those with one. "Ever" is
 *   the footprint of the automata as far as they are known. A search that finds a footprint it relied
 *   on too small is repeated: the shortest execution that leaves the known footprints is never hidden
 *   by them. Random walks fill the automata beforehand. Where such a step closes a circle on the
 *   current path everybody takes the turn, so no thread is put off for ever. With a bound on
 *   preemptions only sets of one are used.
 * - A thread dies right after an access that changes something, or before its first. To die later,
 *   before its next such access, looks the same to everybody else.
 * - Steps that nobody can meet and after which no death is tried are not kept as states.
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
import { isPlain, mayMeet, mutates, type Node } from "./Automaton.ts"
import { Machine, Status } from "./Machine.ts"
import type { ExploreOptions, Failure, Program, Report } from "./Program.ts"
import { Step } from "./RecordingMemory.ts"
import { decode, encode, format, parse } from "./Schedule.ts"
import { StateSet } from "./StateSet.ts"

/** Steps of one execution, after which the program is taken not to end. */
const depthLimit = 100_000

const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)

/** What is wrong with the current state, if anything. */
const faultOf = (machine: Machine): string | undefined => {
  for (let t = 0; t < machine.at.length; t++) {
    const node = machine.at[t]
    if (machine.status[t] !== Status.Running) continue
    if (node.step === Step.Fail) return `${machine.threads[t].name} in ${node.start.operation}: ${describe(node.error)}`
    if (!isPlain(node.step)) continue
    for (let u = 0; u < machine.at.length; u++) {
      const other = machine.at[u]
      if (u === t || !machine.canStep(u) || !overlap(node, other)) continue
      if (!mutates(node.step) && !mutates(other.step)) continue
      return (
        `data race on word ${node.word}: ${machine.threads[t].name} in ${node.start.operation}, ` +
        `${machine.threads[u].name} in ${other.start.operation}`
      )
    }
  }
  return machine.program.invariant?.(machine.observation)
}

const widthOf = (node: Node): number => (node.step === Step.ReadF || node.step === Step.WriteF ? 2 : 1)

const overlap = (a: Node, b: Node): boolean =>
  b.word >= 0 && b.step !== Step.Notify && a.word < b.word + widthOf(b) && b.word < a.word + widthOf(a)

/** What is wrong with a state in which nobody can step, if anything. */
const endFault = (machine: Machine): string | undefined => {
  const stuck = machine.threads.filter((_, t) => machine.status[t] === Status.Parked)
  if (stuck.length > 0) return `stuck: ${stuck.map((thread) => thread.name).join(", ")} would sleep for ever`
  return machine.program.atEnd?.(machine.observation)
}

/** The thread whose next step nobody can meet, -1 if there is none. */
const loner = (machine: Machine, eager: boolean): number => {
  for (let t = 0; t < machine.at.length; t++) {
    if (machine.canStep(t) && ((eager && isPlain(machine.at[t].step)) || isAlone(machine, t))) return t
  }
  return -1
}

const isAlone = (machine: Machine, t: number): boolean => {
  for (let u = 0; u < machine.at.length; u++) if (u !== t && canMeet(machine, t, u)) return false
  return true
}

/** Whether `u`, or its successor, may ever meet the next access of `t`. */
const canMeet = (machine: Machine, t: number, u: number): boolean => {
  if (!machine.isLive(u)) return false
  if (mayMeet(machine.at[t], machine.at[u], machine.words)) return true
  const heir = machine.successor[u]
  return heir >= 0 && machine.canDie(u) && mayMeet(machine.at[t], machine.at[heir], machine.words)
}

/** The fewest threads whose next steps nobody else can ever meet, as a set of bits, one that can step among them. */
const circle = (machine: Machine): number => {
  const count = machine.at.length
  let best = -1
  let fewest = Infinity
  for (let t = 0; t < count; t++) {
    if (!machine.canStep(t)) continue
    let members = 1 << t
    let able = 0
    for (let open = members; open !== 0;) {
      const member = 31 - Math.clz32(open)
      open &= ~(1 << member)
      if (machine.canStep(member)) able++
      for (let u = 0; u < count; u++) {
        if ((members & (1 << u)) !== 0 || !canMeet(machine, member, u)) continue
        members |= 1 << u
        open |= 1 << u
      }
    }
    if (able >= fewest) continue
    fewest = able
    best = members
  }
  return best
}

/** Whether it makes a difference if a thread dies before or after its next step, be it to `atEnd` alone. */
const matters = (machine: Machine, t: number): boolean => machine.canDie(t) && mutates(machine.at[t].step)

/** A small generator of pseudo-random numbers: the same walks in every run. */
const random =
  (seed: number) =>
  (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0
    return (((seed >>> 8) / 0x1000000) * below) | 0
  }

/** Walks at random until walks find nothing new; a failure on the way is as good as any. */
const warmUp = (machine: Machine): Failure | undefined => {
  const pick = random(1)
  const { nodes } = machine.automaton
  for (let walk = 0, barren = 0; barren < 100 && walk < 4000; walk++) {
    const known = nodes.length
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
    barren = nodes.length === known ? barren + 1 : 0
  }
  machine.back(0)
  return undefined
}

class Search {
  readonly machine: Machine
  readonly options: ExploreOptions
  readonly visited = new StateSet()
  transitions = 0
  ends = 0
  deaths = 0
  truncated = false

  /** One entry a frame; `pool` holds the choices of all frames. */
  private readonly pool: Array<number> = []
  /** The steps from the start to here. */
  private readonly path: Array<number> = []
  private readonly next: Array<number> = []
  private readonly from: Array<number> = []
  private readonly marks: Array<number> = []
  private readonly lengths: Array<number> = []
  private readonly lows: Array<number> = []
  private readonly highs: Array<number> = []
  private readonly alone: Array<boolean> = []
  /** With a bound on preemptions: whose turn it is, and how many are left. */
  private turn = -1
  private budget: number
  private readonly turns: Array<number> = []
  private readonly budgets: Array<number> = []

  constructor(machine: Machine, options: ExploreOptions) {
    this.machine = machine
    this.options = options
    this.budget = options.preemptions ?? -1
  }

  run(): Failure | undefined {
    const { machine, pool } = this
    const maxStates = this.options.maxStates ?? 20_000_000
    let message = this.enter() === 0 ? this.open(true) : undefined
    while (message === undefined && this.next.length > 0) {
      const top = this.next.length - 1
      if (this.next[top] === pool.length) {
        this.close()
        continue
      }
      const choice = pool[this.next[top]++]
      this.turn = this.turns[top]
      this.budget = this.budgets[top]
      this.path.push(choice)
      this.take(choice, this.alone[top])
      message = this.coast()
      if (message !== undefined) break
      const mark = this.enter()
      if (mark === 0) {
        message = this.open(false)
        if (this.visited.size >= maxStates) {
          this.truncated = true
          break
        }
        continue
      }
      this.rewind(top)
      // Putting the others off around a circle could be for ever.
      if (mark === 1 && this.alone[top]) {
        this.alone[top] = false
        this.offerAll(-1)
      }
    }
    if (message === undefined) {
      machine.back(0)
      return undefined
    }
    machine.back(0)
    return { message, schedule: format(this.path, machine.threads) }
  }

  /** Takes all steps that nobody can meet and no death can tell apart: they need no state of their own. */
  private coast(): string | undefined {
    const { machine } = this
    for (let steps = 0; steps < depthLimit; steps++) {
      const t = loner(machine, this.options.plain === "eager")
      if (t < 0 || matters(machine, t)) return undefined
      const fault = faultOf(machine)
      if (fault !== undefined) return fault
      const choice = encode(t, true, false)
      this.path.push(choice)
      this.take(choice, true)
    }
    return "the program does not end"
  }

  private rewind(frame: number): void {
    this.machine.back(this.marks[frame])
    this.path.length = this.lengths[frame]
  }

  private take(choice: number, alone: boolean): void {
    const { machine } = this
    const { die, slot, step } = decode(choice)
    this.transitions++
    if (this.budget >= 0 && !alone) {
      if (slot !== this.turn && this.turn >= 0 && machine.canStep(this.turn)) this.budget--
      this.turn = slot
    }
    if (step) machine.step(slot)
    if (die && machine.canDie(slot)) {
      machine.kill(slot)
      this.deaths++
    }
  }

  private enter(): number {
    const salt = this.budget < 0 ? 0 : Math.imul(this.turn + 2, 0x9e3779b1) ^ Math.imul(this.budget + 1, 0x85ebca77)
    const low = this.machine.hashLow ^ salt
    const high = this.machine.hashHigh ^ Math.imul(salt, 0x27d4eb2f)
    const mark = this.visited.enter(low, high)
    if (mark === 0) {
      this.lows.push(low)
      this.highs.push(high)
    }
    return mark
  }

  /** Looks at a state for the first time and lists what may happen in it; returns what is wrong with it. */
  private open(first: boolean): string | undefined {
    const { machine, pool } = this
    this.from.push(pool.length)
    this.next.push(pool.length)
    this.marks.push(machine.mark())
    this.lengths.push(this.path.length)
    this.turns.push(this.turn)
    this.budgets.push(this.budget)
    const lone = first ? -1 : loner(machine, this.options.plain === "eager")
    // Who is left out may take the turn at the cost of a preemption only, so a bound asks for everybody.
    const few = lone >= 0 ? 1 << lone : first || this.budget >= 0 ? -1 : circle(machine)
    const fault = faultOf(machine)
    if (fault !== undefined) return fault
    const partial = this.offerAll(few)
    this.alone.push(lone >= 0 || partial)
    if (first) {
      for (let t = 0; t < machine.at.length; t++) if (machine.canDie(t)) pool.push(encode(t, false, true))
    }
    if (this.from[this.from.length - 1] === pool.length) {
      this.ends++
      return endFault(machine)
    }
    return this.next.length > depthLimit ? "the program does not end" : undefined
  }

  /** Offers the steps of some threads, a set of bits; whether that leaves anybody out. */
  private offerAll(members: number): boolean {
    const { machine } = this
    const only = this.budget === 0 && this.turn >= 0 && machine.canStep(this.turn) ? this.turn : -1
    let partial = false
    for (let t = 0; t < machine.at.length; t++) {
      if (!machine.canStep(t)) continue
      if ((members & (1 << t)) === 0) partial = true
      else if (members !== -1 || only < 0 || only === t) this.offer(t)
    }
    return partial
  }

  private offer(t: number): void {
    const { machine, pool } = this
    pool.push(encode(t, true, false))
    if (matters(machine, t)) pool.push(encode(t, true, true))
  }

  private close(): void {
    this.pool.length = this.from.pop()!
    this.next.pop()
    this.marks.pop()
    this.lengths.pop()
    this.turns.pop()
    this.budgets.pop()
    this.alone.pop()
    this.visited.leave(this.lows.pop()!, this.highs.pop()!)
    const above = this.marks.length - 1
    if (above >= 0) this.rewind(above)
  }
}

/**
 * Explores a program.
 *
 * @category testing
 * @since 0.1.0
 */
export const explore = (program: Program, options: ExploreOptions = {}): Report => {
  const machine = new Machine(program)
  const lost = warmUp(machine)
  if (lost !== undefined) {
    return { states: 0, transitions: 0, ends: 0, deaths: 0, complete: false, failure: lost }
  }
  machine.automaton.refreshFootprints()
  for (;;) {
    const search = new Search(machine, options)
    const failure = search.run()
    const sound = machine.automaton.refreshFootprints()
    if (!sound && failure === undefined && !search.truncated) continue
    const { deaths, ends, transitions, truncated, visited } = search
    return { states: visited.size, transitions, ends, deaths, complete: failure === undefined && !truncated, failure }
  }
}

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
  const machine = new Machine(program)
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
      trace.push(`${name} ${node.start.operation}: ${names[node.step]} ${place}: ${operands}${result ?? "parks"}`)
    }
    if (die && machine.canDie(slot)) {
      machine.kill(slot)
      trace.push(`${name} dies`)
    }
  }
  const able = machine.threads.some((_, t) => machine.canStep(t))
  return { trace, failure: faultOf(machine) ?? (able ? undefined : endFault(machine)) }
}
