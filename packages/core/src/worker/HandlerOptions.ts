/**
 * What of a contract and of its handlers cannot be, checked before a life begins: numbers that would make
 * it wait for ever, or spin, and what plain JavaScript left out, are refused by name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../errors/Errors.ts"
import * as Options from "../errors/Options.ts"
import type { AnyContract, AnyImplementation } from "./Worker.ts"

const count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_536 }))

/** Of so many milliseconds at least, and what a timer can wait for at most. */
const duration = (minimum: number) =>
  Schema.Unknown.check(
    Schema.makeFilter((input) => {
      const millis = Options.millisOf(input)
      return (millis >= minimum && millis < 2 ** 31) || `${Options.durations}, from ${minimum} ms to 24 days`
    })
  )

const HandlerOptions = Schema.Struct({
  batchSize: Schema.optionalKey(count),
  batchWithin: Schema.optionalKey(duration(0)),
  concurrency: Schema.optionalKey(count),
  tick: Schema.optionalKey(Schema.Struct({ every: duration(1) }))
})

const refuse = (option: string, value: unknown, allowed: string) =>
  Effect.fail(new InvalidConfig({ option, value, allowed }))

/**
 * Fails with the first part of a contract that is none; `where` names what was given, for what is no contract at all.
 *
 * @category accessors
 * @since 0.1.0
 */
export const checkContract = (where: string, contract: AnyContract): Effect.Effect<void, InvalidConfig> => {
  if (typeof contract?.workerName !== "string") {
    return refuse(where, contract, "a contract: a class that extends Worker.Service")
  }
  const { key, message, requests, workerName } = contract
  if (!Schema.isSchema(message)) return refuse(`${workerName}.message`, message, "a Schema")
  if (typeof key !== "function") return refuse(`${workerName}.key`, key, "a function: from a message to its key")
  const tags = requests.map(({ _tag }) => _tag)
  const twice = tags.find((tag, at) => tags.indexOf(tag) !== at)
  return twice === undefined
    ? Effect.void
    : refuse(`${workerName}.requests`, twice, "a tag of its own for each request")
}

/** What a contract with `state` needs. */
const moving = ["snapshot", "restore", "forget"] as const

/** Functions, where they are there. */
const optional = ["handle", "handleBatch", "shutdown", ...moving] as const

/**
 * Fails with the first handler, or option among them, that is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const check = ({ contract, handlers, requests }: AnyImplementation): Effect.Effect<void, InvalidConfig> => {
  const { workerName } = contract
  if (typeof handlers !== "object" || handlers === null) {
    const names = ["init", "handle or handleBatch", ...contract.requests.map(({ _tag }) => _tag)]
    return refuse(`${workerName}.toLayer`, handlers, `an object of its handlers: ${names.join(", ")}`)
  }
  const { batchSize, batchWithin, concurrency, handle, handleBatch, init, tick } = handlers
  if (typeof init !== "function" && !Effect.isEffect(init)) {
    return refuse(`${workerName}.init`, init, "an Effect that makes its state, or a function that gives one")
  }
  for (const name of optional) {
    const handler: unknown = handlers[name]
    if (handler !== undefined && typeof handler !== "function") {
      return refuse(`${workerName}.${name}`, handler, "a function")
    }
  }
  // One that answers requests, or does something by itself, may be sent nothing.
  if ((handle ?? handleBatch ?? tick) === undefined && contract.requests.length === 0) {
    return refuse(`${workerName}.handle`, undefined, "a function, of one message; or else handleBatch, of several")
  }
  for (const name of contract.state === undefined ? [] : moving) {
    if (handlers[name] === undefined) {
      return refuse(`${workerName}.${name}`, undefined, "a function: the contract has state")
    }
  }
  for (const { _tag } of contract.requests) {
    if (typeof requests[_tag] !== "function") {
      return refuse(`${workerName}.${_tag}`, requests[_tag], "a function: the contract has a request of that tag")
    }
  }
  const options = {
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(batchWithin === undefined ? {} : { batchWithin }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(tick === undefined ? {} : { tick: { every: tick.every } })
  }
  // Compiling the schema takes a new thread 2 ms.
  return Object.keys(options).length === 0
    ? Effect.void
    : Effect.asVoid(Options.decode(HandlerOptions, contract.workerName, options))
}
