/**
 * Checks that imports follow the arrows of `docs/architecture.md`: between packages, between the
 * folders of core, and without a cycle between files. Type imports count like any other.
 *
 * dependency-cruiser 18 reads TypeScript through the compiler's JavaScript API, which TypeScript 7
 * no longer has, and oxlint knows cycles but no table of who may import whom. So the table is ours, and
 * the parser is the one that Vitest brings along: rolldown's, which reads TypeScript itself and shows type
 * imports, re-exports, `import()`, `import("…")` types and identifiers in one visit.
 */
import { globSync, readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import * as path from "node:path"
import { parseSync, Visitor } from "rolldown/utils"

export interface SourceFile {
  /** Relative to the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
}

export interface Violation {
  readonly path: string
  readonly line: number
  readonly rule: string
  readonly detail: string
}

/** What each folder of core may import besides itself. */
const arrows: Record<string, ReadonlyArray<string>> = { errors: [], partition: ["errors"] }
const chain = ["errors", "ring", "codec", "channel", "worker", "supervision", "pool", "pipeline"]
for (const [rank, folder] of chain.entries()) arrows[folder] = chain.slice(0, rank)
// Placement is a pool's business and that of whoever stands on workers.
for (const folder of chain.slice(chain.indexOf("worker"))) arrows[folder] = [...arrows[folder], "partition"]
arrows.testing = Object.keys(arrows)

const scope = "@shared-nothing/"
const packages: Record<string, ReadonlyArray<string>> = {
  core: [],
  platform: ["core"],
  examples: ["core", "platform"]
}

interface Place {
  readonly pkg: string
  /** `src`, `test` or `bench`. */
  readonly area: string
  /** First folder below `src`; empty for the files beside it. */
  readonly folder: string
}

const placeOf = (file: string): Place | undefined => {
  const match = /^packages\/([^/]+)\/(src|test|bench)\/(?:([^/]+)\/)?/.exec(file)
  return match === null ? undefined : { pkg: match[1], area: match[2], folder: match[3] ?? "" }
}

interface Import {
  readonly specifier: string
  readonly at: number
}

const read = (
  file: SourceFile
): { readonly imports: ReadonlyArray<Import>; readonly atomics: ReadonlyArray<number> } => {
  const { errors, program } = parseSync(file.path, file.text)
  if (errors.length > 0) throw new Error(`${file.path}: ${errors[0].message}`)
  const imports: Array<Import> = []
  const atomics: Array<number> = []
  const add = (node: {
    readonly source: { readonly type: string; readonly value?: unknown } | null
    start: number
  }) => {
    if (typeof node.source?.value === "string") imports.push({ specifier: node.source.value, at: node.start })
  }
  new Visitor({
    ImportDeclaration: add,
    ExportNamedDeclaration: add,
    ExportAllDeclaration: add,
    ImportExpression: add,
    TSImportType: add,
    Identifier: (node) => {
      if (node.name === "Atomics") atomics.push(node.start)
    }
  }).visit(program)
  return { imports, atomics }
}

type Broken = readonly [rule: string, detail: string] | undefined

/** The rule that an import breaks, if any. `target` is the file that a relative import names. */
const judge = (from: Place, specifier: string, target: string | undefined): Broken => {
  if (target !== undefined) return judgeFile(from, placeOf(target))
  if (specifier.startsWith(scope)) return judgePackage(from, specifier.slice(scope.length).split("/"))
  return from.area === "src" && from.pkg !== "examples" ? judgeDependency(from, specifier) : undefined
}

const judgeFile = (from: Place, to: Place | undefined): Broken => {
  if (to?.pkg !== from.pkg) return ["package-border", "another package is imported by its name"]
  if (from.area !== "src") return undefined
  if (to.area !== "src") return ["source-only", `src/ does not import ${to.area}/`]
  return from.pkg === "core" ? judgeFolder(from.folder, to.folder) : undefined
}

const judgeFolder = (from: string, to: string): Broken => {
  if (from === "" || from === to) return undefined
  if (to === "") return ["folder-arrows", `${from}/ does not import the package's public files`]
  if (to === "testing") return ["testing", "only tests import testing/"]
  if (arrows[from] === undefined) return ["folder-arrows", `${from}/ has no place in the arrows: give it one`]
  return arrows[from].includes(to) ? undefined : ["folder-arrows", `${from}/ does not import ${to}/`]
}

const judgePackage = (from: Place, [pkg, folder]: ReadonlyArray<string>): Broken => {
  const inSource = from.area === "src"
  if (pkg === from.pkg) return inSource ? ["package-border", "a package imports its own files by path"] : undefined
  if (!packages[from.pkg]?.includes(pkg)) return ["package-arrows", `${from.pkg} does not import ${pkg}`]
  return inSource && folder === "testing" ? ["testing", "only tests import core's testing"] : undefined
}

const judgeDependency = (from: Place, specifier: string): Broken => {
  if (/^(effect|@effect\/[^/]+)$/.test(specifier)) return ["deep-imports", "name the module, not the barrel"]
  if (from.pkg !== "core" || specifier.startsWith("effect/")) return undefined
  return ["core-is-portable", isBuiltin(specifier) ? "core has no Node modules" : "core depends on effect alone"]
}

/** A cycle for each import that closes one, as the files along it. */
const cyclesOf = (graph: ReadonlyMap<string, ReadonlyArray<string>>): ReadonlyArray<ReadonlyArray<string>> => {
  const cycles: Array<ReadonlyArray<string>> = []
  const done = new Set<string>()
  const trail: Array<string> = []
  const visit = (file: string): void => {
    if (done.has(file)) return
    const at = trail.indexOf(file)
    if (at >= 0) {
      cycles.push(trail.slice(at))
      return
    }
    trail.push(file)
    for (const next of graph.get(file) ?? []) visit(next)
    trail.pop()
    done.add(file)
  }
  for (const file of graph.keys()) visit(file)
  return cycles
}

/** Every import of `files` against an arrow, then one violation for each cycle. */
export const check = (files: Iterable<SourceFile>): ReadonlyArray<Violation> => {
  const violations: Array<Violation> = []
  const graph = new Map<string, Array<string>>()
  for (const file of files) {
    const from = placeOf(file.path)
    if (from === undefined) continue
    const report = (at: number, rule: string, detail: string): void => {
      violations.push({ path: file.path, line: file.text.slice(0, at).split("\n").length, rule, detail })
    }
    const { atomics, imports } = read(file)
    const edges: Array<string> = []
    graph.set(file.path, edges)
    for (const { at, specifier } of imports) {
      const target = specifier.startsWith(".") ? path.posix.join(path.posix.dirname(file.path), specifier) : undefined
      if (target !== undefined) edges.push(target)
      const broken = judge(from, specifier, target)
      if (broken !== undefined) report(at, broken[0], `${JSON.stringify(specifier)}: ${broken[1]}`)
    }
    if (from.area === "src" && !(from.pkg === "core" && from.folder === "ring")) {
      for (const at of atomics) report(at, "atomics", "only core's ring/ touches Atomics")
    }
  }
  for (const cycle of cyclesOf(graph)) {
    violations.push({ path: cycle[0], line: 1, rule: "cycle", detail: [...cycle, cycle[0]].join(" → ") })
  }
  return violations
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, "..")
  const files = globSync("packages/*/{src,test,bench}/**/*.ts", { cwd: root })
    .map((file) => file.replaceAll(path.sep, "/"))
    .sort()
    .map((file) => ({ path: file, text: readFileSync(path.join(root, file), "utf8") }))
  const violations = check(files)
  for (const { detail, line, path: file, rule } of violations) console.error(`${file}:${line} ${rule}: ${detail}`)
  console.error(`${files.length} files, ${violations.length} imports against the arrows`)
  process.exitCode = violations.length === 0 && files.length > 0 ? 0 : 1
}
