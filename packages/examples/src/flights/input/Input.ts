/**
 * A file of flights, opened: cut into tasks that threads read independently.
 *
 * The module for CSV or parquet is loaded when a file is of that kind.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { InputError } from "../InputError.ts"
import type { By } from "../Job.ts"
import { Names, type Part } from "./Columns.ts"
import { type InputFile, open as openFile, readRange } from "./files.ts"
import type { Task } from "./Task.ts"

export interface Reader {
  /** The names that the ids in the columns stand for; grows while tasks are read. */
  readonly names: Names
  readonly read: (task: Task) => Effect.Effect<Part, InputError>
}

const csv = Effect.promise(() => import("./csv.ts"))
const parquet = Effect.promise(() => import("./parquet.ts"))

/** Whether the file starts as parquet does, with "PAR1". */
const isParquet = (file: InputFile): Effect.Effect<boolean, InputError> =>
  Effect.map(readRange(file, 0, Math.min(file.size, 4)), (bytes) => new TextDecoder("latin1").decode(bytes) === "PAR1")

/** Checks the file and cuts it into tasks, in the order of its rows. */
export const plan = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<ReadonlyArray<Task>, InputError, Scope.Scope> {
  const file = yield* openFile(name)
  if (yield* isParquet(file)) {
    const { metadataOf, plan } = yield* parquet
    return plan(yield* metadataOf(file))
  }
  if (name.endsWith(".parquet")) return yield* new InputError({ file: name, detail: "not a parquet file" })
  return yield* (yield* csv).plan(file)
})

/** Opens the file for reading tasks; open until the scope closes. */
export const open = Effect.fnUntraced(function* (
  name: string,
  by: By
): Effect.fn.Return<Reader, InputError, Scope.Scope> {
  const file = yield* openFile(name)
  const names = new Names()
  const changed = Effect.fail(new InputError({ file: name, detail: "changed while it was read" }))
  if (yield* isParquet(file)) {
    const { metadataOf, read } = yield* parquet
    const metadata = yield* metadataOf(file)
    return { names, read: (task) => (task._tag === "CsvRange" ? changed : read(file, metadata, task, by, names)) }
  }
  const { read } = yield* csv
  return { names, read: (task) => (task._tag === "CsvRange" ? read(file, task, names) : changed) }
})
