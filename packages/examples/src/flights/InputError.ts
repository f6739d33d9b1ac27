/**
 * The user's file cannot be used. Its message is the one line that the user reads.
 *
 * @since 0.1.0
 */
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
