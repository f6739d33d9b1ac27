/**
 * Files at both ends of a pipeline: lines, JSON and CSV read in parallel, and a sink that a reader
 * never sees half written.
 *
 * @since 0.1.0
 */
import { createReadStream } from "node:fs"
import { open, rename, rm, stat } from "node:fs/promises"
import { Other } from "@shared-nothing/core/Errors"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Source from "@shared-nothing/core/Source"
import * as Stage from "@shared-nothing/core/Stage"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * @category models
 * @since 0.1.0
 */
export interface ReadOptions extends Source.SourceOptions {
  /** Bytes that a subtask reads before it takes the next part; 8 MiB if absent. */
  readonly splitBytes?: number | undefined
  /** What becomes of a line that cannot be read; `fail` if absent. */
  readonly onError?: Pipeline.OnError | undefined
}

/** The lines whose first byte is at `start` or after, and before `end`. */
interface Part {
  readonly path: string | URL
  readonly start: number
  readonly end: number
}

const defaultSplitBytes = 8 * 1_048_576
const newline = 10
const carriageReturn = 13

const other = (operation: string) => (cause: unknown) => new Other({ operation, detail: String(cause), cause })

const partsOf = (paths: ReadonlyArray<string | URL>, splitBytes: number) =>
  Effect.map(
    Effect.forEach(paths, (path) =>
      Effect.map(
        Effect.tryPromise({ try: () => stat(path), catch: other(`NodeFiles: ${String(path)}`) }),
        ({ size }): ReadonlyArray<Part> =>
          Array.from({ length: Math.ceil(size / splitBytes) }, (_, part) => ({
            path,
            start: part * splitBytes,
            end: Math.min(size, (part + 1) * splitBytes)
          }))
      )
    ),
    Arr.flatten
  )

const textOf = (bytes: Buffer, from: number, to: number): string =>
  bytes.toString("utf8", from, to > from && bytes[to - 1] === carriageReturn ? to - 1 : to)

async function* linesOf({ end, path, start }: Part): AsyncGenerator<ReadonlyArray<string>> {
  // One byte earlier: a line begins at `start` if a newline is before it.
  let offset = Math.max(0, start - 1)
  let skipping = start > 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { start: offset, highWaterMark: 262_144 })) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const lines: Array<string> = []
    let at = 0
    for (let to = bytes.indexOf(newline); to >= 0; to = bytes.indexOf(newline, at)) {
      if (skipping) skipping = false
      else lines.push(textOf(bytes, at, to))
      at = to + 1
      if (offset + at >= end) {
        yield lines
        return
      }
    }
    rest = bytes.subarray(at)
    offset += at
    yield lines
  }
  if (!skipping && rest.length > 0 && offset < end) yield [textOf(rest, 0, rest.length)]
}

/**
 * The lines of files, without their ends. Subtasks share out parts of `splitBytes`, so a large file
 * is read by all of them; the order of lines holds within a part.
 *
 * @category sources
 * @since 0.1.0
 */
export const lines = (
  paths: ReadonlyArray<string | URL>,
  options: ReadOptions = {}
): Pipeline.Pipeline<string, Pipeline.PipelineError> =>
  Source.splits("lines", {
    out: Schema.String,
    parallelism: options.parallelism,
    splits: partsOf(paths, options.splitBytes ?? defaultSplitBytes),
    read: (part) =>
      Stream.flatMap(Stream.fromAsyncIterable(linesOf(part), other(`NodeFiles: ${String(part.path)}`)), (all) =>
        Stream.fromArray(all)
      )
  })

/**
 * Files of one JSON value a line, decoded by a schema. Empty lines are left out.
 *
 * @category sources
 * @since 0.1.0
 */
export const ndjson = <A, I>(
  schema: Schema.Codec<A, I>,
  paths: ReadonlyArray<string | URL>,
  options: ReadOptions = {}
): Pipeline.Pipeline<A, Pipeline.PipelineError> => {
  const decode = Schema.decodeUnknownSync(schema)
  const parse = Stage.map("ndjson", {
    in: Schema.String,
    out: Schema.toType(schema),
    onError: options.onError,
    run: (line: string) => decode(JSON.parse(line))
  })
  return lines(paths, options).pipe(
    Pipeline.filter((line) => line !== "", { name: "not empty" }),
    Pipeline.via(parse)
  )
}

/**
 * The cells of a line of comma-separated values, as RFC 4180 quotes them. A quoted cell ends on its
 * line.
 *
 * @category parsing
 * @since 0.1.0
 */
export const cellsOf = (line: string, separator = ","): ReadonlyArray<string> => {
  if (!line.includes('"')) return line.split(separator)
  const cells: Array<string> = []
  for (let at = 0; at <= line.length;) {
    if (line[at] !== '"') {
      const to = line.indexOf(separator, at)
      const end = to < 0 ? line.length : to
      cells.push(line.slice(at, end))
      at = end + 1
      continue
    }
    let cell = ""
    let from = at + 1
    for (;;) {
      const quote = line.indexOf('"', from)
      if (quote < 0) throw new SyntaxError("a quoted cell does not end on its line")
      cell += line.slice(from, quote)
      from = quote + 1
      if (line[from] !== '"') break
      cell += '"'
      from++
    }
    cells.push(cell)
    if (from < line.length && line[from] !== separator)
      throw new SyntaxError(`text after a quoted cell: ${line.slice(from)}`)
    at = from + 1
  }
  return cells
}

/**
 * Files of comma-separated values, one record a line, decoded by a schema from texts by column.
 * `columns` names the columns; a line that is nothing but these names is a header and left out.
 *
 * @category sources
 * @since 0.1.0
 */
export const csv = <A, I>(
  schema: Schema.Codec<A, I>,
  columns: ReadonlyArray<keyof I & string>,
  paths: ReadonlyArray<string | URL>,
  options: ReadOptions & { readonly separator?: string | undefined } = {}
): Pipeline.Pipeline<A, Pipeline.PipelineError> => {
  const { separator } = options
  const decode = Schema.decodeUnknownSync(schema)
  const parse = Stage.flatMap("csv", {
    in: Schema.String,
    out: Schema.toType(schema),
    onError: options.onError,
    run: (line: string): ReadonlyArray<A> => {
      const cells = cellsOf(line, separator)
      if (cells.length !== columns.length) {
        throw new RangeError(`${cells.length} cells, where there are ${columns.length} columns`)
      }
      if (cells.every((cell, i) => cell === columns[i])) return []
      const record: Record<string, string> = {}
      for (let i = 0; i < cells.length; i++) record[columns[i]] = cells[i]
      return [decode(record)]
    }
  })
  return lines(paths, options).pipe(
    Pipeline.filter((line) => line !== "", { name: "not empty" }),
    Pipeline.via(parse)
  )
}

/**
 * Writes lines to a file, which is there once all are written: they go to another file beside it,
 * which takes its name at the end and is removed if something fails. Gives the number of lines.
 *
 * @category sinks
 * @since 0.1.0
 */
export const toFile =
  (path: string) =>
  <E, R>(self: Stream.Stream<string, E, R>): Effect.Effect<number, E | Other, R> => {
    const partial = `${path}.partial`
    const attempt = <A>(run: () => Promise<A>) =>
      Effect.tryPromise({ try: run, catch: other(`NodeFiles.toFile: ${path}`) })
    return Effect.acquireUseRelease(
      attempt(() => open(partial, "w")),
      (file) =>
        Effect.gen(function* () {
          let count = 0
          yield* Stream.runForEachArray(self, (all) => {
            count += all.length
            return attempt(() => file.write(`${all.join("\n")}\n`))
          })
          // On the disk before it has the name: a crash leaves the old file, or the whole new one.
          yield* attempt(() => file.sync())
          yield* attempt(() => rename(partial, path))
          return count
        }),
      (file) =>
        Effect.andThen(
          Effect.ignore(attempt(() => file.close())),
          Effect.ignore(attempt(() => rm(partial, { force: true })))
        )
    )
  }
