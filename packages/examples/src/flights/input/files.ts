/**
 * Files read by byte ranges, with failures in words for the user.
 *
 * Straight over `node:fs`: the module of Effect's file system would be a twentieth of the time that
 * a thread needs to start.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type FileHandle, open as openHandle } from "node:fs/promises"
import { fromCause, InputError } from "../InputError.ts"

/** An open file that holds something. */
export interface InputFile {
  readonly name: string
  readonly size: number
  readonly handle: FileHandle
}

/** Opens a file until the scope closes. */
export const open = Effect.fnUntraced(function* (name: string): Effect.fn.Return<InputFile, InputError, Scope.Scope> {
  const handle = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => openHandle(name), catch: fromCause(name) }),
    (handle) => Effect.promise(() => handle.close())
  )
  const stats = yield* Effect.tryPromise({ try: () => handle.stat(), catch: fromCause(name) })
  if (stats.isDirectory()) return yield* new InputError({ file: name, detail: "is a directory, not a file" })
  if (!stats.isFile()) return yield* new InputError({ file: name, detail: "is not a regular file" })
  if (stats.size === 0) return yield* new InputError({ file: name, detail: "is empty" })
  return { name, size: stats.size, handle }
})

/** The bytes from `from` to `to`, all of them, in a buffer of their own. */
export const readRange = ({ handle, name }: InputFile, from: number, to: number) =>
  Effect.flatMap(
    Effect.tryPromise({
      try: async () => {
        const bytes = new Uint8Array(to - from)
        let filled = 0
        while (filled < bytes.length) {
          const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, from + filled)
          if (bytesRead === 0) break
          filled += bytesRead
        }
        return { bytes, filled }
      },
      catch: fromCause(name)
    }),
    ({ bytes, filled }) =>
      filled === bytes.length
        ? Effect.succeed(bytes)
        : Effect.fail(new InputError({ file: name, place: `byte ${from + filled}`, detail: "the file ended early" }))
  )
