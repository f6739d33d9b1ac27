/**
 * Model threads as automata: a node is a thread about to perform one access, its edges are the
 * results that the access may have.
 *
 * Code is run only to build a node: the current operation runs again, from a copy of its local state,
 * against the log of results on the way here. Nodes are shared by all executions, and an operation
 * that begins with the same local state is the same node however it was reached, so exploring
 * millions of states runs the code under test some thousand times.
 *
 * @since 0.1.0
 */
import type { ModelThread, Program, World } from "./Program.ts"
import { RecordingMemory, Step } from "./RecordingMemory.ts"
import { clone, textOf } from "./Snapshot.ts"

/** Operations in a row without any access, after which a thread is taken to be running in circles. */
const silentLimit = 1000

interface Start {
  readonly thread: number
  readonly operation: string
  readonly local: object
}

export class Node {
  readonly id: number
  readonly start: Start
  readonly parent: Node | undefined
  /** The parent's result that led here. */
  readonly result: number
  step = 0
  /** First word of the access, -1 where there is none. */
  word = -1
  /** Index in the view of the access. */
  index = -1
  first = 0
  second = 0
  /** What the operation threw, at `Step.Fail`. */
  error: unknown = undefined
  /** The last local state, at `Step.Done`. */
  local: object | undefined = undefined
  readonly children = new Map<number, Node>()

  constructor(id: number, start: Start, parent: Node | undefined, result: number) {
    this.id = id
    this.start = start
    this.parent = parent
    this.result = result
  }
}

/** Whether an access changes what another thread can see. */
export const mutates = (step: number): boolean =>
  step === Step.Write ||
  step === Step.Write8 ||
  step === Step.WriteF ||
  step === Step.Store ||
  step === Step.Add ||
  step === Step.Cas ||
  step === Step.Notify ||
  step === Step.Note

export const isPlain = (step: number): boolean => step >= Step.Read && step <= Step.WriteF

export class Automaton {
  readonly nodes: Array<Node> = []
  private readonly threads: ReadonlyArray<ModelThread>
  private readonly recording: RecordingMemory
  private readonly world: World
  private readonly starts = new Map<string, Node>()

  constructor({ idle, memory }: Program, threads: ReadonlyArray<ModelThread>) {
    this.threads = threads
    this.recording = new RecordingMemory(memory(), new Set(idle))
    this.world = {
      memory: this.recording.memory,
      note: (event) => {
        this.recording.access(Step.Note, event, 0, 0)
      }
    }
  }

  /** The first node of a thread. */
  root(thread: number): Node {
    const { first, local } = this.threads[thread]
    return this.begin({ thread, operation: first, local: local() }, undefined, 0)
  }

  /** The node that a result leads to. */
  follow(node: Node, result: number): Node {
    const known = node.children.get(result)
    if (known !== undefined) return known
    const next = this.grow(node.start, node, result)
    node.children.set(result, next)
    return next
  }

  private begin(start: Start, parent: Node | undefined, silent: number): Node {
    const key = `${start.thread} ${start.operation} ${textOf(start.local, this.recording.opaque)}`
    const known = this.starts.get(key)
    if (known !== undefined) return known
    const node = this.grow(start, parent, 0, true, silent)
    this.starts.set(key, node)
    return node
  }

  private grow(start: Start, parent: Node | undefined, result: number, fresh = false, silent = 0): Node {
    const log: Array<number> = []
    if (!fresh) {
      log.push(result)
      for (let n = parent; n !== undefined && n.parent !== undefined; n = n.parent) log.push(n.result)
      log.reverse()
    }
    const node = new Node(this.nodes.length, start, fresh ? undefined : parent, result)
    const { opaque } = this.recording
    const local = clone(start.local, opaque)
    let next: string | undefined
    try {
      const operation = this.threads[start.thread].operations[start.operation]
      if (operation === undefined) throw new Error(`there is no operation ${start.operation}`)
      const ended = this.recording.run(log, () => {
        next = operation(local, this.world)
      })
      if (ended) {
        if (next !== undefined) {
          if (silent === silentLimit) throw new Error("the thread runs in circles without an access to memory")
          return this.begin({ thread: start.thread, operation: next, local }, parent, silent + 1)
        }
        return this.finish(node, local)
      }
    } catch (error) {
      this.nodes.push(node)
      node.step = Step.Fail
      node.error = error
      return node
    }
    this.nodes.push(node)
    const { first, index, second, step } = this.recording
    node.step = step
    node.index = index
    node.first = first
    node.second = second
    if (step !== Step.Note) {
      node.word =
        step === Step.Read8 || step === Step.Write8
          ? index >>> 2
          : step === Step.ReadF || step === Step.WriteF
            ? index << 1
            : index
    }
    return node
  }

  private finish(node: Node, local: object): Node {
    const key = `${node.start.thread} ${textOf(local, this.recording.opaque)}`
    const known = this.starts.get(key)
    if (known !== undefined) return known
    this.nodes.push(node)
    this.starts.set(key, node)
    node.step = Step.Done
    node.local = local
    return node
  }
}
