/** A pipeline whose threads die before they have begun: as many of them as it is told. */
import { openSync } from "node:fs"
import { isMainThread } from "node:worker_threads"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"

const isFirst = (file: string): boolean => {
  try {
    openSync(file, "wx")
    return true
  } catch {
    return false
  }
}

const die = (marks: string, deaths: number) => {
  for (let death = 0; death < deaths; death++) if (isFirst(`${marks}/${death}`)) process.exit(9)
}

const Next = Stage.map("next", { in: Schema.Int, out: Schema.Int, run: (n) => n + 1 })
const Sum = Stage.process("sum", {
  in: Schema.Int,
  out: Schema.Int,
  init: () => 0,
  handle: (sum, n, { emit }) => {
    emit(sum + n)
    return sum + n
  }
})

export const unborn = Pipeline.define("unborn", {
  in: Schema.Int,
  args: Schema.Struct({ marks: Schema.String, deaths: Schema.Int }),
  build: (numbers, { deaths, marks }) => {
    if (!isMainThread) die(marks, deaths)
    return numbers.pipe(
      Pipeline.via(Next, { parallelism: 2 }),
      Pipeline.keyBy((n) => n % 3),
      Pipeline.via(Sum, { parallelism: 2 })
    )
  }
})
