/**
 * Parquet files as sources: a row group is a split, so that subtasks share a file out among them. Read
 * with hyparquet, an optional dependency: install it to use this module, and `hyparquet-compressors`
 * for compressions other than snappy and zstd.
 *
 * @since 0.1.0
 */
import { open } from "node:fs/promises"
import { zstdDecompressSync } from "node:zlib"
import { Other } from "@shared-nothing/core/Errors"
import type { OnError, Pipeline, PipelineError } from "@shared-nothing/core/Pipeline"
import * as PipelineModule from "@shared-nothing/core/Pipeline"
import * as Source from "@shared-nothing/core/Source"
import * as Stage from "@shared-nothing/core/Stage"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AsyncBuffer, Compressors } from "hyparquet"

/**
 * @category models
 * @since 0.1.0
 */
export interface ParquetOptions extends Source.SourceOptions {
  /** The columns to read; all that the schema names if absent. */
  readonly columns?: ReadonlyArray<string> | undefined
  /** Rows that are read at a time, within a row group; 65,536 if absent. */
  readonly rows?: number | undefined
  /** What becomes of a row that does not fit the schema; `fail` if absent. */
  readonly onError?: OnError | undefined
}

/** Rows of one row group. */
interface Group {
  readonly path: string | URL
  readonly start: number
  readonly end: number
}

const defaultRows = 65_536

const other = (path: string | URL) => (cause: unknown) =>
  new Other({ operation: `Parquet: ${String(path)}`, detail: String(cause), cause })

/** A file that is open while `use` runs. */
const withFile = <A>(path: string | URL, use: (file: AsyncBuffer) => Promise<A>): Effect.Effect<A, Other> =>
  Effect.acquireUseRelease(
    Effect.tryPromise({ try: () => open(path), catch: other(path) }),
    (handle) =>
      Effect.tryPromise({
        try: async () => {
          const { size } = await handle.stat()
          const slice = async (start: number, end = size): Promise<ArrayBuffer> => {
            const bytes = new Uint8Array(end - start)
            const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
            if (bytesRead < bytes.length)
              throw new RangeError(`it ends at byte ${start + bytesRead}, and not at ${end}`)
            return bytes.buffer
          }
          return use({ byteLength: size, slice })
        },
        catch: other(path)
      }),
    (handle) => Effect.ignore(Effect.tryPromise(() => handle.close()))
  )

/** zstd comes with Node, snappy with hyparquet; the others are loaded when a file needs them. */
const compressorsFor = async (codecs: ReadonlyArray<string | undefined>): Promise<Compressors> => {
  const known = ["UNCOMPRESSED", "SNAPPY", "ZSTD"]
  const others = codecs.some((codec) => codec !== undefined && !known.includes(codec))
  const more: Compressors = others ? (await import("hyparquet-compressors")).compressors : {}
  return { ...more, ZSTD: (input) => zstdDecompressSync(input) }
}

/** Loaded by the first who reads: whoever does not need not have it. */
const hyparquet = () => import("hyparquet")

const groupsOf = (path: string | URL): Effect.Effect<ReadonlyArray<Group>, Other> =>
  withFile(path, async (file) => {
    const { parquetMetadataAsync } = await hyparquet()
    const { row_groups } = await parquetMetadataAsync(file)
    let start = 0
    return row_groups.map(({ num_rows }) => {
      const end = start + Number(num_rows)
      const group = { path, start, end }
      start = end
      return group
    })
  })

const readRows = (
  { end, path, start }: Group,
  columns: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Record<string, unknown>>, Other> =>
  withFile(path, async (file) => {
    const { parquetMetadataAsync, parquetReadObjects } = await hyparquet()
    const metadata = await parquetMetadataAsync(file)
    const codecs = metadata.row_groups.flatMap((group) => group.columns.map((column) => column.meta_data?.codec))
    const compressors = await compressorsFor(codecs)
    return parquetReadObjects({ file, metadata, columns: [...columns], rowStart: start, rowEnd: end, compressors })
  })

const columnsOf = (schema: Schema.Codec<unknown, unknown>): ReadonlyArray<string> => {
  const { ast } = Schema.toEncoded(schema)
  return ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => String(name)) : []
}

/**
 * The rows of files, decoded by a schema from objects of the columns that it names. Integers of 64
 * bits come as bigints, dates as `Date`, what is null as `null`. The order of rows holds within a row
 * group.
 *
 * @category sources
 * @since 0.1.0
 */
export const parquet = <A, I>(
  schema: Schema.Codec<A, I>,
  paths: ReadonlyArray<string | URL>,
  { columns = columnsOf(schema), onError, parallelism, rows = defaultRows }: ParquetOptions = {}
): Pipeline<A, PipelineError> => {
  const decode = Schema.decodeUnknownSync(schema)
  const pieces = ({ end, path, start }: Group): ReadonlyArray<Group> =>
    Array.from({ length: Math.ceil((end - start) / rows) }, (_, i) => ({
      path,
      start: start + i * rows,
      end: Math.min(end, start + (i + 1) * rows)
    }))
  // Rows go no further than the next stage of the same subtask before they are what the schema says.
  const row = Schema.Unknown as unknown as Schema.Codec<Record<string, unknown>, unknown>
  const read = Source.splits("parquet", {
    out: row,
    parallelism,
    splits: Effect.map(Effect.forEach(paths, groupsOf), (groups) => groups.flat()),
    read: (group: Group) =>
      Stream.flatMap(Stream.fromIterable(pieces(group)), (piece) => Stream.fromArrayEffect(readRows(piece, columns)))
  })
  return read.pipe(
    PipelineModule.via(
      Stage.map("parquet row", { in: row, out: Schema.toType(schema), onError, run: (object) => decode(object) })
    )
  )
}
