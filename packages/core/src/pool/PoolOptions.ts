/**
 * What a pool can be told, with its defaults.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import { WaitStrategy } from "../channel/WaitStrategy.ts"
import { WorkerConfig } from "../worker/WorkerConfig.ts"

const orDefault = <S extends Schema.Top & Schema.WithoutConstructorDefault>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

const count = (maximum: number, minimum = 1) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const millis = Schema.Number.check(Schema.isFinite(), Schema.isGreaterThan(0))

/**
 * What happens to a message that finds its worker's mailbox full:
 *
 * - `wait`: the sender waits for room
 * - `fail`: it is refused with `PoolFull`, which gives it back
 * - `dropNewest`: it is forgotten
 * - `dropOldest`: it is kept, and the oldest that the worker was not handed yet is forgotten
 *
 * @category models
 * @since 0.1.0
 */
export const OverflowPolicy = Schema.Literals(["wait", "fail", "dropNewest", "dropOldest"])

/**
 * A choice between throughput and latency: mailbox size and way of waiting.
 *
 * @category models
 * @since 0.1.0
 */
export const Profile = Schema.Literals(["balanced", "throughput", "lowLatency"])

const profiles = {
  balanced: { capacity: 8192, wait: "hybrid" },
  throughput: { capacity: 65_536, wait: "hybrid" },
  lowLatency: { capacity: 1024, wait: "yield" }
} as const

/**
 * @category models
 * @since 0.1.0
 */
export const PoolOptions = Schema.Struct({
  /** For messages, logs and metrics; the contract's name if absent. Its workers are `name/0`, `name/1`, … */
  name: Schema.optionalKey(Schema.String.check(Schema.isNonEmpty())),
  /** Workers; as many as can run at once on this machine if absent. */
  size: Schema.optionalKey(count(1024)),
  /** Most workers that it may be resized to while other threads send to it; 4 times `size` if absent. */
  maxSize: Schema.optionalKey(count(1024)),
  profile: orDefault(Profile, "balanced"),
  /** Most messages that wait for one worker; 8192 in profile `balanced`. */
  capacity: Schema.optionalKey(count(2 ** 24)),
  /** Bytes that wait for one worker, rounded up to a power of two; 64 a message, 4 MiB at most, if absent. */
  capacityBytes: Schema.optionalKey(count(2 ** 28, 1024)),
  /** Bytes of outputs of one worker that wait to be taken, rounded up to a power of two, where a contract has them. */
  outputBytes: orDefault(count(2 ** 28, 1024), 262_144),
  onFull: orDefault(OverflowPolicy, "wait"),
  /** Levels of priority: a message of priority `priorities - 1` goes before all others, 0 after. */
  priorities: orDefault(count(8), 1),
  /** Most threads besides the owner's that may send to the pool at once. */
  clients: orDefault(count(256, 0), 8),
  /** Key groups: a power of two, the finest that keys can be placed by. */
  keyGroups: orDefault(count(65_536), 4096),
  /** How pool and workers wait for each other; `hybrid` in profile `balanced`. */
  wait: Schema.optionalKey(WaitStrategy),
  /** The place that each worker runs in. */
  worker: orDefault(WorkerConfig, {}),
  /** How long a worker may take until it is ready, in milliseconds. */
  startTimeout: orDefault(millis, 10_000),
  /** How long a worker may take to drain and shut down, in milliseconds, before it is killed. */
  shutdownTimeout: orDefault(millis, 5000)
})

/**
 * @category models
 * @since 0.1.0
 */
export type PoolOptions = typeof PoolOptions.Type

/**
 * @category models
 * @since 0.1.0
 */
export type PoolOptionsInput = typeof PoolOptions.Encoded

/** The same options, named as environment variables are: without `_`, which separates levels. */
const Environment = Schema.Struct({
  ...PoolOptions.fields,
  worker: orDefault(
    WorkerConfig.pipe(
      Schema.encodeKeys({
        cpuAffinity: "CPUAFFINITY",
        priority: "PRIORITY",
        stackMegabytes: "STACKMEGABYTES",
        heapMegabytes: "HEAPMEGABYTES",
        youngHeapMegabytes: "YOUNGHEAPMEGABYTES",
        env: "ENV",
        args: "ARGS",
        execArgv: "EXECARGV"
      })
    ),
    {}
  )
}).pipe(
  Schema.encodeKeys({
    name: "NAME",
    size: "SIZE",
    maxSize: "MAXSIZE",
    profile: "PROFILE",
    capacity: "CAPACITY",
    capacityBytes: "CAPACITYBYTES",
    outputBytes: "OUTPUTBYTES",
    onFull: "ONFULL",
    priorities: "PRIORITIES",
    clients: "CLIENTS",
    keyGroups: "KEYGROUPS",
    wait: "WAIT",
    worker: "WORKER",
    startTimeout: "STARTTIMEOUT",
    shutdownTimeout: "SHUTDOWNTIMEOUT"
  })
)

/**
 * Reads the options of a pool from an Effect `Config`, by default from environment variables:
 * `TALLY_SIZE=4`, `TALLY_WORKER_CPUAFFINITY=spread` for the name `TALLY`; where there are none, under
 * the options' own names. What is absent has its default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const config = (name: string): Config.Config<PoolOptions> => {
  const defaults = Schema.decodeSync(PoolOptions)({})
  return Config.flatMap(Config.withDefault(Config.schema(Environment, name), defaults), (options) =>
    Equal.equals(options, defaults)
      ? Config.withDefault(Config.schema(PoolOptions, name), defaults)
      : Config.succeed(options)
  )
}

const powerOfTwo = (bytes: number): number => 2 ** Math.ceil(Math.log2(bytes))

/**
 * The ring of the outputs of each worker, in bytes.
 *
 * @category accessors
 * @since 0.1.0
 */
export const outputBytesOf = ({ outputBytes }: PoolOptions): number => powerOfTwo(outputBytes)

/**
 * The mailbox of each worker.
 *
 * @category accessors
 * @since 0.1.0
 */
export const mailboxOf = (options: PoolOptions, decides = false) => {
  const profile = profiles[options.profile]
  const capacity = options.capacity ?? profile.capacity
  const wanted = options.capacityBytes ?? Math.min(Math.max(capacity * 64, 65_536), 4_194_304)
  return {
    capacity,
    laneBytes: powerOfTwo(wanted),
    wait: options.wait ?? profile.wait,
    // Above all others, a lane for what the owner decides about messages that failed.
    priorities: options.priorities + (decides ? 1 : 0),
    clients: options.clients,
    dropOldest: options.onFull === "dropOldest"
  }
}
