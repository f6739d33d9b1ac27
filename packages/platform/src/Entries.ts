/**
 * Which module implements which contract.
 *
 * @since 0.1.0
 */
import { statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { InvalidConfig } from "@shared-nothing/core/Errors"
import * as Effect from "effect/Effect"

/**
 * A contract and the module that implements it: `new URL("./Tally.worker.ts", import.meta.url)`.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = readonly [contract: { readonly workerName: string }, module: URL]

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/**
 * Compilers and bundlers leave the URLs of other modules as they were written. What became of a
 * TypeScript module is beside its place: `tsc` keeps the kind of its name, bundlers choose one.
 */
const candidates = (module: URL): ReadonlyArray<URL> => {
  const [, stem, kind] = /^(.*)\.(m|c)?ts$/.exec(module.href) ?? []
  if (stem === undefined) return [module]
  return [module.href, `${stem}.${kind ?? ""}js`, `${stem}.mjs`, `${stem}.js`].map((href) => new URL(href))
}

/**
 * The file of a module: a `.ts` that is not there may be a `.js` or `.mjs` beside it, compiled. Undefined
 * if there is neither.
 *
 * @category accessors
 * @since 0.1.0
 */
export const fileOf = (module: URL): URL | undefined =>
  module.protocol !== "file:" ? module : candidates(module).find((url) => isFile(fileURLToPath(url)))

/**
 * Finds the file of each module: a `.ts` that is not there may be a `.js` or `.mjs` beside it, compiled.
 * Fails with `InvalidConfig` if there is neither, naming the path. `where` is the name of the layer.
 *
 * @category accessors
 * @since 0.1.0
 */
export const resolve = (
  where: string,
  entries: ReadonlyArray<Entry>
): Effect.Effect<ReadonlyArray<Entry>, InvalidConfig> =>
  Effect.forEach(entries, ([contract, module]): Effect.Effect<Entry, InvalidConfig> => {
    const found = fileOf(module)
    return found === undefined
      ? Effect.fail(
          new InvalidConfig({
            option: `${where}.${contract.workerName}`,
            value: fileURLToPath(module),
            allowed: "the module of the worker; there is no file of that name"
          })
        )
      : Effect.succeed([contract, found])
  })

/**
 * The module of a contract. Fails with `InvalidConfig` if it is not among the entries.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (
  where: string,
  entries: ReadonlyArray<Entry>,
  contract: { readonly workerName: string }
): Effect.Effect<URL, InvalidConfig> => {
  const entry = entries.find(([known]) => known.workerName === contract.workerName)
  return entry === undefined
    ? Effect.fail(
        new InvalidConfig({
          option: where,
          value: contract.workerName,
          allowed: `one of ${entries.map(([known]) => known.workerName).join(", ") || "(no worker was given)"}`
        })
      )
    : Effect.succeed(entry[1])
}
