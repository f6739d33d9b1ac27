/**
 * The user's file cannot be used, or not all of it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"

/** The file cannot be used. The message is the one line that the user reads. */
export class InputError extends Schema.TaggedError<InputError>()("InputError", {
  file: Schema.String,
  /** Where in the file, such as `row group 3`. */
  place: Schema.optionalKey(Schema.String),
  detail: Schema.String
}) {
  override get message(): string {
    return [this.file, this.place, this.detail].filter((part) => part !== undefined).join(": ")
  }
}

/** Rows could not be used; the results of all others, and a line on these, have been printed. */
export class RowsRejected extends Data.TaggedError("RowsRejected")<{ readonly count: number }> {}

/** What an error of the file system says to a user. */
const wordsOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const code = "code" in cause ? cause.code : undefined
  return code === "ENOENT" ? "no such file" : code === "EACCES" ? "permission denied" : cause.message
}

/** What the file system refused, in one line. */
export const fromCause =
  (file: string) =>
  (cause: unknown): InputError =>
    new InputError({ file, detail: wordsOf(cause) })

/** The same for a failure of Effect's file system. */
export const orInputError =
  (file: string) =>
  <A, R>(self: Effect.Effect<A, PlatformError, R>): Effect.Effect<A, InputError, R> =>
    Effect.mapError(self, (error) => fromCause(file)(error.reason.cause ?? error))
