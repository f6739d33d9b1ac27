/**
 * The worker of `effectRpc.ts`.
 *
 * @since 0.1.0
 */
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcServer from "effect/rpc/RpcServer"
import { Requests } from "./effectRpc.ts"
import * as Tasks from "./Tasks.ts"

const handlers = Requests.toLayer({
  Ask: (message) => Effect.sync(() => Tasks.ask(message)),
  Take: (batch) => Effect.sync(() => Tasks.take(batch)),
  Thread: () => Effect.sync(Tasks.thread)
})

RpcServer.layer(Requests).pipe(
  Layer.provide(handlers),
  Layer.provide(RpcServer.layerProtocolWorkerRunner),
  Layer.provide(NodeWorkerRunner.layer),
  Layer.launch,
  Effect.runFork
)
