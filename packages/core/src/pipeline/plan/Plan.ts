/**
 * What runs: stages that can share a subtask are fused into chains, and edges lead from chain to
 * chain. The same graph gives the same plan wherever it is made, so that threads need only agree on
 * the graph.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { CodecError } from "../../codec/CodecError.ts"
import { InvalidConfig } from "../../errors/Errors.ts"
import { word } from "../checks.ts"
import { type AnySchema, deadOutput, erase, type Fault, mainOutput, type Node, type Route } from "../Graph.ts"
import { DeadLetter } from "../PipelineFailed.ts"
import * as Frame from "../runtime/Frame.ts"
import { missing } from "./eventTime.ts"
import { misfit } from "./schemaFits.ts"

/**
 * Most subtasks of one stage.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxParallelism = 128

/**
 * Stages that share a subtask, first to last.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chain {
  readonly id: number
  readonly nodes: ReadonlyArray<Node>
  readonly parallelism: number
  /** Whether it runs in the thread that runs the pipeline: a stream begins there. */
  readonly atCaller: boolean
  /** By port. */
  readonly inputs: Array<Edge>
  readonly outputs: Array<Edge>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Edge {
  readonly from: Chain
  /** Which stage of the chain, and which of its outputs. */
  readonly stage: number
  readonly output: string
  /** Undefined: whoever runs the pipeline. */
  readonly to: Chain | undefined
  readonly port: number
  readonly route: Route
  /** Undefined where the schema is not known, which is so only within the thread of the caller. */
  readonly schema: AnySchema | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Plan {
  /** Inputs before those who read them. */
  readonly chains: ReadonlyArray<Chain>
  /** Where the pipeline's own output leaves. */
  readonly result: Edge
}

/** The name of a chain: those of its stages. */
export const nameOf = (chain: Chain): string => chain.nodes.map(({ name }) => name).join(" + ")

/** How many subtasks read an edge. */
export const targets = (edge: Edge): number => edge.to?.parallelism ?? 1

/** How many inputs a subtask has: one for each subtask that it may hear from. */
export const inputCount = (edges: ReadonlyArray<Edge>): number => edges.reduce((sum, edge) => sum + sources(edge), 0)

const sources = (edge: Edge): number =>
  edge.route._tag === "forward" && edge.to !== undefined ? 1 : edge.from.parallelism

/** The number under which subtask `index` of an edge's source sends to a subtask of its target. */
export const inputIndex = (edge: Edge, index: number): number => {
  let first = 0
  for (const other of edge.to?.inputs ?? []) {
    if (other === edge) break
    first += sources(other)
  }
  return first + (sources(edge) === 1 ? 0 : index)
}

/** The port of each input of a subtask. */
export const portsOf = (edges: ReadonlyArray<Edge>): ReadonlyArray<number> =>
  edges.flatMap((edge) => new Array<number>(sources(edge)).fill(edge.port))

/** The schema of an output of a node. */
export const schemaOf = (node: Node, output: string): AnySchema | undefined =>
  output === mainOutput ? node.output : output === deadOutput ? erase(DeadLetter) : node.sides[output]

class Refused {
  readonly fault: Fault
  constructor(fault: Fault) {
    this.fault = fault
  }
}

const refuse = (option: string, value: unknown, allowed: string): never => {
  throw new Refused({ option, value, allowed })
}

/**
 * Builds the plan of a graph, or tells what is wrong with the graph; `timed` if elements have event times from the
 * beginning, as those have that are fed by hand.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (root: Node, output: string = mainOutput, timed = false): Result.Result<Plan, InvalidConfig> => {
  try {
    return Result.succeed(new Planner(root, output).plan(timed))
  } catch (error) {
    if (error instanceof Refused) return Result.fail(new InvalidConfig(error.fault))
    throw error
  }
}

class Planner {
  private readonly root: Node
  private readonly output: string
  private readonly order: Array<Node> = []
  private readonly readers = new Map<Node, number>()
  private readonly parallelism = new Map<Node, number>()
  private readonly chainOf = new Map<Node, Chain>()

  constructor(root: Node, output: string) {
    this.root = root
    this.output = output
  }

  plan(timed: boolean): Plan {
    this.visit(this.root, new Set())
    if (this.output === mainOutput) this.read(this.root)
    const grown: Array<{ readonly id: number; readonly nodes: Array<Node> } & Omit<Chain, "nodes">> = []
    for (const node of this.order) {
      this.check(node)
      const upstream = this.fusible(node) ? grown.find((chain) => chain.nodes.includes(node.inputs[0].from)) : undefined
      if (upstream !== undefined) {
        upstream.nodes.push(node)
        this.chainOf.set(node, upstream)
        continue
      }
      const chain = {
        id: grown.length,
        nodes: [node],
        parallelism: this.parallelism.get(node)!,
        atCaller: node.origin?._tag === "Stream",
        inputs: [],
        outputs: []
      }
      grown.push(chain)
      this.chainOf.set(node, chain)
    }
    this.checkOutput(this.root, this.output)
    const fault = timed ? undefined : missing(this.order)
    if (fault !== undefined) refuse(fault.option, fault.value, fault.allowed)
    for (const chain of grown) {
      for (const [port, input] of chain.nodes[0].inputs.entries()) {
        const edge = this.edge(input.from, input.output, chain, port)
        chain.inputs.push(edge)
        edge.from.outputs.push(edge)
      }
    }
    const result = this.edge(this.root, this.output, undefined, 0)
    result.from.outputs.push(result)
    return { chains: grown, result }
  }

  private visit(node: Node, path: Set<Node>): void {
    // Nodes are made after their inputs; only a graph put together by hand can have a cycle.
    if (path.has(node)) refuse("pipeline", node.name, "a graph without cycles")
    if (this.order.includes(node)) return
    path.add(node)
    for (const { from, output } of node.inputs) {
      this.visit(from, path)
      if (output === mainOutput) this.read(from)
    }
    path.delete(node)
    this.order.push(node)
  }

  private read(node: Node): void {
    this.readers.set(node, (this.readers.get(node) ?? 0) + 1)
  }

  private check(node: Node): void {
    const [fault] = node.faults
    if (fault !== undefined) refuse(fault.option, fault.value, fault.allowed)
    const [policy] = word(`${node.name}.onError`, node.onError, ["fail", "skip", "deadLetter"])
    if (policy !== undefined) refuse(policy.option, policy.value, policy.allowed)
    const given = node.origin?._tag === "Stream" ? 1 : node.parallelism
    const first = node.inputs.length === 0 ? 1 : this.parallelism.get(node.inputs[0].from)!
    const parallelism = given ?? first
    if (!Number.isInteger(parallelism) || parallelism < 1 || parallelism > maxParallelism) {
      refuse(`${node.name}.parallelism`, parallelism, `a whole number from 1 to ${maxParallelism}`)
    }
    this.parallelism.set(node, parallelism)
    for (const { from, output, route, schema } of node.inputs) {
      this.checkOutput(from, output)
      if (route?._tag === "forward" && this.parallelism.get(from) !== parallelism) {
        refuse(
          `${node.name}.parallelism`,
          parallelism,
          `${this.parallelism.get(from)}, that of ${from.name}: the edge is forward`
        )
      }
      const given = schemaOf(from, output)
      if (given === undefined || schema === undefined) continue
      const wrong = misfit(given, schema)
      if (wrong !== undefined) {
        refuse(`${from.name} → ${node.name}`, wrong, "an element of the schema that the stage takes")
      }
    }
    if (node.keyed && node.inputs.some(({ route }, port) => port === 0 && route?._tag !== "keyBy")) {
      refuse(`${node.name}.input`, node.inputs[0].from.name, "a keyed one: put Pipeline.keyBy before it")
    }
  }

  private checkOutput(from: Node, output: string): void {
    if (output === mainOutput || schemaOf(from, output) !== undefined) return
    const known = [...Object.keys(from.sides), deadOutput].join(", ")
    refuse(`${from.name}.side`, output, `one of its side outputs: ${known}`)
  }

  private fusible(node: Node): boolean {
    if (node.inputs.length !== 1 || node.disjoint || node.batch !== undefined) return false
    const [{ from, output, route }] = node.inputs
    if (output !== mainOutput || this.readers.get(from) !== 1) return false
    const width = this.parallelism.get(from)
    if (width !== this.parallelism.get(node)) return false
    // What only marks elements is done where they begin; other work of a stage is for the workers.
    if (from.origin?._tag === "Stream") return node.kind === "event time"
    if (this.chainOf.get(from)?.atCaller === true) return false
    return width === 1 || route === undefined || route._tag === "forward"
  }

  private edge(from: Node, output: string, to: Chain | undefined, port: number): Edge {
    const chain = this.chainOf.get(from)!
    const input = to?.nodes[0].inputs[port]
    const same = chain.parallelism === (to?.parallelism ?? 1)
    const route: Route = input?.route ?? (same ? { _tag: "forward" } : { _tag: "rebalance" })
    const schema = input?.schema ?? schemaOf(from, output)
    if (schema !== undefined) this.checkSchema(`${from.name} → ${to?.nodes[0].name ?? "output"}`, schema)
    return { from: chain, stage: chain.nodes.indexOf(from), output, to, port, route, schema }
  }

  private checkSchema(edge: string, schema: AnySchema): void {
    try {
      Frame.codec([schema])
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause
      refuse(`${edge}: schema`, cause.path, cause.detail)
    }
  }
}
