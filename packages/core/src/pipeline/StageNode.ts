/**
 * What every stage is: a node of the graph without its inputs, and the types of what it takes and gives.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import { number, wholeFromNone } from "./checks.ts"
import { erase, type Fault, type Node, node } from "./Graph.ts"
import type { OnError, Operator, OperatorContext } from "./Operator.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Stage<in In, out Out, out R = never, out Side = {}> {
  readonly "~in"?: (_: In) => void
  readonly "~out"?: () => readonly [Out, R, Side]
  readonly keyed: false
  /** The node without its inputs. */
  readonly node: Node
}

/**
 * A stage whose input must be keyed by a `K`.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyedStage<in In, in K, out Out, out R = never, out Side = {}> {
  readonly "~in"?: (_: In, key: K) => void
  readonly "~out"?: () => readonly [Out, R, Side]
  readonly keyed: true
  readonly node: Node
}

/**
 * What every stage can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface StageOptions<In, Out> {
  readonly in: Schema.Codec<In, unknown>
  readonly out: Schema.Codec<Out, unknown>
  /** What becomes of an element that it fails on; `fail` if absent. */
  readonly onError?: OnError | undefined
  /** How often it tries an element again before `onError` applies; 0 if absent. */
  readonly retries?: number | undefined
}

/** The fields of a node that come from a stage's options. */
export const stageNode = <In, Out>(
  name: string,
  kind: string,
  options: StageOptions<In, Out>,
  make: (context: OperatorContext) => Operator,
  more: Partial<Node> = {}
): Node => {
  const { onError = "fail", retries = 0 } = options
  const faults: Array<Fault> = [...(more.faults ?? [])]
  if (name === "") faults.push({ option: "name", value: name, allowed: "a name that is not empty" })
  faults.push(...number(`${name}.retries`, retries, wholeFromNone))
  return node({
    name,
    kind,
    // The edge is made where the stage is composed; until then this holds the schema of its input.
    inputs: [{ from: nowhere, output: "", route: undefined, schema: erase(options.in) }],
    output: erase(options.out),
    onError,
    retries,
    make,
    ...more,
    faults
  })
}

const nowhere = node({ name: "nowhere", kind: "none" })
