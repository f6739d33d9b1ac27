import { SenderHandle } from "@shared-nothing/core/Handle"
import * as Worker from "@shared-nothing/core/Worker"
import * as Schema from "effect/Schema"

/** Attaches the sender that it is sent, and keeps it. */
export class Holder extends Worker.Service<Holder>()("Holder", {
  message: Schema.Struct({ key: Schema.String, to: SenderHandle<string>() }),
  key: (message) => message.key
}) {}
