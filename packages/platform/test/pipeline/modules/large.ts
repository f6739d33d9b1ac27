/** Elements that are too large for a lane, and a thread that dies with some of them in hand. */
import { openSync } from "node:fs"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"

const Large = Schema.Struct({ n: Schema.Int, text: Schema.String })

const Make = Stage.map("make", {
  in: Schema.Int,
  out: Large,
  run: (n) => ({ n, text: `${n % 10}`.repeat(2_500_000) })
})

export const large = Pipeline.define("large", {
  in: Schema.Int,
  args: Schema.Struct({ mark: Schema.String }),
  build: (numbers, { mark }) => {
    const dieOnce = () => {
      try {
        openSync(mark, "wx")
      } catch {
        return
      }
      process.exit(9)
    }
    const measure = Stage.map("measure", {
      in: Large,
      out: Schema.Struct({ n: Schema.Int, length: Schema.Int }),
      run: ({ n, text }) => {
        if (n === 20) dieOnce()
        return { n, length: text.endsWith(`${n % 10}`) ? text.length : 0 }
      }
    })
    return numbers.pipe(Pipeline.via(Make), Pipeline.via(measure, { disjoint: true }))
  }
})
