/**
 * Where the files of imported modules are, shared by threads that import the same module: the first
 * that has imported it writes down what each import resolved to, and those that start later do not
 * look for the files again. With V8's compile cache that is about half of what is left of the time
 * in which a thread that loads Effect starts.
 *
 * Only `import`s without attributes, until the module has been imported. Sources are read anew by
 * each thread, and what is not written down is looked for as ever.
 *
 * @since 0.1.0
 */

/** Bytes that may be written; one that has more to tell does without. */
const maxBytes = 4_194_304

/**
 * What threads of one module share: `[state, length]` as 32-bit integers, then JSON as UTF-8.
 * State 0: nobody has written, 1: somebody does, 2: it is there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): SharedArrayBuffer => new SharedArrayBuffer(8, { maxByteLength: 8 + maxBytes })

const known = new Map<string, SharedArrayBuffer>()

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
 * What a thread evaluates first; its `workerData` is `{ module: string, resolutions: SharedArrayBuffer | undefined }`.
 * Inline, so that there is no file that a bundler would have to find. The compile cache can only be
 * turned on before the module is imported.
 *
 * @category constants
 * @since 0.1.0
 */
export const bootstrap = `
const { module, resolutions } = require("node:worker_threads").workerData
const { enableCompileCache, registerHooks } = require("node:module")
enableCompileCache?.()
if (resolutions === undefined) import(module)
else {
  const words = new Int32Array(resolutions, 0, 2)
  const known = Atomics.load(words, 0) === 2
  const found = known
    ? JSON.parse(Buffer.from(new Uint8Array(resolutions, 8, words[1])).toString())
    : Object.create(null)
  const hooks = registerHooks({
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
  })
  import(module).then(() => {
    hooks.deregister()
    if (known || Atomics.compareExchange(words, 0, 0, 1) !== 0) return
    const bytes = new TextEncoder().encode(JSON.stringify(found))
    if (bytes.length > resolutions.maxByteLength - 8) return
    resolutions.grow(8 + bytes.length)
    new Uint8Array(resolutions, 8).set(bytes)
    words[1] = bytes.length
    Atomics.store(words, 0, 2)
  })
}`
