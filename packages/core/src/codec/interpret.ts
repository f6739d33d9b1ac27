/**
 * Codecs as closures, one a node, for realms where text may not become code. Byte for byte the
 * encoding of the generated codecs, several times slower.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "../ring/ByteMemory.ts"
import { corrupt, inside, refuse } from "./CodecError.ts"
import { type Composite, type Cursor, leafSteps, setBit, type Steps, testBit } from "./interpretLeaf.ts"
import type { Cell, Field, Node } from "./Plan.ts"
import * as runtime from "./runtime.ts"

const alignUp = (at: number, align: number): number => (at + align - 1) & -align

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const fieldOf = (value: object, name: string): unknown =>
  runtime.isInherited(name) ? runtime.own(value, name) : (value as Record<string, unknown>)[name]

const stepsOf = (node: Node, cell: Cell): Steps => {
  const steps = isComposite(node) ? compositeSteps(node, cell) : leafSteps(node, cell)
  const { checks, path } = node
  if (checks === undefined) return steps
  return {
    write(m, o, p, value) {
      const end = steps.write(m, o, p, value)
      checks(value, path, -1)
      return end
    },
    bound: steps.bound,
    read(m, o, cursor) {
      const value = steps.read(m, o, cursor)
      checks(value, path, o)
      return value
    }
  }
}

const composites: ReadonlySet<Node["kind"]> = new Set(["struct", "tuple", "nullable", "box", "array", "union"])

const isComposite = (node: Node): node is Composite => composites.has(node.kind)

const compositeSteps = (node: Composite, cell: Cell): Steps => {
  const { path } = node
  switch (node.kind) {
    case "struct": {
      const fields = node.fields.map((field) => fieldSteps(field, cell))
      const { construct } = node
      const expected = construct === undefined ? "an object" : `a ${construct.identifier}`
      return {
        write(m, o, p, value) {
          if (!isObject(value) || construct?.isInstance(value) === false) return refuse(path, expected, value)
          let at = p
          for (const field of fields) at = field.write(m, o, at, value)
          return at
        },
        bound: (value) => (isObject(value) ? fields.reduce((sum, field) => sum + field.bound(value), 0) : 0),
        read(m, o, cursor) {
          const value = {}
          for (const field of fields) field.read(m, o, cursor, value)
          return construct === undefined ? value : runtime.construct(construct, value, path, o)
        }
      }
    }
    case "tuple": {
      const elements = node.elements.map((element) => stepsOf(element, cell))
      return {
        write(m, o, p, value) {
          if (!Array.isArray(value) || value.length !== elements.length) {
            return refuse(path, `an array of ${elements.length}`, value)
          }
          return elements.reduce((at, element, i) => element.write(m, o, at, value[i]), p)
        },
        bound: (value) =>
          Array.isArray(value) ? elements.reduce((sum, element, i) => sum + element.bound(value[i]), 0) : 0,
        read: (m, o, cursor) => elements.map((element) => element.read(m, o, cursor))
      }
    }
    case "nullable": {
      const { empty } = node
      const inner = stepsOf(node.inner, cell)
      const set = setBit(cell, node.bit)
      const test = testBit(cell, node.bit)
      return {
        write(m, o, p, value) {
          if (value === empty) return p
          set(m, o)
          return inner.write(m, o, p, value)
        },
        bound: (value) => (value === empty ? 0 : inner.bound(value)),
        read: (m, o, cursor) => (test(m, o) ? inner.read(m, o, cursor) : empty)
      }
    }
    case "box": {
      const inner = cellSteps(node.cell)
      return {
        write: (m, _, p, value) => inner.write(m, p, value),
        bound: inner.bound,
        read: (m, _, cursor) => inner.read(m, cursor)
      }
    }
    case "array": {
      const { offset } = node.slot
      const element = cellSteps(node.element)
      return {
        write(m, o, p, value) {
          if (!Array.isArray(value)) return refuse(path, "an array", value)
          m.i32[(o + offset) >> 2] = value.length
          let at = p
          let i = 0
          try {
            for (; i < value.length; i++) at = element.write(m, at, value[i])
          } catch (error) {
            throw inside(error, path, i)
          }
          return at
        },
        bound(value) {
          if (!Array.isArray(value)) return 0
          let sum = 0
          // Not `reduce`: it skips the holes that `write` meets as undefined.
          for (let i = 0; i < value.length; i++) sum += element.bound(value[i])
          return sum
        },
        read(m, o, cursor) {
          const count = m.i32[(o + offset) >> 2]
          if (count < 0 || count * node.element.size > cursor.end - cursor.at) {
            return corrupt(path, "more elements than bytes", o + offset)
          }
          const values: Array<unknown> = []
          try {
            while (values.length < count) values.push(element.read(m, cursor))
          } catch (error) {
            throw inside(error, path, values.length)
          }
          return values
        }
      }
    }
    case "union": {
      const { key, slot } = node
      const members = node.members.map((member) => cellSteps(member.cell))
      const indices = new Map<unknown, number>(node.members.map(({ literal }, i) => [literal, i]))
      const expected = runtime.expectedLiteral(node)
      return {
        write(m, o, p, value) {
          if (!isObject(value)) return refuse(path, "an object", value)
          const i = indices.get(fieldOf(value, key))
          if (i === undefined) return refuse(`${path}.${key}`, expected, fieldOf(value, key))
          m.u8[o + slot.offset] = i
          return members[i].write(m, p, value)
        },
        bound(value) {
          const i = isObject(value) ? indices.get(fieldOf(value, key)) : undefined
          return i === undefined ? 0 : members[i].bound(value)
        },
        read(m, o, cursor) {
          const member = members[m.u8[o + slot.offset]]
          return member === undefined ? corrupt(path, "no such member", o + slot.offset) : member.read(m, cursor)
        }
      }
    }
  }
}

const setField = (target: object, name: string, value: unknown): void => {
  if (name === "__proto__") runtime.define(target, name, value)
  else (target as Record<string, unknown>)[name] = value
}

interface FieldSteps {
  readonly write: (m: ByteMemory, o: number, p: number, owner: object) => number
  readonly bound: (owner: object) => number
  readonly read: (m: ByteMemory, o: number, cursor: Cursor, target: object) => void
}

const fieldSteps = ({ name, node, present }: Field, cell: Cell): FieldSteps => {
  const steps = stepsOf(node, cell)
  if (present === undefined) {
    return {
      write: (m, o, p, owner) => steps.write(m, o, p, fieldOf(owner, name)),
      bound: (owner) => steps.bound(fieldOf(owner, name)),
      read: (m, o, cursor, target) => setField(target, name, steps.read(m, o, cursor))
    }
  }
  const set = setBit(cell, present)
  const test = testBit(cell, present)
  return {
    write(m, o, p, owner) {
      const value = fieldOf(owner, name)
      if (value === undefined && !Object.hasOwn(owner, name)) return p
      set(m, o)
      return steps.write(m, o, p, value)
    },
    bound(owner) {
      const value = fieldOf(owner, name)
      return value !== undefined || Object.hasOwn(owner, name) ? steps.bound(value) : 0
    },
    read(m, o, cursor, target) {
      if (test(m, o)) setField(target, name, steps.read(m, o, cursor))
    }
  }
}

interface CellSteps {
  /** Aligns `at`, writes the cell there and returns the offset after it. */
  readonly write: (m: ByteMemory, at: number, value: unknown) => number
  readonly bound: (value: unknown) => number
  readonly read: (m: ByteMemory, cursor: Cursor) => unknown
}

const cellSteps = (cell: Cell): CellSteps => {
  const { align, bitBytes, bitsOffset, size } = cell
  const root = stepsOf(cell.root, cell)
  return {
    write(m, at, value) {
      const o = alignUp(at, align)
      m.u8.fill(0, o + bitsOffset, o + bitsOffset + bitBytes)
      return root.write(m, o, o + size, value)
    },
    bound: (value) => align - 1 + size + root.bound(value),
    read(m, cursor) {
      const o = alignUp(cursor.at, align)
      if (cursor.end - o < size) return corrupt(cell.path, "the bytes end early", o)
      cursor.at = o + size
      return root.read(m, o, cursor)
    }
  }
}

export const interpret = (cell: Cell): runtime.Program => {
  const steps = cellSteps(cell)
  return {
    write: steps.write,
    bound: (value) => steps.bound(value) - (cell.align - 1),
    read(m, offset, end) {
      const cursor = { at: offset, end }
      const value = steps.read(m, cursor)
      return cursor.at === end ? value : runtime.trailing(cursor.at, end)
    }
  }
}
