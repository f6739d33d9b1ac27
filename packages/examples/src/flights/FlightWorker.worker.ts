/**
 * The module that a thread starts to be a `FlightWorker`.
 *
 * @since 0.1.0
 */
import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import { layer } from "./FlightWorkerLive.ts"

NodeWorkerEntry.launch(layer)
