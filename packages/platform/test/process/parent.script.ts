/** A program whose worker is a child process. Says its worker's process id; then `spin`s, `wait`s or is `idle`. */
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Ledger } from "./Ledger.ts"

const mode = process.argv[2]
// Never closed: its end is what is tested.
const scope = Scope.makeUnsafe()
const program = Effect.gen(function* () {
  const context = yield* Layer.buildWithScope(
    NodeProcesses.layer([Ledger, new URL("./Ledger.worker.ts", import.meta.url)]),
    scope
  )
  const pool = yield* Effect.provideContext(
    WorkerPool.make(Ledger, { size: 1, initData: { log: "", init: "succeed" } }),
    context
  ).pipe(Scope.provide(scope))
  yield* pool.sendAll(Array.from({ length: 1000 }, (_, n) => ({ key: "a", n })))
  const { count } = yield* pool.ask("a", "Summary", undefined)
  const pid = yield* pool.ask("a", "Pid", undefined)
  yield* Effect.sync(() => process.stdout.write(`${JSON.stringify({ pid, count })}\n`))
  if (mode === "spin") yield* pool.ask("a", "Spin", undefined)
  if (mode === "wait") return yield* Effect.never
})

Effect.runPromiseExit(program).then((exit) => {
  if (Exit.isFailure(exit)) process.exit(1)
})
