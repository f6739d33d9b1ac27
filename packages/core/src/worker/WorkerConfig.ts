/**
 * What the place where a worker runs can be told: where it runs, how much memory it may take, and
 * what it finds in its environment. One schema, used for validation, for the docs, and for reading
 * it from an Effect `Config`.
 *
 * A backend that cannot do one of these says so in `WorkerPool.describe`; it never ignores it silently.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const megabytes = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_048_576 }))

/**
 * @category models
 * @since 0.1.0
 */
export const WorkerConfig = Schema.Struct({
  /** The number of a processor, or `"spread"`: each worker on one of its own, as far as there are enough. */
  cpuAffinity: Schema.optionalKey(
    Schema.Union([Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4095 })), Schema.Literal("spread")])
  ),
  /** Niceness of its thread or process: -20 (first) to 19 (last). Below that of its owner takes privileges. */
  priority: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: -20, maximum: 19 }))),
  /** Stack of its JavaScript, in megabytes; 4 on Node.js if absent. */
  stackMegabytes: Schema.optionalKey(megabytes),
  /**
   * Heap for long-lived objects, in megabytes. A worker that exceeds it is killed by the runtime; on
   * threads that takes the whole process with it.
   */
  heapMegabytes: Schema.optionalKey(megabytes),
  /** Heap for new objects, in megabytes. */
  youngHeapMegabytes: Schema.optionalKey(megabytes),
  /** Environment variables, on top of the owner's. */
  env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** What its `process.argv` has after the module. */
  args: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Flags of the runtime: `["--expose-gc"]`. */
  execArgv: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type WorkerConfig = typeof WorkerConfig.Type
