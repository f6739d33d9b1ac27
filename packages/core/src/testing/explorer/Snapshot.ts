/**
 * Deep copies and canonical texts of a model thread's local state.
 *
 * Both keep sharing inside the state, and take the objects in `opaque` (the simulated memory, its
 * views and seam) for what they are: atoms.
 *
 * @since 0.1.0
 */

/** A deep copy that keeps prototypes. */
export const clone = <A>(value: A, opaque: ReadonlySet<unknown>): A => {
  const seen = new Map<unknown, unknown>()
  const copy = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || opaque.has(value)) return value
    const known = seen.get(value)
    if (known !== undefined) return known
    if (Array.isArray(value)) {
      const out: Array<unknown> = []
      seen.set(value, out)
      for (const item of value) out.push(copy(item))
      return out
    }
    if (value instanceof Map) {
      const out = new Map<unknown, unknown>()
      seen.set(value, out)
      for (const [k, v] of value) out.set(copy(k), copy(v))
      return out
    }
    if (value instanceof Set) {
      const out = new Set<unknown>()
      seen.set(value, out)
      for (const item of value) out.add(copy(item))
      return out
    }
    const out: Record<string, unknown> = Object.create(Object.getPrototypeOf(value))
    seen.set(value, out)
    for (const [k, v] of Object.entries(value)) out[k] = copy(v)
    return out
  }
  return copy(value) as A
}

/** A text that two states share exactly when no operation can tell them apart. */
export const textOf = (value: unknown, opaque: ReadonlySet<unknown>): string => {
  const seen = new Map<unknown, number>()
  const text = (value: unknown): string => {
    if (typeof value === "string") return JSON.stringify(value)
    if (typeof value === "function") return `f:${value.name}`
    if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value)
    if (opaque.has(value)) return "@"
    const known = seen.get(value)
    if (known !== undefined) return `#${known}`
    seen.set(value, seen.size)
    if (Array.isArray(value)) return `[${value.map(text).join(",")}]`
    if (value instanceof Map) return `M{${[...value].map(([k, v]) => `${text(k)}:${text(v)}`).join(",")}}`
    if (value instanceof Set) return `S{${[...value].map(text).join(",")}}`
    const name: unknown = value.constructor?.name
    return `${String(name)}{${Object.entries(value)
      .map(([k, v]) => `${k}:${text(v)}`)
      .join(",")}}`
  }
  return text(value)
}
