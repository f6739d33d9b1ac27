/**
 * The eleven documented errors. Every public operation names in its type those it can fail with;
 * `SharedNothingError` is the union of all.
 *
 * They are schemas, so a worker's failure crosses a thread with its class, fields and cause. An
 * error that refused messages gives them back in `unsent`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const Unsent = Schema.Array(Schema.Unknown)

const show = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "number" || value === null || typeof value !== "object") return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/**
 * The worker is not running, so it takes no messages and no commands but `start`.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerNotRunning extends Schema.TaggedError<WorkerNotRunning>()("WorkerNotRunning", {
  worker: Schema.String,
  /** `Idle`, `Paused` or `Stopped`, that a circuit is open, or that its pool has given up, and why. */
  state: Schema.String,
  operation: Schema.String,
  unsent: Unsent,
  /** Milliseconds until an open circuit lets a probe pass; absent if that is not the reason. */
  retryAfterMillis: Schema.optionalKey(Schema.Number)
}) {
  override get message(): string {
    return `${this.operation}: worker ${this.worker} is not running (${this.state})`
  }
}

/**
 * The worker runs already, or is attached to another pool.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerAlreadyRunning extends Schema.TaggedError<WorkerAlreadyRunning>()("WorkerAlreadyRunning", {
  worker: Schema.String,
  operation: Schema.String
}) {
  override get message(): string {
    return `${this.operation}: worker ${this.worker} is running already`
  }
}

/**
 * The worker failed where it must not: it threw, exited, was killed, or could not start.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerPanicked extends Schema.TaggedError<WorkerPanicked>()("WorkerPanicked", {
  worker: Schema.String,
  /** What it was doing: `import`, `init`, `handle`, `shutdown`, … */
  phase: Schema.String,
  detail: Schema.String,
  /** Key of the message that it was handling, if there was one. */
  key: Schema.optionalKey(Schema.String),
  exitCode: Schema.optionalKey(Schema.Int),
  /** With its stack, wherever it was thrown. */
  cause: Schema.optionalKey(Schema.Defect({ includeStack: true }))
}) {
  override get message(): string {
    const key = this.key === undefined ? "" : ` (key ${show(this.key)})`
    return `worker ${this.worker} panicked in ${this.phase}${key}: ${this.detail}`
  }
}

/**
 * A message was not sent. `reason` says which half is to blame:
 * - `Closed`: this sender or the channel is closed
 * - `ReceiverClosed`: every receiver closed
 * - `ReceiverDied`: the thread of the receiver is gone and nobody took over
 * - `Encode`: the message does not fit the schema
 * - `TooLarge`: the message fits neither the ring nor the way beside it
 *
 * @category errors
 * @since 0.1.0
 */
export class SendError extends Schema.TaggedError<SendError>()("SendError", {
  channel: Schema.String,
  reason: Schema.Literals(["Closed", "ReceiverClosed", "ReceiverDied", "Encode", "TooLarge"]),
  detail: Schema.String,
  /** The messages that were not accepted, in order. */
  unsent: Unsent,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `channel ${this.channel}: not sent (${this.reason}): ${this.detail}`
  }
}

/**
 * A message was not received. `reason` says which half is to blame:
 * - `Closed`: this receiver or the channel is closed, or every sender closed and all was read
 * - `SenderDied`: the threads of the senders that did not close are gone, and all was read
 * - `Corrupt`: the bytes in the ring are not a frame
 * - `Decode`: the frame does not fit the schema
 * - `Lost`: a moved payload died with the receiver it was moved to
 *
 * @category errors
 * @since 0.1.0
 */
export class ReceiveError extends Schema.TaggedError<ReceiveError>()("ReceiveError", {
  channel: Schema.String,
  reason: Schema.Literals(["Closed", "SenderDied", "Corrupt", "Decode", "Lost"]),
  detail: Schema.String,
  /** Byte offset in the channel's memory, where a place is to blame. */
  offset: Schema.optionalKey(Schema.Int),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const at = this.offset === undefined ? "" : ` at byte ${this.offset}`
    return `channel ${this.channel}: not received (${this.reason})${at}: ${this.detail}`
  }
}

/**
 * An operation did not finish in the time it was given.
 *
 * @category errors
 * @since 0.1.0
 */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", {
  operation: Schema.String,
  millis: Schema.Number,
  unsent: Unsent
}) {
  override get message(): string {
    return `${this.operation} did not finish within ${this.millis} ms`
  }
}

/**
 * An option is not what it may be.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>()("InvalidConfig", {
  option: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {
  override get message(): string {
    return `${this.option} = ${show(this.value)} is not allowed: ${this.allowed}`
  }
}

/**
 * The pool has no room and its policy is not to wait.
 *
 * @category errors
 * @since 0.1.0
 */
export class PoolFull extends Schema.TaggedError<PoolFull>()("PoolFull", {
  pool: Schema.String,
  capacity: Schema.Number,
  unsent: Unsent
}) {
  override get message(): string {
    return `pool ${this.pool} is full (${this.capacity} messages a worker)`
  }
}

/**
 * The pool has no worker of that id.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerNotFound extends Schema.TaggedError<WorkerNotFound>()("WorkerNotFound", {
  worker: Schema.String,
  known: Schema.Array(Schema.String),
  unsent: Unsent
}) {
  override get message(): string {
    return `no worker ${show(this.worker)}; there are ${this.known.join(", ")}`
  }
}

/**
 * A key has no place, or could not be computed.
 *
 * @category errors
 * @since 0.1.0
 */
export class PartitionError extends Schema.TaggedError<PartitionError>()("PartitionError", {
  partitioner: Schema.String,
  key: Schema.Unknown,
  detail: Schema.String,
  unsent: Unsent,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.partitioner}: no place for key ${show(this.key)}: ${this.detail}`
  }
}

/**
 * Whatever fits none of the others.
 *
 * @category errors
 * @since 0.1.0
 */
export class Other extends Schema.TaggedError<Other>()("Other", {
  operation: Schema.String,
  detail: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.operation}: ${this.detail}`
  }
}

/**
 * The union of the eleven, as a schema.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SharedNothingError = Schema.Union([
  WorkerNotRunning,
  WorkerAlreadyRunning,
  WorkerPanicked,
  SendError,
  ReceiveError,
  Timeout,
  InvalidConfig,
  PoolFull,
  WorkerNotFound,
  PartitionError,
  Other
])

/**
 * @category models
 * @since 0.1.0
 */
export type SharedNothingError = typeof SharedNothingError.Type
