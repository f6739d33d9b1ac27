import * as Worker from "@shared-nothing/core/Worker"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"

export class Scribe extends Worker.Service<Scribe>()("Scribe", {
  message: Schema.Struct({ key: Schema.String, text: Schema.String }),
  requests: [Rpc.make("Sync", { success: Schema.Void })],
  key: (message) => message.key
}) {}
