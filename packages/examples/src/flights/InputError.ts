/**
 * The user's file cannot be used. Its message is the one line that the user reads.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"

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
