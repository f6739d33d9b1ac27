/**
 * Why a value could not be turned into bytes, or bytes into a value.
 *
 * Codecs throw it: they run inside loops that must not allocate an Effect per message. The channel
 * layer turns it into the tagged error of its operation.
 *
 * @since 0.1.0
 */

/**
 * @category errors
 * @since 0.1.0
 */
export class CodecError extends Error {
  override readonly name = "CodecError"
  /** Where in the value: `$.items[3].name`. */
  path: string
  readonly detail: string
  /** Byte offset in the memory, or -1 where no byte is to blame. */
  readonly offset: number

  constructor(path: string, detail: string, offset = -1, options?: ErrorOptions) {
    super(undefined, options)
    this.path = path
    this.detail = detail
    this.offset = offset
  }

  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

const show = (value: unknown): string => {
  if (typeof value === "string")
    return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}…` : JSON.stringify(value)
  if (typeof value === "bigint") return "a bigint"
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return String(value)
  return Object.prototype.toString.call(value)
}

/** Throws: `value` is not what the schema says. */
export const refuse = (path: string, expected: string, value: unknown): never => {
  throw new CodecError(path, `expected ${expected}, got ${show(value)}`)
}

/** Throws: the bytes at `offset` are not an encoding. */
export const corrupt = (path: string, detail: string, offset: number): never => {
  throw new CodecError(path, detail, offset)
}

/**
 * What to rethrow for an error thrown inside element `index` of the array at `path`: element
 * paths are relative, so that only a failure pays for building them.
 */
export const inside = (error: unknown, path: string, index: number): unknown => {
  if (error instanceof CodecError) error.path = `${path}[${index}]${error.path}`
  return error
}
