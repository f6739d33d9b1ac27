/**
 * The codecs of a contract, compiled once a thread: one for its message, and for each request its
 * payload, its success (or the chunk of a streaming one) and its error. Those of what seldom happens
 * are functions, compiled when it happens: a thread starts sooner.
 *
 * @since 0.1.0
 */
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcSchema from "effect/rpc/RpcSchema"
import * as Schema from "effect/Schema"
import { type Codec, make } from "../codec/Codec.ts"
import { WorkerPanicked } from "../errors/Errors.ts"
import type { AnyContract } from "./Worker.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RequestWire {
  readonly tag: string
  readonly index: number
  readonly streaming: boolean
  /** Whether it is its owner's own, which goes before all that is sent. */
  readonly internal: boolean
  readonly payload: Codec<unknown>
  /** The success of a plain request, an array of elements of a streaming one. */
  readonly success: Codec<unknown>
  /** Undefined if the request cannot fail. */
  readonly error: Codec<unknown> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Wire {
  readonly message: Codec<unknown>
  /** What the runtime itself asks a worker, in the contract's own codecs. Undefined without `state`. */
  readonly internal: { readonly extract: RequestWire; readonly restore: RequestWire } | undefined
  /** The owner's decision about a message that failed: 1 to try it again, 0 to give it up. */
  readonly verdict: RequestWire
  /** Asks for a word when all that was sent before is seen; and for what there is of a key group, if it names one. */
  readonly sight: RequestWire
  /** A message that is given up. */
  readonly dead: () => Codec<Dead>
  /** A message, or a request, of a key group that goes to another worker. */
  readonly handed: () => Codec<Handed>
  /** Undefined if nothing is emitted. */
  readonly output: Codec<unknown> | undefined
  /** Whether a request has a streaming answer. */
  readonly streams: boolean
  readonly fingerprints: Fingerprints
  readonly requests: ReadonlyArray<RequestWire>
  readonly byTag: ReadonlyMap<string, RequestWire>
}

/**
 * A hash for each part of a contract, by what it is: `message`, `requests.Top.success`. Whoever has
 * other ones does not speak of the same contract.
 *
 * @category models
 * @since 0.1.0
 */
export type Fingerprints = Readonly<Record<string, string>>

/**
 * The parts that two ends of a contract do not agree about.
 *
 * @category accessors
 * @since 0.1.0
 */
export const differences = (one: Fingerprints, other: Fingerprints): ReadonlyArray<string> =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((part) => one[part] !== other[part])

const fingerprintsOf = (
  { initData, output, state }: AnyContract,
  message: Codec<unknown>,
  requests: ReadonlyArray<RequestWire>
): Fingerprints => {
  const hash = ({ fingerprint: [high, low] }: Codec<unknown>) => `${high >>> 0}.${low >>> 0}`
  const parts: Record<string, string> = {
    message: hash(message),
    initData: hash(make(initData)),
    // They are asked by their number.
    requests: requests.map(({ tag }) => tag).join()
  }
  if (state !== undefined) parts.state = hash(make(state))
  if (output !== undefined) parts.output = hash(make(output))
  for (const { error, payload, streaming, success, tag } of requests) {
    parts[`requests.${tag}.payload`] = hash(payload)
    parts[`requests.${tag}.${streaming ? "stream" : "success"}`] = hash(success)
    if (error !== undefined) parts[`requests.${tag}.error`] = hash(error)
  }
  return parts
}

const cache = new WeakMap<object, Wire>()

const isNever = (schema: Schema.Top): boolean => schema.ast._tag === "Never"

const compileRequest = (rpc: Rpc.AnyWithProps, index: number): RequestWire => {
  const success: Schema.Top = rpc.successSchema
  const stream = RpcSchema.isStreamSchema(success) ? success : undefined
  const errors = [rpc.errorSchema, ...(stream === undefined ? [] : [stream.error])].filter((schema) => !isNever(schema))
  const codec = (schema: Schema.Top) => make(schema as unknown as Schema.Codec<unknown, unknown>)
  return {
    tag: rpc._tag,
    index,
    streaming: stream !== undefined,
    internal: false,
    payload: codec(rpc.payloadSchema),
    success: codec(stream === undefined ? success : Schema.Array(stream.success)),
    error: errors.length === 0 ? undefined : codec(errors.length === 1 ? errors[0] : Schema.Union(errors))
  }
}

/**
 * The key groups that a worker is asked about: a bit for each, and whether it is to forget them.
 *
 * @category models
 * @since 0.1.0
 */
export const Groups = Schema.Struct({ bits: Schema.Uint8Array, count: Schema.Int, forget: Schema.Boolean })

/**
 * A message that failed, by its key and its place in the mailbox, or a batch that did, by that of its first message;
 * and how many messages succeeded since the last failure, of all and of the same key group.
 *
 * @category models
 * @since 0.1.0
 */
export const Failed = Schema.Struct({
  lane: Schema.Int,
  number: Schema.Int,
  size: Schema.Int,
  group: Schema.Int,
  since: Schema.Int,
  groupSince: Schema.Int,
  key: Schema.optionalKey(Schema.Union([Schema.String, Schema.Number, Schema.BigInt])),
  error: WorkerPanicked
})

/**
 * A message that is given up; without it if it cannot be decoded any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dead {
  readonly lane: number
  readonly number: number
  readonly message?: unknown
  /** Why it cannot be decoded, or why it failed where its owner does not know yet. */
  readonly error?: WorkerPanicked
  /** How often it was tried, where its owner does not know. */
  readonly tries?: number
}

/**
 * What of a key group goes to another worker: a message with its deadline and context, or the number of a request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handed {
  readonly lane: number
  readonly number: number
  readonly message?: unknown
  readonly allowed?: number
  readonly context?: string
  readonly request?: number
}

/**
 * How much was sent in each lane by the time that it was asked, and the key groups to hand over.
 *
 * @category models
 * @since 0.1.0
 */
export const Sight = Schema.Struct({ sent: Schema.Array(Schema.Int), groups: Schema.Array(Schema.Int) })

/**
 * @category schemas
 * @since 0.1.0
 */
export const Saved = Schema.Struct({
  counts: Schema.Array(Schema.Int),
  done: Schema.Array(Schema.Int),
  state: Schema.Uint8Array
})

const internalWire = (tag: string, index: number, payload: Codec<unknown>, success: Codec<unknown>): RequestWire => ({
  tag,
  index,
  streaming: false,
  internal: true,
  payload,
  success,
  error: undefined
})

const nothing = () => make(Schema.Undefined) as unknown as Codec<unknown>

const compileInternal = (state: Schema.Codec<unknown, unknown>, first: number): NonNullable<Wire["internal"]> => {
  const groups = make(Groups) as unknown as Codec<unknown>
  const snapshot = make(state)
  return {
    extract: internalWire("~extract", first, groups, snapshot),
    restore: internalWire("~restore", first + 1, snapshot, nothing())
  }
}

/**
 * Compiles, or finds, the codecs of a contract. Throws a `CodecError` for a schema that cannot be
 * encoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (contract: AnyContract): Wire => {
  const known = cache.get(contract)
  if (known !== undefined) return known
  const own = contract.requests.map((rpc, index) => compileRequest(rpc as Rpc.AnyWithProps, index))
  const internal = contract.state === undefined ? undefined : compileInternal(contract.state, own.length)
  const moving = internal === undefined ? own : [...own, internal.extract, internal.restore]
  const int = make(Schema.Int) as unknown as Codec<unknown>
  const verdict = internalWire("~verdict", moving.length, int, int)
  const sight = internalWire("~sight", moving.length + 1, make(Sight) as unknown as Codec<unknown>, nothing())
  const message = make(contract.message)
  const handed = Schema.Struct({
    lane: Schema.Int,
    number: Schema.Int,
    message: Schema.optionalKey(contract.message),
    allowed: Schema.optionalKey(Schema.Int),
    context: Schema.optionalKey(Schema.String),
    request: Schema.optionalKey(Schema.Int)
  })
  const dead = Schema.Struct({
    lane: Schema.Int,
    number: Schema.Int,
    message: Schema.optionalKey(contract.message),
    error: Schema.optionalKey(WorkerPanicked),
    tries: Schema.optionalKey(Schema.Int)
  })
  const wire: Wire = {
    message,
    output: contract.output === undefined ? undefined : make(contract.output),
    streams: own.some((request) => request.streaming),
    fingerprints: fingerprintsOf(contract, message, own),
    internal,
    verdict,
    sight,
    handed: () => make(handed) as Codec<Handed>,
    dead: () => make(dead) as Codec<Dead>,
    requests: [...moving, verdict, sight],
    byTag: new Map(own.map((request) => [request.tag, request]))
  }
  cache.set(contract, wire)
  return wire
}

/**
 * The codec of a panic, which any request may be answered with.
 *
 * @category constructors
 * @since 0.1.0
 */
export const panic = (): Codec<WorkerPanicked> => make(WorkerPanicked)

/**
 * @category constructors
 * @since 0.1.0
 */
export const failed = (): Codec<typeof Failed.Type> => make(Failed)

/**
 * @category constructors
 * @since 0.1.0
 */
export const saved = (): Codec<typeof Saved.Type> => make(Saved)
