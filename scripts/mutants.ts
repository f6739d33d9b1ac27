/**
 * Shows that the models of `ring/` see what they must: changes every atomic operation of the sources
 * in every way that `mutations.ts` knows, and runs the models until one fails. A mutant that passes
 * them all is in the table of those that change nothing, with the reason, or the script fails.
 *
 * `npm run test:mutants [part of a file's name]`
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { isMainThread, parentPort, Worker } from "node:worker_threads"
import { explore } from "../packages/core/src/testing/index.ts"
import { judgesOf } from "../packages/core/test/ring/judges.ts"
import { load } from "../packages/core/test/ring/models.ts"
import { type Mutant, mutantsOf } from "../packages/core/test/ring/mutations.ts"
import { equivalents } from "./mutants.equivalents.ts"

const ringFolder = new URL("../packages/core/src/ring/", import.meta.url)
/** The seam itself. */
const unmodelled = ["atomics.ts"]
/** A model takes seconds; a mutant that runs longer does not end. */
const limitMillis = 90_000

interface Verdict {
  /** The model that failed, and how; undefined if all passed. */
  readonly by: string | undefined
}

interface Task {
  readonly mutant: Mutant
  /** The sources as they were when the script began. */
  readonly base: string
}

const tryMutant = async ({ base, mutant }: Task): Promise<Verdict> => {
  const root = mkdtempSync(join(tmpdir(), "ring-mutant-"))
  const folder = join(root, "ring")
  try {
    cpSync(base, folder, { recursive: true })
    writeFileSync(join(folder, mutant.file), mutant.text)
    const ring = await load(pathToFileURL(folder + "/"))
    for (const { name, options, program } of judgesOf(mutant.file)) {
      try {
        const { failure } = explore(program(ring), options)
        if (failure !== undefined) return { by: `${name}: ${failure.message}` }
      } catch (error) {
        return { by: `${name}: could not begin: ${String(error)}` }
      }
    }
    return { by: undefined }
  } catch (error) {
    return { by: `does not load: ${String(error)}` }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

if (!isMainThread) {
  parentPort!.on("message", async (task: Task) => parentPort!.postMessage(await tryMutant(task)))
} else {
  const only = process.argv[2] ?? ""
  const base = mkdtempSync(join(tmpdir(), "ring-"))
  cpSync(ringFolder, base, { recursive: true })
  const mutants = readdirSync(base)
    .filter((file) => file.endsWith(".ts") && file.includes(only) && !unmodelled.includes(file))
    .flatMap((file) => mutantsOf(file, readFileSync(join(base, file), "utf8")))
  const verdicts: Array<Verdict> = []
  let next = 0
  const lane = async (): Promise<void> => {
    let worker = new Worker(new URL(import.meta.url))
    while (next < mutants.length) {
      const index = next++
      const verdict = await new Promise<Verdict>((resolve) => {
        const timer = setTimeout(() => settle({ by: `does not end within ${limitMillis / 1000} s` }), limitMillis)
        const settle = (verdict: Verdict) => {
          clearTimeout(timer)
          worker.off("message", settle).off("error", fail)
          resolve(verdict)
        }
        const fail = (error: unknown) => settle({ by: `the thread died: ${String(error)}` })
        worker.on("message", settle).on("error", fail)
        worker.postMessage({ base, mutant: mutants[index] } satisfies Task)
      })
      verdicts[index] = verdict
      if (verdict.by !== undefined && /^(does not end|the thread)/.test(verdict.by)) {
        await worker.terminate()
        worker = new Worker(new URL(import.meta.url))
      }
    }
    await worker.terminate()
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(availableParallelism(), 8)) }, lane))

  rmSync(base, { recursive: true, force: true })

  const unused = new Set(equivalents)
  let unexpected = 0
  mutants.forEach((mutant, index) => {
    const { by } = verdicts[index]
    const known = equivalents.find(
      ({ change, file, source }) => file === mutant.file && source === mutant.source && change === mutant.change
    )
    if (by === undefined && known === undefined) unexpected++
    if (by === undefined && known !== undefined) unused.delete(known)
    const outcome = by ?? (known === undefined ? "SURVIVED" : `changes nothing: ${known.reason}`)
    console.log(`${mutant.file}:${mutant.line}  ${mutant.change}  ${mutant.source}\n    ${outcome}`)
  })
  const survived = verdicts.filter(({ by }) => by === undefined).length
  console.log(
    `\n${mutants.length} mutants, ${mutants.length - survived} caught, ${survived - unexpected} change nothing, ${unexpected} survived unexpectedly`
  )
  if (only === "")
    for (const { change, file, source } of unused) console.log(`no longer a survivor: ${file}  ${change}  ${source}`)
  process.exitCode = unexpected === 0 && (only !== "" || unused.size === 0) ? 0 : 1
}
