/** A worker whose messages, outputs and answers carry bytes: as many as travel beside the ring. */
import * as Worker from "@shared-nothing/core/Worker"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"

export class Freight extends Worker.Service<Freight>()("Freight", {
  message: Schema.Struct({
    key: Schema.String,
    act: Schema.optionalKey(Schema.Literals(["fail", "empty", "spoil", "busy"])),
    /** Milliseconds since the epoch: until when one that is busy blocks its thread. */
    until: Schema.optionalKey(Schema.Number),
    /** Of the output that it emits, if it does. */
    emits: Schema.optionalKey(Schema.Int),
    bytes: Schema.Uint8Array
  }),
  output: Schema.Uint8Array,
  requests: [
    Rpc.make("Handled", { success: Schema.Array(Schema.String) }),
    Rpc.make("Fetch", { payload: { length: Schema.Int }, success: Schema.Uint8Array }),
    Rpc.make("Weigh", { payload: { bytes: Schema.Uint8Array }, success: Schema.Int })
  ],
  key: ({ key }) => key
}) {}
