/**
 * Keeps the rows that could not be used, in `FILE.rejected.ndjson`.
 *
 * Parts of the file are read in any order, but the number of a row depends on all parts before it:
 * a part waits here until those are known. The file of an earlier run goes at once, and a new one is
 * made when the first row needs it: where there is a file, it is of the last run.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { fromCause } from "../InputError.ts"
import type { PartReport } from "../pipeline/Messages.ts"

export interface RejectedRow {
  readonly row: number
  readonly line?: number
  readonly column: string
  readonly reason: string
  readonly raw: unknown
}

export interface RejectedFile {
  readonly path: string
  readonly count: () => number
  readonly first: () => RejectedRow | undefined
  /** Why the file could not be written, or that of an earlier run not be removed, if so. */
  readonly failure: () => string | undefined
  readonly add: (report: PartReport) => Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* (input: string) {
  const fs = yield* FileSystem.FileSystem
  const scope = yield* Effect.scope
  const mutex = yield* Semaphore.make(1)
  const path = `${input}.rejected.ndjson`
  const waiting = new Map<number, PartReport>()
  const encoder = new TextEncoder()
  let next = 0
  let rows = 0
  let lines = 1
  let count = 0
  let first: RejectedRow | undefined
  let failure: string | undefined
  let file: FileSystem.File | undefined

  const orFailure = Effect.catch((error: PlatformError) =>
    Effect.sync(() => {
      failure = fromCause(path)(error.reason.cause ?? error).detail
    })
  )

  yield* orFailure(fs.remove(path, { force: true }))

  const write = Effect.fnUntraced(function* (text: string) {
    file ??= yield* fs.open(path, { flag: "w" }).pipe(Effect.provideService(Scope.Scope, scope))
    yield* file.writeAll(encoder.encode(text))
  })

  const flush = Effect.gen(function* () {
    for (let report = waiting.get(next); report !== undefined; report = waiting.get(next)) {
      waiting.delete(next++)
      let text = ""
      for (const { column, line, raw, reason, row } of report.rejected) {
        const kept: RejectedRow = {
          row: rows + row,
          ...(line > 0 ? { line: lines + line } : {}),
          column,
          reason,
          raw
        }
        first ??= kept
        count++
        text += JSON.stringify(kept) + "\n"
      }
      rows += report.rows
      lines += report.lines
      if (text === "" || failure !== undefined) continue
      yield* orFailure(write(text))
    }
  })

  const rejected: RejectedFile = {
    path,
    count: () => count,
    first: () => first,
    failure: () => failure,
    add: (report) =>
      mutex.withPermit(
        Effect.suspend(() => {
          waiting.set(report.task, report)
          return flush
        })
      )
  }
  return rejected
})
