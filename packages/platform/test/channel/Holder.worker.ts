import * as SharedChannel from "@shared-nothing/core/SharedChannel"
import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Holder } from "./Holder.ts"

Holder.toLayer({
  init: Scope.make(),
  handle: (scope, { to }) =>
    Effect.flatMap(Scope.provide(SharedChannel.attachSender(Schema.String, to), scope), (sender) =>
      sender.send("attached")
    )
}).pipe(NodeWorkerEntry.launch)
