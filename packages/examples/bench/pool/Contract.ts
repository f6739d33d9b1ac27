/**
 * The contract of shared-nothing's worker.
 *
 * @since 0.1.0
 */
import * as Worker from "@shared-nothing/core/Worker"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"

export const Message = Schema.Struct({ id: Schema.Int, key: Schema.String, value: Schema.Number })

export const Sums = Schema.Struct({ count: Schema.Int, sum: Schema.Int, faults: Schema.Int })

export class Bench extends Worker.Service<Bench>()("Bench", {
  message: Message,
  initData: Schema.Struct({ steps: Schema.Int }),
  requests: [
    Rpc.make("Ask", { payload: Message, success: Schema.Number }),
    /** What came since the last report. */
    Rpc.make("Report", { success: Sums }),
    Rpc.make("Thread", { success: Schema.Int })
  ],
  key: (message) => message.key
}) {}
