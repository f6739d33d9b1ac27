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

export type { Part } from "./Columns.ts"

export interface Reader {
  /** The parts of the file, in the order of its rows. */
  readonly tasks: ReadonlyArray<Task>
  /** The names that the ids in the columns stand for; grows while tasks are parsed. */
  readonly names: Names
  /** The bytes that a task needs. */
  readonly load: (task: Task) => Effect.Effect<Uint8Array<ArrayBuffer>, InputError>
  readonly parse: (task: Task, bytes: Uint8Array<ArrayBuffer>) => Effect.Effect<Part, InputError>
  /** Both. */
  readonly read: (task: Task) => Effect.Effect<Part, InputError>
}

const csv = Effect.promise(() => import("./csv.ts"))
const parquet = Effect.promise(() => import("./parquet.ts"))

/** Whether the file starts as parquet does, with "PAR1". */
const isParquet = (file: InputFile): Effect.Effect<boolean, InputError> =>
  Effect.map(readRange(file, 0, Math.min(file.size, 4)), (bytes) => new TextDecoder("latin1").decode(bytes) === "PAR1")

/** Checks a file and opens it for reading tasks; open until the scope closes. */
export const open = Effect.fnUntraced(function* (
  name: string,
  by: By
): Effect.fn.Return<Reader, InputError, Scope.Scope> {
  const file = yield* openFile(name)
  const names = new Names()
  if (yield* isParquet(file)) {
    const { load, metadataOf, parse, plan } = yield* parquet
    const metadata = yield* metadataOf(file)
    return whole({
      names,
      tasks: plan(metadata),
      load: (task) => (task._tag === "CsvRange" ? changed(file) : load(file, metadata, task, by)),
      parse: (task, bytes) => (task._tag === "CsvRange" ? changed(file) : parse(file, metadata, task, by, bytes, names))
    })
  }
  if (name.endsWith(".parquet")) return yield* new InputError({ file: name, detail: "not a parquet file" })
  const { load, parse, plan } = yield* csv
  return whole({
    names,
    tasks: yield* plan(file),
    load: (task) => (task._tag === "CsvRange" ? load(file, task) : changed(file)),
    parse: (task, bytes) => (task._tag === "CsvRange" ? Effect.sync(() => parse(task, bytes, names)) : changed(file))
  })
})

const whole = (reader: Omit<Reader, "read">): Reader => ({
  ...reader,
  read: (task) => Effect.flatMap(reader.load(task), (bytes) => reader.parse(task, bytes))
})

/** Opens a file that was another one when it was cut into tasks. */
const changed = (file: InputFile) =>
  Effect.fail(new InputError({ file: file.name, detail: "changed while it was read" }))

/** The parts of a file. */
export const plan = (name: string): Effect.Effect<ReadonlyArray<Task>, InputError, Scope.Scope> =>
  // Whatever the key: the parts are the same.
  Effect.map(open(name, "route"), ({ tasks }) => tasks)
