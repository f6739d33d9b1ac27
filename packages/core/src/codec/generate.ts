/**
 * Codecs as generated JavaScript, one function a cell: straight-line stores and loads with constant
 * offsets, which an engine compiles as if they were written by hand for that one schema.
 *
 * Only numbers, keywords and `JSON.stringify`d names are ever put into the text; values reach it
 * as parameters.
 *
 * @since 0.1.0
 */
import * as blobs from "./blobs.ts"
import { corrupt, inside, refuse } from "./CodecError.ts"
import { type Body, places, runs, views } from "./generateRuns.ts"
import { type Bit, type Cell, maskOf, type Node, type NumberNode } from "./Plan.ts"
import * as runtime from "./runtime.ts"
import * as text from "./text.ts"

const helpers = { ...blobs, ...runtime, ...text, corrupt, inside, refuse }

const quote = (value: string): string => JSON.stringify(value)

const aligned = (cell: Cell): string => (cell.align === 1 ? "" : `p = (p + ${cell.align - 1}) & ${-cell.align};`)

/** The condition under which a number does not fit. */
const misfit = (node: NumberNode, x: string, written: boolean): string => {
  const range = [
    ...(node.minimum > -Infinity ? [`${x} < ${node.minimum}`] : []),
    ...(node.maximum < Infinity ? [`${x} > ${node.maximum}`] : [])
  ]
  switch (node.wire) {
    case "f64": {
      const type = node.integer ? "Number.isSafeInteger" : node.finite ? "Number.isFinite" : undefined
      const wrong = type ? [`!${type}(${x})`] : written ? [`typeof ${x} !== "number"`] : []
      return [...wrong, ...range].join(" || ")
    }
    case "u32":
      return [...(written ? [`(${x} >>> 0) !== ${x}`] : []), ...range].join(" || ")
    default:
      return [...(written ? [`(${x} | 0) !== ${x}`] : []), ...range].join(" || ")
  }
}

const store = (node: NumberNode, x: string): string => {
  const { offset } = node.slot
  switch (node.wire) {
    case "f64":
      return `f64[d + ${offset >> 3}] = ${x};`
    case "i32":
    case "u32":
      return `i32[w + ${offset >> 2}] = ${x};`
    case "i16":
    case "u16":
      return `view.setInt16(o + ${offset}, ${x}, true);`
    default:
      return `u8[o + ${offset}] = ${x};`
  }
}

const load = (node: NumberNode): string => {
  const { offset } = node.slot
  switch (node.wire) {
    case "f64":
      return `f64[d + ${offset >> 3}]`
    case "i32":
      return `i32[w + ${offset >> 2}]`
    case "u32":
      return `i32[w + ${offset >> 2}] >>> 0`
    case "i16":
      return `view.getInt16(o + ${offset}, true)`
    case "u16":
      return `view.getUint16(o + ${offset}, true)`
    case "i8":
      return `u8[o + ${offset}] << 24 >> 24`
    case "u8":
      return `u8[o + ${offset}]`
  }
}

const index = (bytes: number, offset: number): string =>
  bytes === 1 ? `u8[o + ${offset}]` : `view.getUint16(o + ${offset}, true)`

const storeIndex = (bytes: number, offset: number, value: number): string =>
  bytes === 1 ? `u8[o + ${offset}] = ${value};` : `view.setUint16(o + ${offset}, ${value}, true);`

const blobCalls = {
  string: { bytes: "textBytes", write: "writeText", read: "readText", bound: "boundText" },
  bytes: { bytes: "bytesBytes", write: "writeBytes", read: "readBytes", bound: "boundBytes" },
  bigint: { bytes: "bigIntBytes", write: "writeBigInt", read: "readBigInt", bound: "boundBigInt" }
} as const

class Generator {
  readonly constants: Array<unknown> = []
  readonly functions: Array<string> = []
  private readonly ids = new Map<Cell, string>()
  private names = 0

  private name(prefix: string): string {
    return `${prefix}_${this.names++}`
  }

  private constant(value: unknown): string {
    return `c${this.constants.push(value) - 1}`
  }

  /** Emits the three functions of a cell and returns the suffix of their names. */
  cell(cell: Cell): string {
    const known = this.ids.get(cell)
    if (known !== undefined) return known
    const id = this.name("")
    this.ids.set(cell, id)
    const { read, value, write } = this.body(cell)
    this.functions.push(
      `function w${id}(m, o, v) { ${views} ${places}
${write}
return p; }`,
      `function b${id}(v) { let s = ${cell.size};
${this.bound(cell.root, "v")}
return s; }`,
      `function r${id}(m, o, e) { ${views} ${places}
if (e - o < ${cell.size}) corrupt(${quote(cell.path)}, "the bytes end early", o);
${read}
const value = ${value};
${cell.variable ? "q = p;" : ""}
return value; }`
    )
    return id
  }

  /** The code of a cell, to be put into a function. */
  body(cell: Cell): Body {
    const bits = Array.from({ length: cell.bitBytes }, (_, i) => i)
    const lines: Array<string> = []
    const value = this.read(cell.root, cell, lines)
    return {
      write: `let p = o + ${cell.size}; ${bits.map((i) => `let t${i} = 0;`).join(" ")}
${this.write(cell.root, "v", cell)}
${bits.map((i) => `u8[o + ${cell.bitsOffset + i}] = t${i};`).join(" ")}`,
      read: `let p = o + ${cell.size}; ${bits.map((i) => `const t${i} = u8[o + ${cell.bitsOffset + i}];`).join(" ")}
${lines.join("\n")}`,
      value
    }
  }

  private test(bit: Bit): string {
    return `(t${bit.index >>> 3} & ${maskOf(bit)}) !== 0`
  }

  private set(bit: Bit): string {
    return `t${bit.index >>> 3} |= ${maskOf(bit)};`
  }

  private field(x: string, name: string): string {
    return runtime.isInherited(name) ? `own(${x}, ${quote(name)})` : `${x}[${quote(name)}]`
  }

  /** Whether `x` has the optional field whose value is `y`: an absent key is not the same as undefined. */
  private isThere(x: string, y: string, name: string): string {
    return `${y} !== undefined || Object.hasOwn(${x}, ${quote(name)})`
  }

  /** Statements that write `x`, which is evaluated once. */
  private write(node: Node, value: string, cell: Cell): string {
    const x = this.name("x")
    const checks = node.checks === undefined ? "" : `${this.constant(node.checks)}(${x}, ${quote(node.path)}, -1);`
    return `const ${x} = ${value}; ${this.writeValue(node, x, cell)} ${checks}`
  }

  private writeValue(node: Node, x: string, cell: Cell): string {
    const path = quote(node.path)
    const unless = (condition: string, expected: string): string =>
      `if (${condition}) refuse(${path}, ${quote(expected)}, ${x});`
    switch (node.kind) {
      case "number":
        return `${unless(misfit(node, x, true), runtime.expectedNumber(node))} ${store(node, x)}`
      case "boolean":
        return `if (${x} === true) { ${this.set(node.bit)} } else ${unless(`${x} !== false`, "a boolean")}`
      case "literal": {
        const expected = runtime.expectedLiteral(node)
        const { slot, values } = node
        if (slot === undefined) return unless(`${x} !== ${runtime.showLiteral(values[0])}`, expected)
        const cases = values.map(
          (literal, i) => `case ${runtime.showLiteral(literal)}: ${storeIndex(slot.bytes, slot.offset, i)} break;`
        )
        return `switch (${x}) { ${cases.join(" ")} default: refuse(${path}, ${quote(expected)}, ${x}); }`
      }
      case "date":
        return `${unless(`!isDate(${x})`, "a valid Date")} f64[d + ${node.slot.offset >> 3}] = ${x}.getTime();`
      case "dateTime":
        return `${unless(`!isDateTime(${x})`, "a DateTime.Utc")} f64[d + ${node.slot.offset >> 3}] = ${x}.epochMilliseconds;`
      case "string":
      case "bytes":
      case "bigint": {
        const typed = node.kind === "bytes" ? "" : unless(`typeof ${x} !== "${node.kind}"`, `a ${node.kind}`)
        return `${typed} p = ${blobCalls[node.kind].write}(m, o + ${node.slot.offset}, p, ${x}, ${path});`
      }
      case "shared":
        return `writeShared(m, o + ${node.slot.offset}, ${x}, ${path});`
      case "foreign": {
        const foreign = this.constant(node.foreign)
        return `p = writeInline(m, o + ${node.slot.offset}, p, ${foreign}.encode(${x}, ${path}), ${path});`
      }
      case "struct": {
        const fields = node.fields.map(({ name, node: inner, present }) => {
          const value = this.field(x, name)
          if (present === undefined) return this.write(inner, value, cell)
          const y = this.name("x")
          return `const ${y} = ${value}; if (${this.isThere(x, y, name)}) { ${this.set(present)} ${this.write(inner, y, cell)} }`
        })
        const guard =
          node.construct === undefined
            ? unless(`typeof ${x} !== "object" || ${x} === null`, "an object")
            : unless(`!${this.constant(node.construct)}.isInstance(${x})`, `a ${node.construct.identifier}`)
        return [guard, ...fields].join("\n")
      }
      case "tuple": {
        const { length } = node.elements
        const guard = unless(`!Array.isArray(${x}) || ${x}.length !== ${length}`, `an array of ${length}`)
        return [guard, ...node.elements.map((element, i) => this.write(element, `${x}[${i}]`, cell))].join("\n")
      }
      case "nullable":
        return `if (${x} !== ${node.empty}) { ${this.set(node.bit)} ${this.write(node.inner, x, cell)} }`
      case "box":
        return `${aligned(node.cell)} p = w${this.cell(node.cell)}(m, p, ${x});`
      case "array": {
        const i = this.name("i")
        return `${unless(`!Array.isArray(${x})`, "an array")} i32[w + ${node.slot.offset >> 2}] = ${x}.length;
let ${i} = 0;
try { for (; ${i} < ${x}.length; ${i}++) { ${aligned(node.element)} p = w${this.cell(node.element)}(m, p, ${x}[${i}]); } }
catch (error) { throw inside(error, ${path}, ${i}); }`
      }
      case "union": {
        const cases = node.members.map(
          ({ cell: box, literal }, i) =>
            `case ${runtime.showLiteral(literal)}: ${storeIndex(1, node.slot.offset, i)} ${aligned(box)} p = w${this.cell(box)}(m, p, ${x}); break;`
        )
        const key = this.field(x, node.key)
        return `${unless(`typeof ${x} !== "object" || ${x} === null`, "an object")}
switch (${key}) { ${cases.join("\n")} default: refuse(${quote(`${node.path}.${node.key}`)}, ${quote(runtime.expectedLiteral(node))}, ${key}); }`
      }
    }
  }

  /** Statements that add to `s` what `x` may take in the variable section. */
  private bound(node: Node, value: string): string {
    if (!runtime.isVariable(node)) return ""
    const x = this.name("x")
    return `const ${x} = ${value}; ${this.boundValue(node, x)}`
  }

  private boundValue(node: Node, x: string): string {
    const isObject = `typeof ${x} === "object" && ${x} !== null`
    switch (node.kind) {
      case "string":
      case "bytes":
      case "bigint":
        return `s += ${blobCalls[node.kind].bound}(${x});`
      case "foreign":
        return `s += ${this.constant(node.foreign)}.bound(${x});`
      case "struct": {
        const fields = node.fields
          .filter((field) => runtime.isVariable(field.node))
          .map(({ name, node: inner, present }) => {
            if (present === undefined) return this.bound(inner, this.field(x, name))
            const y = this.name("x")
            return `const ${y} = ${this.field(x, name)}; if (${this.isThere(x, y, name)}) { ${this.bound(inner, y)} }`
          })
        return `if (${isObject}) { ${fields.join("\n")} }`
      }
      case "tuple": {
        const elements = node.elements.map((element, i) => this.bound(element, `${x}[${i}]`))
        return `if (Array.isArray(${x})) { ${elements.join("\n")} }`
      }
      case "nullable":
        return `if (${x} !== ${node.empty}) { ${this.bound(node.inner, x)} }`
      case "box":
        return this.boundCell(node.cell, x)
      case "array": {
        const { element } = node
        if (!element.variable) {
          return `if (Array.isArray(${x})) s += ${element.align - 1} + ${x}.length * ${runtime.strideOf(element)};`
        }
        const i = this.name("i")
        const each = this.boundCell(element, `${x}[${i}]`)
        return `if (Array.isArray(${x})) for (let ${i} = 0; ${i} < ${x}.length; ${i}++) { ${each} }`
      }
      case "union": {
        const cases = node.members.map(
          ({ cell, literal }) => `case ${runtime.showLiteral(literal)}: ${this.boundCell(cell, x)} break;`
        )
        return `if (${isObject}) switch (${this.field(x, node.key)}) { ${cases.join("\n")} }`
      }
      default:
        return ""
    }
  }

  private boundCell(cell: Cell, x: string): string {
    const slack = cell.align - 1
    return cell.variable ? `s += ${slack} + b${this.cell(cell)}(${x});` : `s += ${slack + cell.size};`
  }

  /** Pushes the statements that read a node, and returns the expression of its value. */
  private read(node: Node, cell: Cell, lines: Array<string>): string {
    const value = this.readValue(node, cell, lines)
    if (node.checks === undefined) return value
    const x = this.name("x")
    lines.push(`const ${x} = ${value}; ${this.constant(node.checks)}(${x}, ${quote(node.path)}, o);`)
    return x
  }

  private readValue(node: Node, cell: Cell, lines: Array<string>): string {
    const path = quote(node.path)
    const x = this.name("x")
    const h = this.name("h")
    /** Reads the header of something of `bytes` and makes sure that it is all there. */
    const header = (offset: number, bytes: string): void => {
      lines.push(`const ${h} = i32[w + ${offset >> 2}], n${h} = ${bytes}(${h});
if (n${h} > e - p) corrupt(${path}, "the bytes end early", p);`)
    }
    const block = (write: (inner: Array<string>) => void): string => {
      const inner: Array<string> = []
      write(inner)
      return `{ ${inner.join("\n")} }`
    }
    switch (node.kind) {
      case "number": {
        lines.push(`const ${x} = ${load(node)};`)
        const wrong = misfit(node, x, false)
        if (wrong !== "") {
          const expected = `expected ${runtime.expectedNumber(node)}`
          lines.push(`if (${wrong}) corrupt(${path}, ${quote(expected)}, o + ${node.slot.offset});`)
        }
        return x
      }
      case "boolean":
        return this.test(node.bit)
      case "literal": {
        const { slot, values } = node
        if (slot === undefined) return runtime.showLiteral(values[0])
        lines.push(`const ${h} = ${index(slot.bytes, slot.offset)};
if (${h} >= ${values.length}) corrupt(${path}, "no such literal", o + ${slot.offset});`)
        return `${this.constant(values)}[${h}]`
      }
      case "date":
      case "dateTime":
        lines.push(`const ${x} = f64[d + ${node.slot.offset >> 3}];
if (!isTime(${x})) corrupt(${path}, "no such time", o + ${node.slot.offset});`)
        return node.kind === "date" ? `new Date(${x})` : `dateTime(${x})`
      case "string":
      case "bytes":
      case "bigint": {
        const calls = blobCalls[node.kind]
        header(node.slot.offset, calls.bytes)
        lines.push(`const ${x} = ${calls.read}(m, ${h}, p, ${path}); p += n${h};`)
        return x
      }
      case "shared":
        return `readShared(m, i32[w + ${node.slot.offset >> 2}], o + ${node.slot.offset}, ${path})`
      case "foreign":
        header(node.slot.offset, "bytesBytes")
        lines.push(`const ${x} = ${this.constant(node.foreign)}.decode(readInline(m, ${h}, p, ${path}), ${path}, p);
p += n${h};`)
        return x
      case "struct": {
        const entries: Array<string> = []
        const later: Array<string> = []
        for (const { name, node: inner, present } of node.fields) {
          const key = name === "__proto__" ? `["__proto__"]` : quote(name)
          if (present === undefined) {
            entries.push(`${key}: ${this.read(inner, cell, lines)}`)
            continue
          }
          const y = this.name("x")
          lines.push(`let ${y};
if (${this.test(present)}) ${block((nested) => nested.push(`${y} = ${this.read(inner, cell, nested)};`))}`)
          const set = name === "__proto__" ? `define(${x}, ${key.slice(1, -1)}, ${y});` : `${x}[${key}] = ${y};`
          later.push(`if (${this.test(present)}) ${set}`)
        }
        lines.push(`const ${x} = { ${entries.join(", ")} };`, ...later)
        return node.construct === undefined ? x : `construct(${this.constant(node.construct)}, ${x}, ${path}, o)`
      }
      case "tuple":
        return `[${node.elements.map((element) => this.read(element, cell, lines)).join(", ")}]`
      case "nullable":
        lines.push(`let ${x} = ${node.empty};
if (${this.test(node.bit)}) ${block((nested) => nested.push(`${x} = ${this.read(node.inner, cell, nested)};`))}`)
        return x
      case "box":
        lines.push(this.readCell(node.cell, `const ${x}`))
        return x
      case "array": {
        const i = this.name("i")
        lines.push(`const ${h} = i32[w + ${node.slot.offset >> 2}], ${x} = [];
if (${h} < 0 || ${h} * ${node.element.size} > e - p) corrupt(${path}, "more elements than bytes", o + ${node.slot.offset});
let ${i} = 0;
try { for (; ${i} < ${h}; ${i}++) { ${this.readCell(node.element, `const y`)} ${x}.push(y); } }
catch (error) { throw inside(error, ${path}, ${i}); }`)
        return x
      }
      case "union": {
        const cases = node.members.map(({ cell: box }, i) => `case ${i}: ${this.readCell(box, x)} break;`)
        lines.push(`let ${x};
switch (u8[o + ${node.slot.offset}]) { ${cases.join("\n")} default: corrupt(${path}, "no such member", o + ${node.slot.offset}); }`)
        return x
      }
    }
  }

  private readCell(cell: Cell, target: string): string {
    const read = `${aligned(cell)} ${target} = r${this.cell(cell)}(m, p, e);`
    return cell.variable ? `${read} p = q;` : `${read} p += ${cell.size};`
  }
}

/** Whether this realm may turn text into code at all. */
export const canGenerate: boolean = (() => {
  try {
    return new Function("return true")() === true
  } catch {
    return false
  }
})()

export const generate = (cell: Cell): runtime.Program => {
  const generator = new Generator()
  const id = generator.cell(cell)
  const loops = runs(cell, { ...generator.body(cell), bound: `b${id}` })
  const constants = generator.constants.map((_, i) => `c${i}`)
  // Where a cell ends is passed in a variable beside the value: a pair would be an object a read.
  const tail = cell.variable
    ? "if (q !== e) trailing(q, e);"
    : `if (e - o !== ${cell.size}) trailing(o + ${cell.size}, e);`
  const source = `"use strict";
const { ${Object.keys(helpers).join(", ")} } = helpers;
const [${constants.join(", ")}] = constants;
let q = 0;
${generator.functions.join("\n")}
function read(m, o, e) { const value = r${id}(m, o, e); ${tail} return value; }
${loops}
return { write: w${id}, bound: b${id}, read, writeRun, readRun };`
  return new Function("helpers", "constants", source)(helpers, generator.constants)
}
