/**
 * A pipeline as a value: nodes that name the nodes they read from. Immutable, and a node is made
 * after its inputs, so a graph has no cycle.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { HashKey } from "../partition/KeyHash.ts"
import type { OnError, Operator, OperatorContext } from "./Operator.ts"

/**
 * A schema whose type does not matter here.
 *
 * @category models
 * @since 0.1.0
 */
export type AnySchema = Schema.Codec<unknown, unknown>

/** Forgets the type of a schema: graphs hold stages of all types. */
export const erase = <A>(schema: Schema.Codec<A, unknown>): AnySchema => schema as unknown as AnySchema

/**
 * How elements go from one stage to the next:
 *
 * - `forward`: subtask i to subtask i
 * - `rebalance`: batch by batch, to each subtask in turn
 * - `keyBy`: all elements of a key to one subtask
 * - `broadcast`: every element to every subtask
 *
 * @category models
 * @since 0.1.0
 */
export type Route =
  | { readonly _tag: "forward" }
  | { readonly _tag: "rebalance" }
  | { readonly _tag: "broadcast" }
  | { readonly _tag: "keyBy"; readonly key: (element: unknown) => HashKey; readonly place?: Place | undefined }

/**
 * Which of so many subtasks a key belongs to, from 0; the same whenever and wherever it is asked.
 *
 * @category models
 * @since 0.1.0
 */
export type Place = (key: HashKey, subtasks: number) => number

/**
 * The output of a node that is not a side output.
 *
 * @category constants
 * @since 0.1.0
 */
export const mainOutput = ""

/**
 * The side output that every node has: what it could not handle.
 *
 * @category constants
 * @since 0.1.0
 */
export const deadOutput = "deadLetter"

/**
 * @category models
 * @since 0.1.0
 */
export interface Input {
  readonly from: Node
  /** Which output of `from`. */
  readonly output: string
  /** Undefined: `forward` between equal parallelisms, else `rebalance`. */
  readonly route: Route | undefined
  /** Schema of what comes in; undefined if whatever comes out fits. */
  readonly schema: AnySchema | undefined
}

/**
 * Where a graph begins: a stream in the thread that runs the pipeline, splits that the subtasks of the
 * source share out and read where they are, or blocks of elements that they make from their numbers;
 * an empty block is the end.
 *
 * @category models
 * @since 0.1.0
 */
export type Origin =
  | { readonly _tag: "Stream"; readonly stream: Stream.Stream<unknown, unknown, unknown> }
  | {
      readonly _tag: "Splits"
      readonly splits: Effect.Effect<ReadonlyArray<unknown>, unknown, unknown>
      /** The elements of a split, after the first `taken`. */
      readonly read: (split: unknown, taken: number) => Stream.Stream<unknown, unknown, unknown>
    }
  | { readonly _tag: "Blocks"; readonly block: (number: number) => ReadonlyArray<unknown> }

/**
 * What a stage does about the event time of elements: hands on what they have, gives them one, whatever
 * they have, or needs one.
 *
 * @category models
 * @since 0.1.0
 */
export type TimeUse = "keeps" | "gives" | "needs"

/**
 * @category models
 * @since 0.1.0
 */
export interface Node {
  readonly name: string
  /** What kind of stage it is, in words: for `explain`. */
  readonly kind: string
  readonly inputs: ReadonlyArray<Input>
  /** Schema of its main output; undefined for a stream whose schema nobody gave. */
  readonly output: AnySchema | undefined
  readonly sides: Readonly<Record<string, AnySchema>>
  /** Undefined: as the first input's. */
  readonly parallelism: number | undefined
  /** Whether it must not share a subtask with its input. */
  readonly disjoint: boolean
  /** Most elements that it is given at a time, at the head of a chain of its own; undefined: as many as come. */
  readonly batch: number | undefined
  /** Whether its input must be keyed. */
  readonly keyed: boolean
  readonly time: TimeUse
  readonly onError: OnError
  readonly retries: number
  readonly origin: Origin | undefined
  readonly make: ((context: OperatorContext) => Operator) | undefined
  /** What is wrong with it, found when it was made and told when it is built. */
  readonly faults: ReadonlyArray<Fault>
}

/**
 * An option that is not what it may be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly option: string
  readonly value: unknown
  readonly allowed: string
}

const plain = {
  inputs: [],
  output: undefined,
  sides: {},
  parallelism: undefined,
  disjoint: false,
  batch: undefined,
  keyed: false,
  time: "keeps",
  onError: "fail",
  retries: 0,
  origin: undefined,
  make: undefined,
  faults: []
} as const

/** A node with defaults for what is not given. */
export const node = (fields: Pick<Node, "name" | "kind"> & Partial<Node>): Node => ({ ...plain, ...fields })
