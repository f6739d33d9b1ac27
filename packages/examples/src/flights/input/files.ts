/**
 * Byte ranges of a file, and failures of the file system in words for the user.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { InputError } from "../InputError.ts"

const wordsOf = (error: PlatformError): string => {
  switch (error.reason._tag) {
    case "NotFound":
      return "no such file"
    case "PermissionDenied":
      return "permission denied"
    default:
      return error.reason.cause instanceof Error ? error.reason.cause.message : error.message
  }
}

/** Says in one line what the file system refused. */
export const orInputError =
  (file: string) =>
  <A, R>(self: Effect.Effect<A, PlatformError, R>): Effect.Effect<A, InputError, R> =>
    Effect.mapError(self, (error) => new InputError({ file, detail: wordsOf(error) }))

/** The bytes from `from` to `to`, all of them, in a buffer of their own. */
export const readRange = Effect.fnUntraced(function* (
  file: FileSystem.File,
  name: string,
  from: number,
  to: number
): Effect.fn.Return<Uint8Array<ArrayBuffer>, InputError> {
  const bytes = new Uint8Array(to - from)
  let filled = 0
  while (filled < bytes.length) {
    const count = yield* file
      .read(filled === 0 ? bytes : bytes.subarray(filled), { position: BigInt(from + filled) })
      .pipe(orInputError(name))
    if (count === 0) {
      return yield* new InputError({ file: name, place: `byte ${from + filled}`, detail: "the file ended early" })
    }
    filled += Number(count)
  }
  return bytes
})
