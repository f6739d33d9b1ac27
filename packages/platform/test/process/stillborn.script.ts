/** A program whose worker, a child process of the module that it is given, does not start. Says the typed error. */
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as Effect from "effect/Effect"
import { Ledger } from "./Ledger.ts"

const { message, cause } = await WorkerPool.make(Ledger, { size: 1, initData: { log: "", init: "succeed" } }).pipe(
  Effect.scoped,
  Effect.flip,
  Effect.provide(NodeProcesses.layer([Ledger, new URL(process.argv[2])])),
  Effect.runPromise
)
process.stdout.write(`${message}\n${(cause as Error).stack}`)
