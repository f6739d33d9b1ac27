/** A pipeline whose stage can be told to do what only a process contains. */
import * as Codec from "@shared-nothing/core/Codec"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"
import { closeSync, openSync } from "node:fs"

/** True for whoever asks first for a file that is not there. */
const isFirst = (file: string): boolean => {
  try {
    closeSync(openSync(file, "wx"))
    return true
  } catch {
    return false
  }
}

const perils: Record<string, () => void> = {
  abort: () => process.abort(),
  exit: () => process.exit(7),
  kill: () => process.kill(process.pid, "SIGKILL"),
  throw: () => {
    throw new RangeError("a word that throws")
  },
  exhaust: () => {
    const all: Array<unknown> = []
    for (;;) all.push(Array.from({ length: 1000 }, () => ({})))
  }
}

const Word = Schema.Struct({ word: Schema.String, nth: Schema.Int, pid: Schema.Int })

/** Does what a word says, once; `marker` is where that is remembered. */
const Perilous = (marker: string) =>
  Stage.process("perilous", {
    in: Schema.String,
    out: Word,
    init: () => 0,
    handle: (count, word, { emit }) => {
      if (perils[word] !== undefined && isFirst(marker)) perils[word]()
      emit({ word, nth: count + 1, pid: process.pid })
      return count + 1
    }
  })

/** Every word has the number of its kind. */
export const perilous = Pipeline.define("perilous", {
  in: Schema.String,
  args: Schema.Struct({ marker: Schema.String, parallelism: Schema.Int }),
  build: (words, { marker, parallelism }) =>
    words.pipe(
      Pipeline.keyBy((word) => word),
      Pipeline.via(Perilous(marker), { parallelism })
    )
})

const Share = Stage.map("share", {
  in: Schema.Int,
  out: Codec.SharedMemory,
  run: (bytes) => new SharedArrayBuffer(bytes)
})
const Size = Stage.map("size", { in: Codec.SharedMemory, out: Schema.Int, run: ({ byteLength }) => byteLength })

/** What goes from stage to stage is shared memory. */
export const sharing = Pipeline.define("sharing", {
  in: Schema.Int,
  build: (bytes) => bytes.pipe(Pipeline.via(Share), Pipeline.rebalance, Pipeline.via(Size, { disjoint: true }))
})
