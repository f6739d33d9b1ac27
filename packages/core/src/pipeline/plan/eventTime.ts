/**
 * Whether elements have an event time where a stage needs one. Sources give none, and stages hand on
 * what they take, but for those that `give` one: so it can be told from the graph.
 *
 * @since 0.1.0
 */
import type { Fault, Node } from "../Graph.ts"

/** The stages whose elements have no event time, each with the source that they come from. */
type Untimed = ReadonlyMap<Node, Node>

/** Where an element without a time comes from, if a stage is given any. */
const sourceOf = (node: Node, untimed: Untimed): Node | undefined => {
  // Rows of a table are looked up, and are not handed on.
  const inputs = node.kind === "table join" ? node.inputs.slice(0, 1) : node.inputs
  for (const { from } of inputs) {
    const source = untimed.get(from)
    if (source !== undefined) return source
  }
  return undefined
}

/**
 * The first stage that needs an event time and does not get it.
 *
 * @param nodes inputs before those who read them
 */
export const missing = (nodes: ReadonlyArray<Node>): Fault | undefined => {
  const untimed = new Map<Node, Node>()
  for (const node of nodes) {
    const source = node.origin === undefined ? sourceOf(node, untimed) : node
    if (source === undefined || node.time === "gives") continue
    if (node.time === "keeps") {
      untimed.set(node, source)
      continue
    }
    return {
      option: `${node.name}.input`,
      value: source.name,
      allowed: `elements with an event time, which ${node.kind} needs: put Pipeline.eventTime before it`
    }
  }
  return undefined
}
