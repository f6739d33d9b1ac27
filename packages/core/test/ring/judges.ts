/**
 * Every model with the way it is explored: what `ring/` must pass and what each mutant of it must fail.
 */
import type { ExploreOptions, Program } from "../../src/testing/index.ts"
import { refusalsModel, routingModel } from "./boards.ts"
import { controlModel, gaugesModel } from "./control.ts"
import { meshModel, type MeshModel, type Ring } from "./models.ts"
import { contestModel, orphanModel, reserveModel, shutModel, soloModel, watchModel } from "./protocols.ts"
import { bellModel, counterModel } from "./words.ts"

export interface Judge {
  readonly name: string
  readonly program: (ring: Ring) => Program
  readonly options: ExploreOptions
  /** The only file of `ring/` that it is about; default: lanes, and what they stand on. */
  readonly about: string | undefined
}

const judge = (
  name: string,
  program: (ring: Ring) => Program,
  options: ExploreOptions = {},
  about: string | undefined = undefined
): Judge => ({ name, program, options, about })

const routing = "RoutingTable.ts"
const control = "ControlBlock.ts"
const refusals = "Refusals.ts"

const all = "all"
const half = 0x80000000

/** Exhaustive, every access a step, a second or less each: these judge mutants. */
export const quick: ReadonlyArray<Judge> = [
  judge("bell, 2 ringers, one dies", (ring) => bellModel(ring, 2, true)),
  judge("counter across 2^31, writer dies", (ring) => counterModel(ring, half - 2, [half - 1, half, half + 1], true)),
  judge("counter across 2^32, writer dies", (ring) => counterModel(ring, 2 * half - 1, [2 * half, 2 * half + 1], true)),
  judge("counter, writer dies within a step, reader at the next edge", (ring) =>
    counterModel(ring, half - 1, [half, 2 * half - 1, 2 * half], true, true)
  ),
  judge("bell, asleep in a promise", (ring) => bellModel(ring, 2, false, true)),
  judge("one thread alone", soloModel),
  judge("orphan", orphanModel),
  judge("reserve", reserveModel),
  judge("claim", (ring) => contestModel(ring, "claim")),
  judge("claim from the dead", (ring) => contestModel(ring, "succeed")),
  judge("adopt", (ring) => contestModel(ring, "adopt")),
  judge("retire", (ring) => contestModel(ring, "retire")),
  judge("shut", shutModel),
  judge("statistics", watchModel),
  judge("routing table changes hands, 2 senders", (ring) => routingModel(ring, 2, false), {}, routing),
  judge("routing table changes hands, a sender dies", (ring) => routingModel(ring, 2, true), {}, routing),
  judge("control block, the worker dies", (ring) => controlModel(ring, true), {}, control),
  judge("control block is looked at and cleared, the worker dies", (ring) => gaugesModel(ring, true), {}, control),
  judge("refusals come and go", refusalsModel, {}, refusals),
  judge("1×1, 3 messages, wraps, waits both ways, any dies", (ring) =>
    meshModel(ring, { senders: 1, receivers: 1, messages: 3, bytes: 16, batch: 1, mortal: all })
  ),
  judge("1×1, 3 messages, one by one, any dies", (ring) =>
    meshModel(ring, { senders: 1, receivers: 1, messages: 3, bytes: 16, batch: 1, mortal: all, oneByOne: true })
  ),
  judge("1×1, 4 messages in batches of 2, wraps, any dies", (ring) =>
    meshModel(ring, { senders: 1, receivers: 1, messages: 4, bytes: 16, batch: 2, mortal: all })
  ),
  judge("1×1, batches of 2, at most 2 messages, any dies", (ring) =>
    meshModel(ring, { senders: 1, receivers: 1, messages: 3, bytes: 8, batch: 2, laneMessages: 2, mortal: all })
  ),
  judge("1×2, a receiver leaves its message to the other, receivers die", (ring) =>
    meshModel(ring, { senders: 1, receivers: 2, messages: 1, bytes: 16, batch: 1, leaves: 0, mortal: "receivers" })
  ),
  judge("1×2, a dead receiver is retired", (ring) =>
    meshModel(ring, { senders: 1, receivers: 2, messages: 1, bytes: 16, batch: 1, mortal: "R0", retires: true })
  ),
  judge("2×1, 2 messages", (ring) => meshModel(ring, { senders: 2, receivers: 1, messages: 2, bytes: 16, batch: 1 })),
  judge("2×1, one sender is urgent", (ring) =>
    meshModel(ring, { senders: 2, receivers: 1, messages: 2, bytes: 16, batch: 1, urgent: 1 })
  )
]

/** The ones that judge mutants of a file. */
export const judgesOf = (file: string): ReadonlyArray<Judge> => {
  const own = quick.filter(({ about }) => about === file)
  return own.length > 0 ? own : quick.filter(({ about }) => about === undefined)
}

const eager = { plain: "eager" } as const

/** A mesh in which a plain access goes with the step before it, without the words that only count. */
const coarse = (name: string, model: MeshModel): Judge =>
  judge(name, (ring) => meshModel(ring, { ...model, statistics: false }), eager)

const messages = (messages: number, batch = 1) =>
  batch > 2 ? { messages, batch, bytes: 8 } : { messages, batch, bytes: 16 }

/** The death of each thread of 2×2 is a model of its own: an execution has one death at most. */
const each = (models: (mortal: "S0" | "S1" | "R0" | "R1") => ReadonlyArray<Judge>): ReadonlyArray<Judge> =>
  (["S0", "S1", "R0", "R1"] as const).flatMap(models)

/** The large ones: the small ones showed that there are no races, and what the words that only count are good for. */
export const large: ReadonlyArray<Judge> = [
  coarse("2×1, 3 messages", { senders: 2, receivers: 1, ...messages(3) }),
  coarse("2×1, 4 messages in batches of 2", { senders: 2, receivers: 1, ...messages(4, 2) }),
  coarse("2×1, 2 messages, any dies", { senders: 2, receivers: 1, ...messages(2), mortal: all }),
  coarse("1×2, 2 messages, one left to the other receiver, receivers die", {
    senders: 1,
    receivers: 2,
    ...messages(2),
    leaves: 0,
    mortal: "receivers"
  }),
  ...each((mortal) => [
    coarse(`2×2, 3 messages in a batch, ${mortal} dies`, { senders: 2, receivers: 2, ...messages(3, 3), mortal })
  ])
]

/** For `npm run test:explore`: minutes. */
export const huge: ReadonlyArray<Judge> = [
  coarse("1×2, 3 messages, receivers die", { senders: 1, receivers: 2, ...messages(3), mortal: "receivers" }),
  coarse("2×1, 3 messages, any dies", { senders: 2, receivers: 1, ...messages(3), mortal: all }),
  coarse("2×2, 2 messages", { senders: 2, receivers: 2, ...messages(2) }),
  coarse("2×2, 1 message, any dies", { senders: 2, receivers: 2, ...messages(1), mortal: all })
]

/** For `npm run test:explore -- --huge`: hours, and gigabytes. */
export const colossal: ReadonlyArray<Judge> = each((mortal) => [
  coarse(`2×2, 3 messages, 2 in a batch, ${mortal} dies`, { senders: 2, receivers: 2, ...messages(3, 2), mortal }),
  coarse(`2×2, 3 messages, ${mortal} dies`, { senders: 2, receivers: 2, ...messages(3), mortal })
])
