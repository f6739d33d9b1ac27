/**
 * Tries the packages as their users get them: builds and packs them, installs the tarballs in an empty
 * folder with Effect from the registry, type-checks programs against them under the module
 * resolutions `nodenext` and `bundler`, compiles them, and runs them on every Node.js they support.
 *
 * The programs are the one in the README, one with payloads that travel beside the lanes, and one
 * that imports every module.
 *
 * The folder is outside the repository, so that nothing resolves to the workspace.
 */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { build, libraries, type Manifest, readManifest, root } from "./build.ts"

const exec = promisify(execFile)

/** The oldest that Effect 4 takes, and the newest of each line after it. */
const nodes = ["22.19.0", "24", "26"]

const payloads = path.join(root, "packages/platform/test/entries/program")

const home = mkdtempSync(path.join(tmpdir(), "shared-nothing-packed-"))

const write = (file: string, content: unknown): void => {
  const target = path.join(home, file)
  mkdirSync(path.dirname(target), { recursive: true })
  writeFileSync(target, typeof content === "string" ? content : JSON.stringify(content, null, 2))
}

const npm = (...args: ReadonlyArray<string>) => exec("npm", args, { cwd: home })

/** Runs a command, and throws what it wrote if it fails. */
const passes = async (command: string, args: ReadonlyArray<string>): Promise<string> => {
  const { stderr, stdout } = await exec(command, args, { cwd: home, timeout: 60_000 }).catch((failure) => {
    throw new Error(`${[command, ...args].join(" ")}: ${failure.message}\n${failure.stdout}${failure.stderr}`)
  })
  if (stderr !== "") throw new Error(`${[command, ...args].join(" ")} complained: ${stderr}`)
  return stdout
}

/** Does the work, and prints how long it took. */
const step = async <A>(name: string, work: () => Promise<A>): Promise<A> => {
  const started = performance.now()
  const result = await work()
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${name}`)
  return result
}

/** Waits for all of them, also when one fails: the folder they work in is removed then. */
const together = async <A>(works: ReadonlyArray<Promise<A>>): Promise<ReadonlyArray<A>> => {
  await Promise.allSettled(works)
  return Promise.all(works)
}

const modulesOf = ({ exports, name }: Manifest): ReadonlyArray<string> =>
  Object.keys(exports)
    .filter((entry) => entry !== "./package.json")
    .map((entry) => path.posix.join(name, entry))

/** Imports every module that the packages export, and prints how many. */
const everyModule = (modules: ReadonlyArray<string>): string =>
  [
    ...modules.map((module, i) => `import * as m${i} from "${module}"`),
    `console.log([${modules.map((_, i) => `m${i}`).join(", ")}].filter((module) => typeof module === "object").length)`
  ].join("\n")

const readmeBlocks = (): ReadonlyMap<string, string> =>
  new Map(
    Array.from(
      readFileSync(path.join(root, "README.md"), "utf8").matchAll(/^```\w+ title="([^"]+)"\n(.*?)^```$/gms),
      ([, title, text]) => [title, text]
    )
  )

const tsconfig = (compilerOptions: Readonly<Record<string, unknown>>) => ({
  // Declarations are checked too: no `skipLibCheck`. Those of Effect want the default `lib`, with the DOM.
  compilerOptions: { target: "ES2024", types: ["node"], strict: true, ...compilerOptions },
  include: ["src"]
})

const install = async (): Promise<void> => {
  const folders = build()
  await npm("pack", "--silent", "--pack-destination", home, ...folders)
  const [core, platform] = libraries.map(readManifest)
  const pinned = { ...core.devDependencies, ...platform.devDependencies }
  const tools: Manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))
  const tarball = ({ name, version }: Manifest) => `file:${name.replace("@", "").replace("/", "-")}-${version}.tgz`
  write("package.json", {
    private: true,
    type: "module",
    dependencies: {
      [core.name]: tarball(core),
      [platform.name]: tarball(platform),
      effect: pinned.effect,
      "@effect/platform-node": pinned["@effect/platform-node"],
      "@types/node": tools.devDependencies?.["@types/node"],
      typescript: tools.devDependencies?.typescript
    }
  })
  await npm("install", "--no-audit", "--no-fund")
}

/** Writes the programs, and gives back what each compiled one must print. */
const writePrograms = (): ReadonlyMap<string, string> => {
  const blocks = readmeBlocks()
  for (const [title, text] of blocks) {
    // No compiler rewrites the URL of a worker's module: a program that is compiled names the JavaScript.
    if (title !== "output") write(`src/${title}`, text.replaceAll(".worker.ts", ".worker.js"))
  }
  cpSync(payloads, path.join(home, "src/payloads"), { recursive: true })
  const modules = libraries.map(readManifest).flatMap(modulesOf)
  write("src/every.ts", everyModule(modules))
  write(
    "bundler.json",
    tsconfig({ module: "ESNext", moduleResolution: "bundler", allowImportingTsExtensions: true, noEmit: true })
  )
  write(
    "nodenext.json",
    tsconfig({ module: "NodeNext", rewriteRelativeImportExtensions: true, rootDir: "src", outDir: "out" })
  )
  return new Map([
    ["out/main.js", blocks.get("output") ?? "(the README shows no output)"],
    ["out/payloads/main.js", readFileSync(path.join(payloads, "output.txt"), "utf8")],
    ["out/every.js", `${modules.length}\n`]
  ])
}

interface Runtime {
  readonly node: string
  readonly version: string
}

const fetchNode = async (wanted: string): Promise<Runtime> => {
  const folder = `node-${wanted}`
  write(`${folder}/package.json`, { private: true, allowScripts: { node: true } })
  await npm("install", "--no-audit", "--no-fund", "--prefix", folder, `node@${wanted}`)
  const node = path.join(home, folder, "node_modules/node/bin/node")
  const version = (await passes(node, ["--version"])).trim()
  if (!`${version}.`.startsWith(`v${wanted}.`)) throw new Error(`Node.js ${wanted} was asked for, and ${version} came`)
  return { node, version }
}

const runOn = async ({ node, version }: Runtime, expected: ReadonlyMap<string, string>): Promise<void> => {
  for (const [file, output] of expected) {
    const printed = await passes(node, [file])
    if (printed !== output) throw new Error(`${file} on Node.js ${version} printed\n${printed}\nand not\n${output}`)
  }
}

/** What waits for the registry goes on beside what computes. */
const prepare = async (): Promise<ReadonlyArray<Runtime>> => {
  const fetched = nodes.map((wanted) => step(`fetch Node.js ${wanted}`, () => fetchNode(wanted)))
  await together<unknown>([step("build, pack and install", install), ...fetched])
  return Promise.all(fetched)
}

try {
  const runtimes = await prepare()
  const expected = writePrograms()
  const tsc = path.join(home, "node_modules/typescript/bin/tsc")
  for (const resolution of ["bundler", "nodenext"]) {
    await step(`type-check under ${resolution}`, () => passes(process.execPath, [tsc, "-p", `${resolution}.json`]))
  }
  await together(runtimes.map((runtime) => step(`run on Node.js ${runtime.version}`, () => runOn(runtime, expected))))
} finally {
  rmSync(home, { recursive: true, force: true })
}
