/**
 * A file of flights, opened: cut into tasks that threads read independently.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { InputError } from "../InputError.ts"
import type { By } from "../Job.ts"
import { Names, type Part } from "./Columns.ts"
import * as Csv from "./csv.ts"
import { orInputError } from "./files.ts"
import * as Parquet from "./parquet.ts"

/** A part of the file; parts do not overlap and, in order, are the whole. */
export const Task = Schema.Union([Csv.CsvRange, Parquet.ParquetGroup])
export type Task = typeof Task.Type

/** How much of the input a task is: rows for parquet, bytes for CSV. */
export const sizeOf = (task: Task): number => (task._tag === "ParquetGroup" ? task.rows : task.to - task.from)

export interface Reader {
  /** The names that the ids in the columns stand for; grows while tasks are read. */
  readonly names: Names
  readonly read: (task: Task) => Effect.Effect<Part, InputError>
}

const openFile = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* fs.stat(name).pipe(orInputError(name))
  if (info.type === "Directory") return yield* new InputError({ file: name, detail: "is a directory, not a file" })
  if (info.type !== "File") return yield* new InputError({ file: name, detail: "is not a regular file" })
  if (info.size === BigInt(0)) return yield* new InputError({ file: name, detail: "is empty" })
  const file = yield* fs.open(name, { flag: "r" }).pipe(orInputError(name))
  return { file, size: Number(info.size) }
})

/** Checks the file and cuts it into tasks, in the order of its rows. */
export const plan = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<ReadonlyArray<Task>, InputError, FileSystem.FileSystem | Scope.Scope> {
  const { file, size } = yield* openFile(name)
  if (yield* Parquet.is(file, name, size)) return Parquet.plan(yield* Parquet.metadataOf(file, name, size))
  if (name.endsWith(".parquet")) return yield* new InputError({ file: name, detail: "not a parquet file" })
  return yield* Csv.plan(file, name, size)
})

/** Opens the file for reading tasks; open until the scope closes. */
export const open = Effect.fnUntraced(function* (
  name: string,
  by: By
): Effect.fn.Return<Reader, InputError, FileSystem.FileSystem | Scope.Scope> {
  const { file, size } = yield* openFile(name)
  const names = new Names()
  const metadata = (yield* Parquet.is(file, name, size)) ? yield* Parquet.metadataOf(file, name, size) : undefined
  return {
    names,
    read: (task) =>
      task._tag === "CsvRange"
        ? Csv.read(file, name, task, names)
        : metadata === undefined
          ? Effect.fail(new InputError({ file: name, detail: "changed while it was read" }))
          : Parquet.read(file, name, metadata, task, by, names)
  }
})
