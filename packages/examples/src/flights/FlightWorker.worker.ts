/**
 * The module that a thread starts to be a `FlightWorker`.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Layer from "effect/Layer"
import { layer } from "./FlightWorkerLive.ts"

layer.pipe(Layer.provide(NodeFileSystem.layer), NodeWorkerEntry.launch)
