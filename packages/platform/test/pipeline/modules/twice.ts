/** Two pipelines of one name. */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Schema from "effect/Schema"

export const first = Pipeline.define("twice", { in: Schema.Int, build: (n) => n.pipe(Pipeline.filter(() => true)) })
export const second = Pipeline.define("twice", { in: Schema.Int, build: (n) => n.pipe(Pipeline.filter(() => false)) })
