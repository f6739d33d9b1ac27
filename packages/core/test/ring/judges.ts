/**
 * Every model with the way it is explored: what `ring/` must pass and what each mutant of it must fail.
 */
import type { ExploreOptions, Program } from "../../src/testing/index.ts"
import { controlModel, routingModel } from "./boards.ts"
import { meshModel, type Ring } from "./models.ts"
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
  judge("2×1, 2 messages", (ring) => meshModel(ring, { senders: 2, receivers: 1, messages: 2, bytes: 16, batch: 1 }))
]

/** The ones that judge mutants of a file. */
export const judgesOf = (file: string): ReadonlyArray<Judge> => {
  const own = quick.filter(({ about }) => about === file)
  return own.length > 0 ? own : quick.filter(({ about }) => about === undefined)
}

const eager = { plain: "eager" } as const

/**
 * The large ones, in which a plain access goes with the step before it: the small ones showed that there are no
 * races. Those with a bound explore every schedule with at most so many preemptions, all others every schedule.
 */
export const large: ReadonlyArray<Judge> = [
  judge(
    "2×1, 3 messages",
    (ring) => meshModel(ring, { senders: 2, receivers: 1, messages: 3, bytes: 16, batch: 1 }),
    eager
  ),
  judge(
    "2×1, 4 messages in batches of 2",
    (ring) => meshModel(ring, { senders: 2, receivers: 1, messages: 4, bytes: 16, batch: 2 }),
    eager
  ),
  judge(
    "2×1, 2 messages, any dies",
    (ring) => meshModel(ring, { senders: 2, receivers: 1, messages: 2, bytes: 16, batch: 1, mortal: all }),
    eager
  ),
  judge(
    "2×1, 3 messages, any dies, at most 1 preemption",
    (ring) => meshModel(ring, { senders: 2, receivers: 1, messages: 3, bytes: 16, batch: 1, mortal: all }),
    { ...eager, preemptions: 1 }
  ),
  judge(
    "1×2, 2 messages, one left to the other receiver, receivers die",
    (ring) =>
      meshModel(ring, { senders: 1, receivers: 2, messages: 2, bytes: 16, batch: 1, leaves: 0, mortal: "receivers" }),
    eager
  ),
  judge(
    "2×2, 1 message",
    (ring) => meshModel(ring, { senders: 2, receivers: 2, messages: 1, bytes: 16, batch: 1 }),
    eager
  ),
  judge(
    "2×2, 3 messages, at most 2 preemptions",
    (ring) => meshModel(ring, { senders: 2, receivers: 2, messages: 3, bytes: 16, batch: 1 }),
    { ...eager, preemptions: 2 }
  ),
  judge(
    "2×2, 3 messages, any dies, no preemption",
    (ring) => meshModel(ring, { senders: 2, receivers: 2, messages: 3, bytes: 16, batch: 1, mortal: all }),
    { ...eager, preemptions: 0 }
  )
]

/** For `npm run test:explore`: minutes. */
export const huge: ReadonlyArray<Judge> = [
  judge(
    "2×2, 2 messages",
    (ring) => meshModel(ring, { senders: 2, receivers: 2, messages: 2, bytes: 16, batch: 1 }),
    eager
  ),
  judge(
    "2×2, 1 message, any dies, at most 2 preemptions",
    (ring) => meshModel(ring, { senders: 2, receivers: 2, messages: 1, bytes: 16, batch: 1, mortal: all }),
    { ...eager, preemptions: 2 }
  ),
  judge(
    "1×2, 3 messages, receivers die",
    (ring) => meshModel(ring, { senders: 1, receivers: 2, messages: 3, bytes: 16, batch: 1, mortal: "receivers" }),
    eager
  ),
  judge(
    "2×1, 3 messages, any dies",
    (ring) => meshModel(ring, { senders: 2, receivers: 1, messages: 3, bytes: 16, batch: 1, mortal: all }),
    eager
  ),
  judge(
    "2×2, 3 messages, any dies, at most 1 preemption",
    (ring) => meshModel(ring, { senders: 2, receivers: 2, messages: 3, bytes: 16, batch: 1, mortal: all }),
    { ...eager, preemptions: 1 }
  )
]
