/**
 * Options are one Schema each: this turns what a user passed into validated options, or into an
 * `InvalidConfig` that names the option, its value and what is allowed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { InvalidConfig } from "./Errors.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const valueAt = (input: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input)

/**
 * Validates `input` against `schema`; `where` begins the option's name in the error, as in
 * `WorkerPool.size`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = <A, I>(
  schema: Schema.Codec<A, I>,
  where: string,
  input: unknown
): Effect.Effect<A, InvalidConfig> =>
  Result.match(Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })(input), {
    onSuccess: (options) => Effect.succeed(options),
    onFailure: (error) => {
      const first = format(error.issue).issues[0]
      const path = (first.path ?? []).map((part) => (typeof part === "object" ? part.key : part))
      return Effect.fail(
        new InvalidConfig({
          option: [where, ...path.map(String)].join("."),
          value: valueAt(input, path),
          allowed: first.message
        })
      )
    }
  })
