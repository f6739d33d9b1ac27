import * as Equal from "effect/Equal"
import type { Codec } from "../../src/codec/Codec.ts"
import { ByteMemory } from "../../src/ring/ByteMemory.ts"

const guardBytes = 64

/** Deep equality that tells `-0` from `0` and an absent key from `undefined`, by prototype only for classes. */
export const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (a instanceof Date || a instanceof Uint8Array) {
    return a.constructor === b.constructor && String(Number(a)) === String(Number(b)) && String(a) === String(b)
  }
  const plain = (value: object): boolean => [null, Object.prototype].includes(Object.getPrototypeOf(value))
  if (plain(a) !== plain(b)) return false
  if (!plain(a) && !Array.isArray(a)) {
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
    if (Object.hasOwn(a, "_id") || Equal.isEqual(a)) if (Equal.equals(a, b)) return true
  }
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && same(Reflect.get(a, key), Reflect.get(b, key)))
}

/** Writes into shared memory between guards, reads back, and throws if a guard was touched or the value changed. */
export const roundTrip = <A>(codec: Codec<A>, value: A): void => {
  const bound = codec.bound(value)
  const memory = new ByteMemory(new SharedArrayBuffer((bound + 7 + 2 * guardBytes) & ~7))
  memory.u8.fill(0xa5)
  const end = codec.write(memory, guardBytes, value)
  const bytes = end - guardBytes
  if (bytes > bound) throw new Error(`wrote ${bytes} bytes, at most ${bound} were announced`)
  if (codec.fixedSize !== undefined && codec.fixedSize !== bytes)
    throw new Error(`wrote ${bytes} bytes of ${codec.fixedSize}`)
  const touched = memory.u8.findIndex((byte, i) => (i < guardBytes || i >= guardBytes + bound) && byte !== 0xa5)
  if (touched >= 0) throw new Error(`guard ${touched - guardBytes} was overwritten`)
  const back = codec.read(memory, guardBytes, end)
  if (!same(back, value))
    throw new Error(`gave back ${JSON.stringify(back, (_, x) => (typeof x === "bigint" ? `${x}n` : x))}`)
}
