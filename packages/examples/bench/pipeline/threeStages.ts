/**
 * The pipeline that is measured: a source and a first stage, a keyed edge, and the second and third stage.
 * `disjoint` puts what follows the edge into threads of its own; else one subtask of each side shares a thread,
 * and with one subtask the edge is no more than a call.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Source from "@shared-nothing/core/Source"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"
import { add, calibrate, empty, make, Reading, shown, Total } from "./handlers.ts"

const Calibrate = Stage.map("calibrate", { in: Reading, out: Reading, run: calibrate })

const Add = Stage.process("add", {
  in: Reading,
  out: Total,
  init: empty,
  handle: (state, reading, { emit }) => {
    const next = add(state, reading)
    emit(next)
    return next
  }
})

const Shown = Stage.filter("shown", { in: Total, run: shown })

export const threeStages = Pipeline.define("threeStages", {
  in: Schema.Undefined,
  args: Schema.Struct({ count: Schema.Int, parallelism: Schema.Int, disjoint: Schema.Boolean }),
  build: (_, { count, disjoint, parallelism }) =>
    Source.generate("readings", { out: Reading, count, parallelism, of: make }).pipe(
      Pipeline.via(Calibrate),
      Pipeline.keyBy((reading) => reading.key),
      Pipeline.via(Add, { parallelism, disjoint }),
      Pipeline.via(Shown)
    )
})
