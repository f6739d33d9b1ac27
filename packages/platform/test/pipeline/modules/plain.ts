/** One small pipeline. */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Schema from "effect/Schema"
import * as Stage from "@shared-nothing/core/Stage"

const Twice = Stage.map("twice as much", { in: Schema.Int, out: Schema.Int, run: (n) => 2 * n })
export const doubled = Pipeline.define("doubled", { in: Schema.Int, build: (n) => n.pipe(Pipeline.via(Twice)) })
