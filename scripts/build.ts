/**
 * Builds what is published: for each library a folder `dist/<name>`, to be packed as it stands.
 *
 * The workspace runs from source, and its exports name `src/*.ts`. Node.js does not strip types under
 * node_modules, so a published package holds JavaScript, and a manifest whose exports name that.
 * Only what an export reaches is compiled. Each library is compiled against the built ones before
 * it, as a user's program will be.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import * as path from "node:path"

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, string>>
  readonly sideEffects: false | ReadonlyArray<string>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

export const root = path.join(import.meta.dirname, "..")

/** In the order of imports. */
export const libraries: ReadonlyArray<string> = ["core", "platform"]

/** What Effect 4 needs. The workspace does not say so: it brings its own Node.js. */
const engines = { node: ">=22.19" }

export const readManifest = (library: string): Manifest =>
  JSON.parse(readFileSync(path.join(root, "packages", library, "package.json"), "utf8"))

const isSource = (file: string): boolean => file.endsWith(".ts")

const compiled = (source: string, extension: ".js" | ".d.ts"): string =>
  source.replace(/^\.\/src\//, "./dist/").replace(/\.ts$/, extension)

const workspaceOnly = ["private", "devDependencies"]

/** The manifest of the package that is made of a workspace. */
export const published = (manifest: Manifest) => ({
  ...Object.fromEntries(Object.entries(manifest).filter(([field]) => !workspaceOnly.includes(field))),
  engines,
  files: ["dist"],
  sideEffects: manifest.sideEffects && manifest.sideEffects.map((file) => compiled(file, ".js")),
  exports: Object.fromEntries(
    Object.entries(manifest.exports).map(([entry, file]) => [
      entry,
      isSource(file) ? { types: compiled(file, ".d.ts"), default: compiled(file, ".js") } : file
    ])
  )
})

const stage = (library: string, dist: string): string => {
  const manifest = readManifest(library)
  const from = path.join(root, "packages", library)
  const folder = path.join(dist, library)
  const write = (file: string, value: unknown) =>
    writeFileSync(path.join(folder, file), `${JSON.stringify(value, null, 2)}\n`)

  cpSync(path.join(from, "src"), path.join(folder, "src"), { recursive: true })
  cpSync(path.join(from, "README.md"), path.join(folder, "README.md"))
  cpSync(path.join(root, "LICENSE"), path.join(folder, "LICENSE"))
  write("package.json", published(manifest))
  write("tsconfig.json", {
    extends: path.join(root, "tsconfig.build.json"),
    files: Object.values(manifest.exports).filter(isSource)
  })
  const tsc = path.join(root, "node_modules/typescript/bin/tsc")
  execFileSync(process.execPath, [tsc, "-p", folder], { stdio: "inherit" })

  const link = path.join(dist, "node_modules", manifest.name)
  mkdirSync(path.dirname(link), { recursive: true })
  symlinkSync(folder, link, "junction")
  return folder
}

/** Builds the libraries anew, and gives back their folders. */
export const build = (): ReadonlyArray<string> => {
  const dist = path.join(root, "dist")
  rmSync(dist, { recursive: true, force: true })
  return libraries.map((library) => stage(library, dist))
}

if (import.meta.main) {
  for (const folder of build()) console.log(path.relative(root, folder))
}
