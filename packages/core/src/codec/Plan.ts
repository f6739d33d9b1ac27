/**
 * The plan of an encoding: what a schema becomes before it becomes code.
 *
 * A `Cell` is a run of bytes with a fixed section and a variable section:
 *
 * ```
 * fixed     slots of 8, 4, 2 and 1 bytes, largest first, then bits eight to a byte
 * variable  characters, byte strings and boxed cells, in the order of the fields
 * ```
 *
 * Required structs and tuples are flattened into the cell that holds them, so a flat message is
 * one cell. Array elements, members of unions and large optional parts have cells of their own in
 * the variable section, each aligned to the largest of its slots: every slot is naturally aligned.
 *
 * @since 0.1.0
 */
import type { LiteralValue } from "effect/SchemaAST"
import type { Check, NumberWire } from "./checks.ts"
import type { Foreign } from "./Foreign.ts"

/** A place in the fixed section of a cell. Its offset is known when the cell is sealed. */
export interface Slot {
  readonly bytes: number
  offset: number
}

/** One bit in the fixed section of a cell. */
export interface Bit {
  readonly index: number
}

interface Common {
  /** From the root, or from the nearest array element. */
  readonly path: string
  readonly checks: Check | undefined
}

export interface NumberNode extends Common {
  readonly kind: "number"
  readonly wire: NumberWire
  readonly integer: boolean
  readonly finite: boolean
  readonly minimum: number
  readonly maximum: number
  readonly slot: Slot
}

export interface BooleanNode extends Common {
  readonly kind: "boolean"
  readonly bit: Bit
}

/** One of some constants, as its index; a single constant takes no bytes. */
export interface LiteralNode extends Common {
  readonly kind: "literal"
  readonly values: ReadonlyArray<LiteralValue>
  readonly slot: Slot | undefined
}

/** Milliseconds since the epoch. */
export interface TimeNode extends Common {
  readonly kind: "date" | "dateTime"
  readonly slot: Slot
}

/** A header in the fixed section says how long the part in the variable section is. */
export interface BlobNode extends Common {
  readonly kind: "string" | "bytes" | "bigint" | "shared"
  readonly slot: Slot
}

export interface ForeignNode extends Common {
  readonly kind: "foreign"
  readonly foreign: Foreign
  readonly slot: Slot
}

export interface Field {
  readonly name: string
  /** Set when the key is there; undefined when it always is. */
  readonly present: Bit | undefined
  readonly node: Node
}

/** How a class is told and built. */
export interface Construct {
  readonly identifier: string
  readonly isInstance: (value: unknown) => boolean
  readonly make: (fields: object) => object
}

export interface StructNode extends Common {
  readonly kind: "struct"
  readonly fields: ReadonlyArray<Field>
  readonly construct: Construct | undefined
}

export interface TupleNode extends Common {
  readonly kind: "tuple"
  readonly elements: ReadonlyArray<Node>
}

/** `null` or `undefined`, or something else. The bit is set for something else. */
export interface NullableNode extends Common {
  readonly kind: "nullable"
  readonly empty: null | undefined
  readonly bit: Bit
  readonly inner: Node
}

/** A part with a cell of its own in the variable section. */
export interface BoxNode extends Common {
  readonly kind: "box"
  readonly cell: Cell
}

export interface ArrayNode extends Common {
  readonly kind: "array"
  readonly slot: Slot
  readonly element: Cell
}

/** Structs told apart by a literal under one key. */
export interface UnionNode extends Common {
  readonly kind: "union"
  readonly slot: Slot
  readonly key: string
  readonly members: ReadonlyArray<{ readonly literal: LiteralValue; readonly cell: Cell }>
}

export type Node =
  | NumberNode
  | BooleanNode
  | LiteralNode
  | TimeNode
  | BlobNode
  | ForeignNode
  | StructNode
  | TupleNode
  | NullableNode
  | BoxNode
  | ArrayNode
  | UnionNode

export interface Cell {
  readonly path: string
  readonly root: Node
  /** Bytes of the fixed section. */
  readonly size: number
  readonly align: number
  readonly bitsOffset: number
  readonly bitBytes: number
  /** Whether there is a variable section. */
  readonly variable: boolean
}

export const byteOf = (cell: Cell, bit: Bit): number => cell.bitsOffset + (bit.index >>> 3)
export const maskOf = (bit: Bit): number => 1 << (bit.index & 7)

/** Collects the slots and bits of one cell. */
export class CellBuilder {
  readonly path: string
  private readonly slots: Array<Slot> = []
  private bits = 0
  private variable = false

  constructor(path: string) {
    this.path = path
  }

  slot(bytes: number): Slot {
    const slot = { bytes, offset: 0 }
    this.slots.push(slot)
    return slot
  }

  bit(): Bit {
    return { index: this.bits++ }
  }

  /** A slot for the header of something in the variable section. */
  header(): Slot {
    this.variable = true
    return this.slot(4)
  }

  /** Says that something without a header is in the variable section. */
  box(): void {
    this.variable = true
  }

  /** `least` is the smallest size that the cell may have, in bytes. */
  seal(root: Node, least = 0): Cell {
    let at = 0
    for (const slot of this.slots.toSorted((a, b) => b.bytes - a.bytes)) {
      slot.offset = at
      at += slot.bytes
    }
    const bitBytes = (this.bits + 7) >>> 3
    return {
      path: this.path,
      root,
      size: Math.max(at + bitBytes, least),
      align: this.slots.reduce((most, slot) => Math.max(most, slot.bytes), 1),
      bitsOffset: at,
      bitBytes,
      variable: this.variable
    }
  }
}
