/**
 * The options among a worker's handlers, checked before its life begins: numbers that would make it
 * wait for ever, or spin, are refused by name.
 *
 * @since 0.1.0
 */
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../errors/Errors.ts"
import * as Options from "../errors/Options.ts"
import type { AnyImplementation } from "./Worker.ts"

const count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_536 }))

/** In milliseconds. What a timer can wait for: 24 days. */
const millis = (minimum: number) => Schema.Number.check(Schema.isBetween({ minimum, maximum: 2 ** 31 - 1 }))

const HandlerOptions = Schema.Struct({
  batchSize: Schema.optionalKey(count),
  batchWithin: Schema.optionalKey(millis(0)),
  concurrency: Schema.optionalKey(count),
  tick: Schema.optionalKey(Schema.Struct({ every: millis(1) }))
})

/**
 * @category accessors
 * @since 0.1.0
 */
export const check = ({ contract, handlers }: AnyImplementation): Effect.Effect<void, InvalidConfig> => {
  const { batchSize, batchWithin, concurrency, tick } = handlers
  return Effect.asVoid(
    Options.decode(HandlerOptions, contract.workerName, {
      ...(batchSize === undefined ? {} : { batchSize }),
      ...(batchWithin === undefined ? {} : { batchWithin: toMillis(batchWithin) }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(tick === undefined ? {} : { tick: { every: toMillis(tick.every) } })
    })
  )
}
