/**
 * Mutants of `ring/` that the models cannot tell from the original, and why that is as it should be.
 */
import type { Change } from "../packages/core/test/ring/mutations.ts"

export interface Equivalent {
  readonly file: string
  readonly change: Change
  /** The line as it is in the sources, trimmed. */
  readonly source: string
  readonly reason: string
}

const afterDeath =
  "what counts is what the owner finds when the worker has died, and its death orders what it wrote; a look at a " +
  "living worker is a hint that races with plain stores either way"

const mixedGauges =
  "each gauge is right by itself: they are stored and loaded one by one, and a look may find them of two measurements " +
  "in either order"

const noted =
  "the next statement tells whoever keeps a copy of the block, which the models do not: packages/core/test/worker/mirror/" +
  "Mirror.test.ts looks at such a copy"

export const equivalents: ReadonlyArray<Equivalent> = [
  {
    file: "ControlBlock.ts",
    change: "weakened",
    source: "return this.memory.seam.load(this.memory.i32, Word.busy)",
    reason: afterDeath
  },
  {
    file: "ControlBlock.ts",
    change: "weakened",
    source: "return this.memory.seam.load(this.memory.i32, Word.lane)",
    reason: afterDeath
  },
  {
    file: "ControlBlock.ts",
    change: "weakened",
    source: "return this.memory.seam.load(this.memory.i32, Word.number)",
    reason: afterDeath
  },
  {
    file: "ControlBlock.ts",
    change: "weakened",
    source: "return this.memory.seam.load(this.memory.i32, Word.settled) !== 0",
    reason: afterDeath
  },
  {
    file: "ControlBlock.ts",
    change: "weakened",
    source:
      "return this.memory.seam.load(this.memory.i32, Word.pings) !== this.memory.seam.load(this.memory.i32, Word.pongs)",
    reason: "`pongs` has one writer, the worker, which alone asks"
  },
  {
    file: "ControlBlock.ts",
    change: "weakened",
    source: "return this.memory.seam.load(this.memory.i32, Word.since)",
    reason: afterDeath
  },
  ...[
    "this.memory.seam.store(this.memory.i32, Word.late, value)",
    "this.memory.seam.store(this.memory.i32, Word.allowed, value)",
    "this.memory.seam.store(this.memory.i32, Word.crowded, value ? 1 : 0)"
  ].map((source) => ({ file: "ControlBlock.ts", change: "after the next statement" as const, source, reason: noted })),
  {
    file: "ControlBlock.ts",
    change: "after the next statement",
    source: "seam.store(i32, Word.heap, Math.ceil(heap / kibi))",
    reason: mixedGauges
  },
  {
    file: "ControlBlock.ts",
    change: "after the next statement",
    source: "seam.store(i32, Word.buffers, Math.ceil(buffers / kibi))",
    reason: mixedGauges
  },
  {
    file: "Counter.ts",
    change: "after the next statement",
    source: "memory.seam.store(memory.i32, index, value | 0)",
    reason: "the other line is local"
  },
  {
    file: "Doorbell.ts",
    change: "dropped",
    source: "memory.seam.store(memory.i32, index, Idle)",
    reason: "a word left `Armed` by a sleeper that did not sleep costs the next ringer one needless notification"
  },
  {
    file: "LaneConsumer.ts",
    change: "weakened",
    source: "this.acked = seam.load(this.i32, control + LaneControl.acked)",
    reason:
      "the word has one writer, which is this half: a predecessor's stores are ordered by its death, bury and claim"
  },
  {
    file: "LaneConsumer.ts",
    change: "weakened",
    source: "this.count = seam.load(this.i32, control + LaneControl.ackedCount)",
    reason:
      "the word has one writer, which is this half: a predecessor's stores are ordered by its death, bury and claim"
  },
  {
    file: "LaneConsumer.ts",
    change: "after the next statement",
    source: "this.acked = seam.load(this.i32, control + LaneControl.acked)",
    reason: "two loads of words that only this half writes"
  },
  {
    file: "LaneConsumer.ts",
    change: "after the next statement",
    source: "this.count = seam.load(this.i32, control + LaneControl.ackedCount)",
    reason: "a load of a word that only this half writes, and a local assignment"
  },
  {
    file: "LaneConsumer.ts",
    change: "after the next statement",
    source: "this.memory.seam.store(this.i32, this.control + LaneControl.read, this.position)",
    reason: "`read` and `received` are statistics that nothing orders"
  },
  {
    file: "LaneConsumer.ts",
    change: "before the previous statement",
    source: "this.memory.seam.store(this.i32, this.control + LaneControl.read, this.position)",
    reason: "the other line is local"
  },
  {
    file: "LaneConsumer.ts",
    change: "before the previous statement",
    source: "this.memory.seam.store(this.i32, this.control + LaneControl.ackedCount, count)",
    reason: "the other line is local"
  },
  {
    file: "LaneProducer.ts",
    change: "weakened",
    source: "this.write = seam.load(this.i32, control + LaneControl.write)",
    reason:
      "the word has one writer, which is this half: a predecessor's stores are ordered by its death, bury and claim"
  },
  {
    file: "LaneProducer.ts",
    change: "after the next statement",
    source: "this.acked = seam.load(this.i32, control + LaneControl.acked)",
    reason: "`write` cannot change between the two: only this half writes it"
  },
  {
    file: "LaneProducer.ts",
    change: "after the next statement",
    source: "this.ackedCount = seam.load(this.i32, control + LaneControl.ackedCount)",
    reason: "`sent` has one writer, this half"
  },
  {
    file: "LaneProducer.ts",
    change: "before the previous statement",
    source: "this.ackedCount = seam.load(this.i32, control + LaneControl.ackedCount)",
    reason: "an older count makes the lane look fuller, and a full lane is looked at again"
  },
  {
    file: "LaneProducer.ts",
    change: "weakened",
    source: "return this.memory.seam.load(this.i32, this.control + LaneControl.ackedCount)",
    reason: "with everything acknowledged nobody stores the count, and it was stored before the `acked` that was loaded"
  },
  {
    file: "LaneProducer.ts",
    change: "before the previous statement",
    source: "this.memory.seam.store(this.i32, this.control + LaneControl.write, this.write)",
    reason: "the other line is local"
  },
  {
    file: "Mesh.ts",
    change: "after the next statement",
    source: "seam.add(i32, base + Endpoint.generation, 1)",
    reason: "the generation is a statistic that nothing orders"
  },
  {
    file: "Mesh.ts",
    change: "dropped",
    source: "let high = seam.load(i32, Header.highWater)",
    reason: "a first guess: a wrong one fails the compare-and-swap, and the word is loaded again"
  },
  {
    file: "ReceiverPort.ts",
    change: "weakened",
    source: "seam.store(i32, at, seam.load(i32, at) + 1)",
    reason: "the load of a word that only this thread writes"
  },
  {
    file: "SenderPort.ts",
    change: "weakened",
    source: "seam.store(i32, at, seam.load(i32, at) + 1)",
    reason: "the load of a word that only this thread writes"
  },
  {
    file: "Refusals.ts",
    change: "after the next statement",
    source: "seam.store(i32, word, value)",
    reason: "a sender that finds the count and not yet the word sends, as it would have a moment before"
  }
]
