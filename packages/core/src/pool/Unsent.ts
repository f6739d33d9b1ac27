/**
 * Errors of messages that were not sent: they give them back.
 *
 * @since 0.1.0
 */
import { CodecError } from "../codec/CodecError.ts"
import { SendError } from "../errors/Errors.ts"
import { RingFault } from "../ring/RingFault.ts"

type Messages = ReadonlyArray<unknown>

/**
 * The error of what a write threw.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notWritten = (channel: string, cause: unknown, unsent: Messages): SendError => {
  const because = (reason: SendError["reason"], detail: string) =>
    new SendError({ channel, reason, detail, unsent: [...unsent] })
  if (cause instanceof CodecError) return because("Encode", cause.message)
  if (cause instanceof RangeError) return because("TooLarge", cause.message)
  if (cause instanceof RingFault) {
    return because("Closed", `the mailbox's memory is corrupt at byte ${cause.offset}: ${cause.message}`)
  }
  return new SendError({ channel, reason: "Encode", detail: String(cause), unsent: [...unsent], cause })
}

/**
 * The error with other messages to give back.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withUnsent = <E extends { readonly unsent: Messages }>(error: E, unsent: Messages): E => {
  // The fields of an error are its own; only `unsent` differs.
  const Class = error.constructor as new (fields: object) => E
  return new Class({ ...error, unsent: [...unsent] })
}
