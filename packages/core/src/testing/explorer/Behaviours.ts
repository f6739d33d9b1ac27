/**
 * What a model thread can still do, told apart by that alone: nodes of its automaton that answer every
 * result with the same accesses for ever after are one behaviour, whatever the thread remembers.
 *
 * The coarsest partition of an automaton that is known in part (Moore's refinement; an edge that is
 * not known yet contradicts nothing) is a guess, and is held to account: a result is followed only
 * together with all nodes of the behaviour, and if they come to stand at different accesses `follow`
 * throws `disagreement`, and the partition is made anew with what was learned. So when an exploration
 * comes to its end, the nodes of each behaviour agree on every result that it met (a bisimulation), and
 * it has lost nothing.
 *
 * @since 0.1.0
 */
import type { Automaton, Node } from "./Automaton.ts"
import { Step } from "./RecordingMemory.ts"

export class Behaviour {
  readonly id: number
  readonly thread: number
  readonly step: number
  readonly word: number
  readonly index: number
  readonly first: number
  readonly second: number
  /** Any of its nodes: the first that was found. */
  readonly sample: Node
  readonly members: Array<Node> = []
  readonly next = new Map<number, Behaviour>()

  constructor(id: number, sample: Node) {
    this.id = id
    this.sample = sample
    this.thread = sample.start.thread
    this.step = sample.step
    this.word = sample.word
    this.index = sample.index
    this.first = sample.first
    this.second = sample.second
  }
}

/** Thrown when two nodes that were taken to be alike are not. */
export const disagreement: unique symbol = Symbol("disagreement")

export class Behaviours {
  readonly automaton: Automaton
  /** By id. */
  readonly all: Array<Behaviour> = []
  /** Results followed for the first time. */
  learned = 0
  private merged = false
  private readonly of: Array<Behaviour | undefined> = []
  private readonly observed: Set<number>
  /** Nodes with which alike ones are looked for no longer. */
  private readonly most: number

  /**
   * @param observed threads whose last local state somebody looks at
   * @param most nodes with which a look ahead is given up, and every node is a behaviour of its own; 0: from the start.
   *   Threads that remember ever more never come to an end of what they might do.
   */
  constructor(automaton: Automaton, observed: Set<number>, most: number) {
    this.automaton = automaton
    this.observed = observed
    this.most = most
    while (this.merges) {
      this.group()
      this.merged = this.validate()
      if (this.merged) return
    }
    this.all.length = 0
    this.of.length = 0
  }

  private get merges(): boolean {
    return this.automaton.nodes.length < this.most
  }

  root(thread: number): Behaviour {
    const node = this.automaton.root(thread)
    return this.of[node.id] ?? this.add(node)
  }

  /** The behaviour that a result leads to. */
  follow(behaviour: Behaviour, result: number): Behaviour {
    const known = behaviour.next.get(result)
    if (known !== undefined) return known
    this.learned++
    const children = behaviour.members.map((node) => this.automaton.follow(node, result))
    const placed = children.find(({ id }) => this.of[id] !== undefined)
    const target = placed === undefined ? this.add(children[0]) : this.of[placed.id]!
    behaviour.next.set(result, target)
    if (this.merged && !this.settle(children.map((child) => [child, target]))) throw disagreement
    return target
  }

  /** Somebody looks at the last local state of a thread. */
  observe(thread: number): void {
    if (this.observed.has(thread)) return
    this.observed.add(thread)
    if (this.merged) throw disagreement
  }

  private add(node: Node): Behaviour {
    const behaviour = new Behaviour(this.all.length, node)
    this.all.push(behaviour)
    behaviour.members.push(node)
    this.of[node.id] = behaviour
    return behaviour
  }

  /**
   * Makes nodes members of the behaviours that nodes known to be alike lead to, and so on with their own; false if
   * some do not fit. Breadth first, so that a difference is found before the circles that hide it are unrolled.
   */
  private settle(places: ReadonlyArray<readonly [Node, Behaviour]>): boolean {
    let agreed = true
    let open = places
    while (agreed && open.length > 0) {
      const opened: Array<readonly [Node, Behaviour]> = []
      for (const [node, behaviour] of open) {
        const own = this.of[node.id]
        if (own === behaviour) continue
        if (own !== undefined || this.keyOf(node) !== this.keyOf(behaviour.sample)) {
          agreed = false
          continue
        }
        this.of[node.id] = behaviour
        behaviour.members.push(node)
        for (const [result, next] of behaviour.next) opened.push([this.automaton.follow(node, result), next])
      }
      if (!this.merges) return false
      open = opened
    }
    return agreed
  }

  private keyOf({ first, id, index, second, start, step }: Node): string {
    const alone = step === Step.Done && this.observed.has(start.thread)
    return `${start.thread} ${step} ${index} ${first} ${second} ${alone ? id : ""}`
  }

  /** The coarsest partition that no known edge contradicts. */
  private group(): void {
    const { nodes } = this.automaton
    const of = new Int32Array(nodes.length)
    const numbers = new Map<string, number>()
    for (const node of nodes) {
      const key = this.keyOf(node)
      if (!numbers.has(key)) numbers.set(key, numbers.size)
      of[node.id] = numbers.get(key)!
    }
    let groups: Array<Array<Node>> = Array.from(numbers, () => [])
    for (const node of nodes) groups[of[node.id]].push(node)
    const into: Array<Array<number>> = nodes.map(() => [])
    for (const { children, id } of nodes) for (const child of children.values()) into[child.id].push(id)
    // Only groups that lead to one which was split in the last round can fall apart.
    let due: Set<number> | undefined
    do {
      const torn: Array<ReadonlyArray<Node>> = []
      groups = groups.flatMap((group, g) => {
        if (group.length === 1 || due?.has(g) === false) return [group]
        const parts = split(group, of)
        if (parts.length > 1) torn.push(group)
        return parts
      })
      groups.forEach((group, g) => group.forEach((node) => (of[node.id] = g)))
      due = new Set(torn.flatMap((group) => group.flatMap(({ id }) => into[id].map((from) => of[from]))))
    } while (due.size > 0)
    this.all.length = 0
    this.of.length = 0
    for (const [first, ...rest] of groups) {
      const behaviour = this.add(first)
      for (const node of rest) {
        behaviour.members.push(node)
        this.of[node.id] = behaviour
      }
    }
    for (const node of nodes) {
      for (const [result, child] of node.children) this.of[node.id]!.next.set(result, this.of[child.id]!)
    }
  }

  /** Asks every node for every known result of its behaviour; false if that separated some. */
  private validate(): boolean {
    const places: Array<readonly [Node, Behaviour]> = []
    for (const { members, next } of this.all) {
      for (const [result, to] of next) {
        for (const node of members) places.push([this.automaton.follow(node, result), to])
      }
    }
    return this.settle(places)
  }
}

/** Splits a group where known edges lead to different groups. */
const split = (group: ReadonlyArray<Node>, of: Int32Array): Array<Array<Node>> => {
  const parts: Array<{ readonly nodes: Array<Node>; readonly edges: Map<number, number> }> = []
  // Nodes with the same edges go together without a look at every part.
  const alike = new Map<string, (typeof parts)[number]>()
  for (const node of group.toSorted((a, b) => b.children.size - a.children.size || a.id - b.id)) {
    let edges = ""
    for (const [result, child] of node.children) edges += `${result}:${of[child.id]} `
    let part = alike.get(edges)
    if (part === undefined) {
      part = parts.find((part) => fits(node, part.edges, of))
      if (part === undefined) {
        part = { nodes: [], edges: new Map() }
        parts.push(part)
      }
      alike.set(edges, part)
      for (const [result, child] of node.children) part.edges.set(result, of[child.id])
    }
    part.nodes.push(node)
  }
  return parts.map(({ nodes }) => nodes)
}

const fits = (node: Node, edges: ReadonlyMap<number, number>, of: Int32Array): boolean => {
  for (const [result, child] of node.children) {
    const known = edges.get(result)
    if (known !== undefined && known !== of[child.id]) return false
  }
  return true
}
