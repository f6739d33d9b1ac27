/**
 * A plan in words: one line a field, `path  wire  offset`. Two codecs with the same words read each
 * other's bytes, so their hash is what both ends of a channel compare.
 *
 * @since 0.1.0
 */
import { byteOf, type Cell, type Node } from "./Plan.ts"
import * as runtime from "./runtime.ts"

/** Part of every fingerprint: raised when the same plan comes to mean other bytes. */
const version = 1

const lines = (node: Node, cell: Cell, path: string): ReadonlyArray<string> => {
  const line = (wire: string, place: string): string => `${path}  ${wire}  ${place}`
  switch (node.kind) {
    case "number": {
      const expected = runtime.expectedNumber(node)
      return [line(`${node.wire} (${expected})`, `${node.slot.offset}`)]
    }
    case "boolean":
      return [line("bit", `${byteOf(cell, node.bit)}.${node.bit.index & 7}`)]
    case "literal": {
      const wire = node.slot === undefined ? "constant" : `index of ${node.values.length}`
      const place = node.slot === undefined ? "nowhere" : `${node.slot.offset}`
      return [line(`${wire} (${node.values.map(runtime.showLiteral).join(" | ")})`, place)]
    }
    case "date":
    case "dateTime":
      return [line(`${node.kind} f64`, `${node.slot.offset}`)]
    case "shared":
      return [line("attachment", `${node.slot.offset}`)]
    case "string":
    case "bytes":
    case "bigint":
      return [line(node.kind, `${node.slot.offset}, variable`)]
    case "foreign":
      return [line(`SchemaBinary ${node.foreign.layout}`, `${node.slot.offset}, variable`)]
    case "struct":
      return node.fields.flatMap(({ name, node: inner, present }) => {
        const at = `${path}.${name}`
        const bit = present && `${byteOf(cell, present)}.${present.index & 7}`
        return [...(bit === undefined ? [] : [`${at}?  bit  ${bit}`]), ...lines(inner, cell, at)]
      })
    case "tuple":
      return node.elements.flatMap((element, i) => lines(element, cell, `${path}[${i}]`))
    case "nullable": {
      const bit = `${byteOf(cell, node.bit)}.${node.bit.index & 7}`
      return [line(`not ${node.empty}: bit`, bit), ...lines(node.inner, cell, path)]
    }
    case "box":
      return [line("cell", "variable"), ...cellLines(node.cell, path)]
    case "array":
      return [line("array", `${node.slot.offset}, variable`), ...cellLines(node.element, `${path}[]`)]
    case "union":
      return [
        line(`union by ${JSON.stringify(node.key)}`, `${node.slot.offset}, variable`),
        ...node.members.flatMap((member) => cellLines(member.cell, `${path}<${runtime.showLiteral(member.literal)}>`))
      ]
  }
}

const cellLines = (cell: Cell, path: string): ReadonlyArray<string> => [
  `${path}  cell of ${cell.size} bytes, aligned to ${cell.align}`,
  ...lines(cell.root, cell, path)
]

/** The printable layout. */
export const formatCell = (cell: Cell): string => cellLines(cell, "$").join("\n")

/** Two 32-bit hashes of a layout (FNV-1a's step with two multipliers, then murmur's finish). */
export const fingerprintOf = (layout: string): readonly [number, number] => {
  let low = 0x811c9dc5 ^ version
  let high = 0x9747b28c ^ version
  for (let i = 0; i < layout.length; i++) {
    const code = layout.charCodeAt(i)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
    high = (high << 13) | (high >>> 19)
  }
  return [finish(low ^ high), finish(high ^ Math.imul(low, 0x27d4eb2f))]
}

const finish = (hash: number): number => {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) | 0
}
