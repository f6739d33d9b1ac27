/**
 * The ways in which a program and the modules of its workers get from source to what Node.js runs.
 */
import { execFile } from "node:child_process"
import * as path from "node:path"
import { promisify } from "node:util"
import * as esbuild from "esbuild"
import { rolldown } from "rolldown"
import * as tsdown from "tsdown"

const program = path.join(import.meta.dirname, "program")
const main = path.join(program, "main.ts")
const worker = path.join(program, "Tally.worker.ts")
const tsc = path.join(import.meta.dirname, "../../../../node_modules/typescript/bin/tsc")

/** Makes `main` and `Tally.worker` in the folder `out`, and returns the path of `main`. */
export type Build = (out: string) => Promise<string>

const withEsbuild =
  (options: esbuild.BuildOptions): Build =>
  async (out) => {
    const { warnings } = await esbuild.build({
      entryPoints: [main, worker],
      outdir: out,
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "silent",
      ...options
    })
    if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("\n"))
    return path.join(out, "main.js")
  }

const withTsdown =
  (options: tsdown.InlineConfig): Build =>
  async (out) => {
    await tsdown.build({
      entry: [main, worker],
      outDir: out,
      platform: "node",
      dts: false,
      config: false,
      logLevel: "error",
      ...options
    })
    return path.join(out, "main.mjs")
  }

export const builds: Readonly<Record<string, Build>> = {
  "TypeScript source": async () => main,

  // File by file, as `tsc` compiles a program whose packages are compiled already.
  "output of tsc": async (out) => {
    const options = ["--module", "nodenext", "--target", "es2024", "--noResolve", "--noCheck", "--types", ""]
    const layout = ["--rewriteRelativeImportExtensions", "--rootDir", program, "--outDir", out]
    const files = ["main.ts", "Tally.ts", "Tally.worker.ts"].map((file) => path.join(program, file))
    await promisify(execFile)(process.execPath, [tsc, "--ignoreConfig", ...options, ...layout, ...files])
    return path.join(out, "main.js")
  },

  "bundles of esbuild": withEsbuild({}),
  "bundles of esbuild, minified": withEsbuild({ minify: true }),
  "bundles of esbuild that share chunks": withEsbuild({ splitting: true }),
  "bundles of esbuild, packages left out": withEsbuild({ packages: "external" }),

  "bundles of rolldown": async (out) => {
    const bundle = await rolldown({ input: [main, worker], platform: "node", logLevel: "silent" })
    await bundle.write({ dir: out, format: "esm" })
    await bundle.close()
    return path.join(out, "main.js")
  },

  // As a library that leaves its packages to whoever installs it, and as a program that is complete.
  "bundles of tsdown": withTsdown({}),
  "bundles of tsdown, complete": withTsdown({ deps: { alwaysBundle: /./ } })
}
