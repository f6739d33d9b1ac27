/**
 * Where the files of imported modules are, shared by threads that import the same module, and by processes: the first
 * that has imported it writes down what each import resolved to, and those that start later do not
 * look for the files again. With V8's compile cache that is about half of what is left of the time
 * in which one that loads Effect starts.
 *
 * Only `import`s without attributes, until the module has been imported. Sources are read anew by
 * each, and what is not written down is looked for as ever. A process reads what there is from a file that it inherits,
 * and tells its parent what it found.
 *
 * @since 0.1.0
 */
import type { WorkerConfig } from "@shared-nothing/core/WorkerConfig"
import * as NamelessFile from "./NamelessFile.ts"

/** Bytes that may be written; one that has more to tell does without. */
const maxBytes = 4_194_304

/** Of the state and the length. */
const headBytes = 8

/**
 * What threads of one module share: `[state, length]` as 32-bit integers, then JSON as UTF-8.
 * State 0: nobody has written, 1: somebody does, 2: it is there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): SharedArrayBuffer => new SharedArrayBuffer(headBytes, { maxByteLength: headBytes + maxBytes })

const known = new Map<string, SharedArrayBuffer>()

/**
 * Whether what runs so finds the files that others find: with options or an environment of its own, it may find others.
 *
 * @category accessors
 * @since 0.1.0
 */
export const isShared = ({ args, env, execArgv }: WorkerConfig): boolean =>
  args === undefined && env === undefined && execArgv === undefined

/** Files with what is known of modules, by their names. */
const files = new Map<string, number>()

/**
 * The descriptor of a file with what processes have found of a module, as JSON, to be handed to the next; undefined if
 * none has told.
 *
 * @category accessors
 * @since 0.1.0
 */
export const fileOf = (module: URL): number | undefined => files.get(module.href)

/**
 * Keeps what a process has found, unless another did before.
 *
 * @category runners
 * @since 0.1.0
 */
export const write = (module: URL, found: string): void => {
  const bytes = new TextEncoder().encode(found)
  if (bytes.length > maxBytes || files.has(module.href)) return
  try {
    files.set(module.href, NamelessFile.make(bytes))
  } catch {
    // Without, they start later.
  }
}

/**
 * What threads of a module share, for as long as the process lives.
 *
 * @category accessors
 * @since 0.1.0
 */
export const of = (module: URL): SharedArrayBuffer => {
  let resolutions = known.get(module.href)
  if (resolutions === undefined) known.set(module.href, (resolutions = make()))
  return resolutions
}

/**
 * JavaScript of a function that has imports resolved as `found` says, or writes down there what they resolve to. It returns
 * what ends that. Inline, so that there is no file that a bundler would have to find.
 *
 * @category constants
 * @since 0.1.0
 */
export const resolving = `(found, known) => require("node:module").registerHooks({
  resolve(specifier, context, next) {
    const { conditions, importAttributes, parentURL } = context
    if (!conditions.includes("import") || Object.keys(importAttributes ?? {}).length > 0) return next(specifier, context)
    const parent = String(parentURL)
    if (known) {
      const of = Object.hasOwn(found, parent) && Object.hasOwn(found[parent], specifier) ? found[parent][specifier] : undefined
      return of === undefined ? next(specifier, context) : { url: of[0], format: of[1] ?? undefined, shortCircuit: true }
    }
    const resolved = next(specifier, context)
    ;(found[parent] ??= Object.create(null))[specifier] = [resolved.url, resolved.format]
    return resolved
  }
})`

/**
 * What a thread evaluates first; its `workerData` is `{ module: string, resolutions: SharedArrayBuffer | undefined }`.
 * The compile cache can only be turned on before the module is imported.
 *
 * @category constants
 * @since 0.1.0
 */
export const bootstrap = `
const { module, resolutions } = require("node:worker_threads").workerData
require("node:module").enableCompileCache?.()
if (resolutions === undefined) import(module)
else {
  const words = new Int32Array(resolutions, 0, 2)
  const known = Atomics.load(words, 0) === 2
  const found = known
    ? JSON.parse(Buffer.from(new Uint8Array(resolutions, ${headBytes}, words[1])).toString())
    : Object.create(null)
  const hooks = (${resolving})(found, known)
  import(module).then(() => {
    hooks.deregister()
    if (known || Atomics.compareExchange(words, 0, 0, 1) !== 0) return
    const bytes = new TextEncoder().encode(JSON.stringify(found))
    if (bytes.length > resolutions.maxByteLength - ${headBytes}) return
    resolutions.grow(${headBytes} + bytes.length)
    new Uint8Array(resolutions, ${headBytes}).set(bytes)
    words[1] = bytes.length
    Atomics.store(words, 0, 2)
  })
}`
