/**
 * A plan as text, and as a Mermaid diagram.
 *
 * @since 0.1.0
 */
import { mainOutput, type Node } from "../Graph.ts"
import { type Chain, type Edge, nameOf, type Plan } from "./Plan.ts"

const stageText = (node: Node): string => (node.kind === node.name ? node.name : `${node.name}: ${node.kind}`)

const edgeText = ({ output, route }: Edge): string =>
  output === mainOutput ? route._tag : `${route._tag}, side output ${output}`

const targetText = ({ port, to }: Edge): string =>
  to === undefined ? "output" : `[${to.id}] ${nameOf(to)}${to.inputs.length > 1 ? `, input ${port}` : ""}`

const chainText = (chain: Chain): string =>
  [
    `[${chain.id}] ${chain.nodes.map(stageText).join(" → ")}  × ${chain.parallelism}${chain.atCaller ? ", where it is run" : ""}`,
    ...chain.outputs.map((edge) => `      ── ${edgeText(edge)} ──▶ ${targetText(edge)}`)
  ].join("\n")

/** Chains with their stages and parallelism, and the edges between them. */
export const text = (plan: Plan): string => plan.chains.map(chainText).join("\n")

const quoted = (label: string): string => `"${label.replaceAll('"', "#quot;")}"`

/** A flowchart. */
export const mermaid = (plan: Plan): string => {
  const lines = ["flowchart LR"]
  for (const chain of plan.chains) {
    lines.push(`  c${chain.id}[${quoted(`${chain.nodes.map(stageText).join("<br/>")}<br/>× ${chain.parallelism}`)}]`)
  }
  lines.push(`  out([output])`)
  for (const { outputs, id } of plan.chains) {
    for (const edge of outputs) {
      lines.push(`  c${id} -- ${quoted(edgeText(edge))} --> ${edge.to === undefined ? "out" : `c${edge.to.id}`}`)
    }
  }
  return lines.join("\n")
}
