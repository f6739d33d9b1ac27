import * as Worker from "@shared-nothing/core/Worker"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"

/** Notes the numbers that it is sent, and ends in every way that a process can. */
export class Ledger extends Worker.Service<Ledger>()("Ledger", {
  message: Schema.Struct({ key: Schema.String, n: Schema.Int }),
  requests: [
    Rpc.make("Summary", { success: Schema.Struct({ count: Schema.Int, inOrder: Schema.Boolean, last: Schema.Int }) }),
    Rpc.make("Pid", { success: Schema.Int }),
    Rpc.make("Echo", { payload: { bytes: Schema.Uint8Array }, success: Schema.Uint8Array }),
    Rpc.make("Count", { payload: { to: Schema.Int }, success: Schema.Int, stream: true }),
    Rpc.make("Spin"),
    Rpc.make("Throw"),
    Rpc.make("Crash"),
    Rpc.make("Exhaust", { payload: { shape: Schema.Literals(["array", "map", "string"]) } }),
    Rpc.make("Placed", { success: Schema.String })
  ],
  initData: Schema.Struct({
    /** The file in which each number that is handled is noted; empty for none. */
    log: Schema.String,
    init: Schema.Literals(["succeed", "fail", "hang"])
  }),
  key: (message) => message.key
}) {}
