/**
 * Bytes of plain data, which need no schema: what a snapshot of a subtask is made of.
 *
 * Each value begins with a tag. Objects that follow each other with the same fields name the fields
 * once: the second refers to the shape of the first. Numbers and lengths are little-endian.
 *
 * Plain are `undefined`, `null`, booleans, numbers, bigints, strings, dates, arrays, maps, sets,
 * typed arrays, and objects that are of no class. What is shared comes back as copies; a cycle is
 * refused, like everything that is not plain.
 *
 * @since 0.1.0
 */

const Tag = {
  Undefined: 0,
  Null: 1,
  False: 2,
  True: 3,
  Int: 4,
  Double: 5,
  BigInt: 6,
  Latin1: 7,
  Utf16: 8,
  Array: 9,
  Shape: 10,
  SameShape: 11,
  Map: 12,
  Set: 13,
  Date: 14,
  Bytes: 15
} as const

const views = {
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array
} as const
const viewNames = Object.keys(views) as ReadonlyArray<keyof typeof views>

/** Deeper than this is a cycle, or as good as one. */
const maxDepth = 200

const isPlainObject = (value: object): value is Record<string, unknown> => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Writes values one after the other; used again and again, so that its memory is grown once.
 *
 * @category models
 * @since 0.1.0
 */
export class PlainWriter {
  private u8 = new Uint8Array(4096)
  private view = new DataView(this.u8.buffer)
  private at = 0
  private depth = 0
  private shapes: Array<ReadonlyArray<string>> = []
  private lastShape = -1

  /** Encodes a value. The bytes hold until the next call. Throws a `TypeError` that names what is not plain. */
  encode(value: unknown): Uint8Array {
    this.at = 0
    this.depth = 0
    this.shapes = []
    this.lastShape = -1
    this.write(value)
    return this.u8.subarray(0, this.at)
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.u8.length) return
    const grown = new Uint8Array(Math.max(this.u8.length * 2, this.at + bytes))
    grown.set(this.u8.subarray(0, this.at))
    this.u8 = grown
    this.view = new DataView(grown.buffer)
  }

  private tag(tag: number, length: number): void {
    this.room(5)
    this.u8[this.at] = tag
    this.view.setUint32(this.at + 1, length, true)
    this.at += 5
  }

  private write(value: unknown): void {
    switch (typeof value) {
      case "number":
        return this.number(value)
      case "string":
        return this.text(value)
      case "boolean":
        return this.bare(value ? Tag.True : Tag.False)
      case "undefined":
        return this.bare(Tag.Undefined)
      case "bigint":
        this.bare(Tag.BigInt)
        return this.text(value.toString(36))
      case "object":
        if (value === null) return this.bare(Tag.Null)
        if (++this.depth > maxDepth) throw new TypeError(`data nested more than ${maxDepth} deep is not plain`)
        this.object(value)
        this.depth--
        return
      default:
        throw new TypeError(`a ${typeof value} is not plain data`)
    }
  }

  private bare(tag: number): void {
    this.room(1)
    this.u8[this.at++] = tag
  }

  private number(value: number): void {
    this.room(9)
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.u8[this.at] = Tag.Int
      this.view.setInt32(this.at + 1, value, true)
      this.at += 5
    } else {
      this.u8[this.at] = Tag.Double
      this.view.setFloat64(this.at + 1, value, true)
      this.at += 9
    }
  }

  private text(value: string): void {
    const { length } = value
    this.room(5 + 2 * length)
    const { u8 } = this
    const start = this.at + 5
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 255) return this.wide(value)
      u8[start + i] = code
    }
    this.tag(Tag.Latin1, length)
    this.at += length
  }

  private wide(value: string): void {
    this.tag(Tag.Utf16, value.length)
    for (let i = 0; i < value.length; i++) this.view.setUint16(this.at + 2 * i, value.charCodeAt(i), true)
    this.at += 2 * value.length
  }

  private object(value: object): void {
    if (Array.isArray(value)) {
      this.tag(Tag.Array, value.length)
      for (let i = 0; i < value.length; i++) this.write(value[i])
    } else if (value instanceof Map) {
      this.tag(Tag.Map, value.size)
      for (const [key, member] of value) {
        this.write(key)
        this.write(member)
      }
    } else if (value instanceof Set) {
      this.tag(Tag.Set, value.size)
      for (const member of value) this.write(member)
    } else if (isPlainObject(value)) this.fields(value)
    else if (value instanceof Date) {
      this.bare(Tag.Date)
      this.number(value.getTime())
    } else if (ArrayBuffer.isView(value)) this.bytes(value)
    else throw new TypeError(`a ${value.constructor.name} is not plain data`)
  }

  private fields(value: Record<string, unknown>): void {
    const names = Object.keys(value)
    const last = this.shapes[this.lastShape]
    if (last !== undefined && same(last, names)) this.tag(Tag.SameShape, this.lastShape)
    else this.shape(names)
    const shape = this.lastShape
    for (let i = 0; i < names.length; i++) this.write(value[names[i]])
    // Its fields may be objects of other shapes: its neighbour is like it, not like them.
    this.lastShape = shape
  }

  private shape(names: ReadonlyArray<string>): void {
    const known = this.shapes.findIndex((shape) => same(shape, names))
    if (known >= 0) {
      this.lastShape = known
      return this.tag(Tag.SameShape, known)
    }
    this.lastShape = this.shapes.length
    // A map that is written as an object has as many shapes as objects: looking for one must stay cheap.
    if (this.shapes.length === 64) this.lastShape = -1
    else this.shapes.push(names)
    this.tag(Tag.Shape, names.length)
    for (const name of names) this.text(name)
  }

  private bytes(value: ArrayBufferView): void {
    const kind = viewNames.findIndex((name) => value.constructor === views[name])
    if (kind < 0) throw new TypeError(`a ${value.constructor.name} is not plain data`)
    this.tag(Tag.Bytes, value.byteLength)
    this.room(1 + value.byteLength)
    this.u8[this.at] = kind
    this.u8.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), this.at + 1)
    this.at += 1 + value.byteLength
  }
}

const same = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * Reads what `PlainWriter` wrote.
 *
 * @category converting
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): unknown => new PlainReader(bytes).read()

class PlainReader {
  private readonly u8: Uint8Array
  private readonly view: DataView
  private at = 0
  private readonly shapes: Array<ReadonlyArray<string>> = []

  constructor(bytes: Uint8Array) {
    this.u8 = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  private length(): number {
    this.at += 4
    return this.view.getUint32(this.at - 4, true)
  }

  read(): unknown {
    const tag = this.u8[this.at++]
    switch (tag) {
      case Tag.Undefined:
        return undefined
      case Tag.Null:
        return null
      case Tag.False:
        return false
      case Tag.True:
        return true
      case Tag.Int:
        this.at += 4
        return this.view.getInt32(this.at - 4, true)
      case Tag.Double:
        this.at += 8
        return this.view.getFloat64(this.at - 8, true)
      case Tag.BigInt:
        return bigIntOf(this.read() as string)
      case Tag.Latin1:
      case Tag.Utf16:
        return this.text(tag)
      case Tag.Array:
        return Array.from({ length: this.length() }, () => this.read())
      case Tag.Shape:
        return this.fields(this.shape())
      case Tag.SameShape:
        return this.fields(this.shapes[this.length()])
      case Tag.Map:
        return new Map(Array.from({ length: this.length() }, () => [this.read(), this.read()]))
      case Tag.Set:
        return new Set(Array.from({ length: this.length() }, () => this.read()))
      case Tag.Date:
        return new Date(this.read() as number)
      case Tag.Bytes:
        return this.bytes()
      default:
        throw new TypeError(`no value begins with byte ${tag}`)
    }
  }

  private text(tag: number): string {
    const length = this.length()
    const wide = tag === Tag.Utf16
    let text = ""
    for (let from = 0; from < length; from += 4096) {
      const units = Array.from({ length: Math.min(4096, length - from) }, (_, i) =>
        wide ? this.view.getUint16(this.at + 2 * (from + i), true) : this.u8[this.at + from + i]
      )
      text += String.fromCharCode.apply(null, units)
    }
    this.at += wide ? 2 * length : length
    return text
  }

  private shape(): ReadonlyArray<string> {
    const names = Array.from({ length: this.length() }, () => this.read() as string)
    if (this.shapes.length < 64) this.shapes.push(names)
    return names
  }

  private fields(names: ReadonlyArray<string>): Record<string, unknown> {
    const out: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) {
      const value = this.read()
      // A field of this name would set the prototype instead.
      if (names[i] === "__proto__") Object.defineProperty(out, names[i], { value, enumerable: true, writable: true })
      else out[names[i]] = value
    }
    return out
  }

  private bytes(): ArrayBufferView {
    const length = this.length()
    const name = viewNames[this.u8[this.at]]
    const copy = this.u8.slice(this.at + 1, this.at + 1 + length)
    this.at += 1 + length
    const make = views[name]
    return new make(copy.buffer as ArrayBuffer, 0, length / make.BYTES_PER_ELEMENT)
  }
}

const bigIntOf = (text: string): bigint => {
  const negative = text.startsWith("-")
  let value = 0n
  for (const digit of negative ? text.slice(1) : text) value = value * 36n + BigInt(parseInt(digit, 36))
  return negative ? -value : value
}
