import * as Worker from "@shared-nothing/core/Worker"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"

export class Tally extends Worker.Service<Tally>()("Tally", {
  message: Schema.Struct({ word: Schema.String, body: Schema.Uint8Array }),
  requests: [
    Rpc.make("Count", { payload: { word: Schema.String }, success: Schema.Int }),
    Rpc.make("Echo", { payload: { bytes: Schema.Int }, success: Schema.Uint8Array })
  ],
  key: (message) => message.word
}) {}
