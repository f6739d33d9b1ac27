/**
 * Options are one Schema each: this turns what a user passed into validated options, or into an
 * `InvalidConfig` that names the option, its value and what is allowed.
 *
 * @since 0.1.0
 */
import { fromInput, type Input as DurationInput, toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
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

/**
 * What a duration may be written as, for errors.
 *
 * @category constants
 * @since 0.1.0
 */
export const durations = 'a duration, such as "5 seconds", 5000 (milliseconds) or Duration.seconds(5)'

/**
 * A duration in milliseconds; `NaN` if it is none. Never throws, unlike `Duration.toMillis`, and a `NaN` is none
 * here, where Effect takes it for 0.
 *
 * @category accessors
 * @since 0.1.0
 */
export const millisOf = (input: unknown): number =>
  Number.isNaN(input) ? NaN : Option.match(fromInput(input as DurationInput), { onNone: () => NaN, onSome: toMillis })

/**
 * Why nobody can wait for so long, if nobody can: what is given as a time-out is no duration.
 *
 * @category accessors
 * @since 0.1.0
 */
export const wrongTimeout = (timeout: unknown): string | undefined =>
  Number.isNaN(millisOf(timeout)) ? `timeout ${String(timeout)}: ${durations}` : undefined
