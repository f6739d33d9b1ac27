/**
 * The channels between subtasks: one for each subtask that has inputs, and one for the output. All
 * belong to the thread that runs the pipeline; the subtasks attach their ends.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ReceiverHandle, SenderHandle } from "../../channel/Handle.ts"
import * as SharedChannel from "../../channel/SharedChannel.ts"
import * as Codec from "../../codec/Codec.ts"
import { InvalidConfig } from "../../errors/Errors.ts"
import type { AnySchema } from "../Graph.ts"
import { type Chain, type Edge, inputCount, nameOf, type Plan, targets } from "../plan/Plan.ts"
import type { IsLocal } from "../plan/slots.ts"
import * as Frame from "./Frame.ts"

/** Frames that wait between two subtasks. */
const capacity = 16

/** Bytes of all that waits for one subtask. */
const budget = 16 * 1_048_576

/** Most bytes that wait between two subtasks. */
const most = 1_048_576

const refused = ({ from, to }: Edge, value: string, allowed: string): InvalidConfig =>
  new InvalidConfig({ option: `${nameOf(from)} → ${to === undefined ? "output" : nameOf(to)}`, value, allowed })

const known = (edge: Edge): Effect.Effect<AnySchema, InvalidConfig> =>
  edge.schema === undefined
    ? Effect.fail(
        refused(
          edge,
          "a stream without a schema",
          "one with a schema, since it crosses threads: use Pipeline.fromStream"
        )
      )
    : Effect.succeed(edge.schema)

/** The schema of what a chain's subtasks receive. */
export const schemaOfInputs = (chain: Chain): Schema.Codec<Frame.Frame, unknown> =>
  Frame.schema(chain.inputs.map(({ schema }) => schema!))

/** The schema of the channel that an edge sends into. */
export const schemaOfEdge = (edge: Edge): Schema.Codec<Frame.Frame, unknown> =>
  edge.to === undefined ? Frame.schema([edge.schema!]) : schemaOfInputs(edge.to)

/** Where one subtask of an edge is local, all are alike, and others send as well unless it is `forward`. */
const isReached = (edge: Edge, isLocal: IsLocal): boolean =>
  !isLocal(edge, 0, 0) || (edge.route._tag !== "forward" && targets(edge) > 1)

/** Refuses what only threads could send each other. */
export const checkUnshared = ({ chains }: Plan, isLocal: IsLocal): Effect.Effect<void, InvalidConfig> =>
  Effect.forEach(
    chains.flatMap(({ outputs }) => outputs),
    (edge) =>
      isReached(edge, isLocal) && Codec.make(schemaOfEdge(edge)).mayShare
        ? Effect.fail(refused(edge, "shared memory", "elements without it: they go to another process, which has none"))
        : Effect.void,
    { discard: true }
  )

/**
 * @category models
 * @since 0.1.0
 */
export interface Channels {
  readonly result: ReceiverHandle<Frame.Frame>
  readonly mailbox: (chain: Chain, index: number) => ReceiverHandle<Frame.Frame> | null
  /** Places for subtask `index` of a chain, by outlet and target; each is to be attached once. */
  readonly outlets: (
    chain: Chain,
    index: number
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<SenderHandle<Frame.Frame>>>, InvalidConfig>
}

/**
 * Makes the channels of a plan; with more room in them where frames stay until they are saved, and none for
 * what stays in a thread.
 */
export const make = Effect.fnUntraced(function* (
  plan: Plan,
  saving: boolean,
  isLocal: IsLocal = () => false
): Effect.fn.Return<Channels, InvalidConfig, Scope.Scope> {
  for (const chain of plan.chains) for (const edge of chain.outputs) yield* known(edge)
  const channel = (name: string, edges: ReadonlyArray<Edge>) => {
    const inputs = inputCount(edges)
    const schema = edges[0].to === undefined ? Frame.schema([edges[0].schema!]) : schemaOfInputs(edges[0].to)
    return SharedChannel.mpsc(schema, {
      name,
      capacity: saving ? 8 * capacity : capacity,
      capacityBytes: Math.max(65_536, Math.min(saving ? 4 * most : most, 2 ** Math.floor(Math.log2(budget / inputs)))),
      onReceiverDeath: saving ? "wait" : "fail",
      // The first place comes with the channel and stays free, so that all are handed out alike.
      maxSenders: inputs + 1
    })
  }
  const result = yield* channel("output", [plan.result])
  const inboxes = new Map<Chain, Array<SharedChannel.SharedChannel<Frame.Frame>>>()
  for (const chain of plan.chains) {
    if (!chain.inputs.some((edge) => isReached(edge, isLocal))) continue
    const own: Array<SharedChannel.SharedChannel<Frame.Frame>> = []
    for (let index = 0; index < chain.parallelism; index++) {
      own.push(yield* channel(`${nameOf(chain)}/${index}`, chain.inputs))
    }
    inboxes.set(chain, own)
  }
  return {
    result: result.receiver,
    mailbox: (chain, index) => inboxes.get(chain)?.[index].receiver ?? null,
    outlets: (chain, index) =>
      Effect.forEach(chain.outputs, (edge) => {
        const all = edge.to === undefined ? [result] : inboxes.get(edge.to)
        return Effect.forEach(Array.from({ length: targets(edge) }), (_, target) =>
          // A forward edge leads to one target; the others are never sent to.
          isLocal(edge, index, target) || (edge.route._tag === "forward" && edge.to !== undefined && target !== index)
            ? Effect.succeed({ ...(all?.[target] ?? result).sender, slot: -1 })
            : all![target].cloneSender
        )
      })
  }
})
