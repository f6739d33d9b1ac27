/**
 * A subtask as a worker: it finds the pipeline's definition, makes the plan again, and runs its own
 * part, sending to other subtasks directly.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { ReceiverHandle, SenderHandle } from "../../channel/Handle.ts"
import type { InvalidConfig } from "../../errors/Errors.ts"
import * as Worker from "../../worker/Worker.ts"
import type { AnyDefinition } from "../define.ts"
import { PipelineFailed, toFailed } from "../PipelineFailed.ts"
import { text } from "../plan/explain.ts"
import * as Plan from "../plan/Plan.ts"
import { BlocksInlet } from "./BlocksInlet.ts"
import { buildLayer } from "./buildLayer.ts"
import type { Frame } from "./Frame.ts"
import { fromMailbox, fromSource } from "./Inlet.ts"
import { Ledger, LedgerHandle } from "./Ledger.ts"
import { LinkedSubtask, savedIn } from "./LinkedSubtask.ts"
import { settle } from "./resume.ts"
import { read, start } from "./sources.ts"
import { Subtask } from "./Subtask.ts"
import { SubtaskStats } from "./SubtaskStats.ts"
import * as Uplink from "./Uplink.ts"

/**
 * Which part of which pipeline, and how it is tied to the others.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Assignment = Schema.Struct({
  /** URL of the module that defines the pipeline. */
  module: Schema.String,
  name: Schema.String,
  args: Schema.Uint8Array,
  /** The plan in words: what the worker makes must be the same. */
  plan: Schema.String,
  chain: Schema.Int,
  index: Schema.Int,
  mailbox: Schema.NullOr(ReceiverHandle<Frame>()),
  /** By outlet, by target. */
  outlets: Schema.Array(Schema.Array(SenderHandle<Frame>())),
  /** Null if nobody follows it. */
  ledger: Schema.NullOr(LedgerHandle)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Assignment = typeof Assignment.Type

/**
 * @category services
 * @since 0.1.0
 */
export class SubtaskWorker extends Worker.Service<SubtaskWorker>()("shared-nothing/Subtask", {
  message: Schema.Undefined,
  initData: Assignment,
  requests: [
    /** Runs it, until its inputs have ended. */
    Rpc.make("Run", { success: Schema.Void, error: PipelineFailed }),
    Rpc.make("Inspect", { success: SubtaskStats }),
    /** Ends it where it is. */
    Rpc.make("Halt", { success: Schema.Void })
  ],
  key: () => 0
}) {}

interface State {
  readonly subtask: Subtask
  readonly run: Effect.Effect<void, unknown>
  readonly halted: Deferred.Deferred<void>
}

/**
 * Finds the definition of a name among the exports of a module.
 *
 * @category models
 * @since 0.1.0
 */
export type Load = (module: string, name: string) => Effect.Effect<AnyDefinition, PipelineFailed>

/** The definition of a name among what a module exports. */
export const findDefinition = (
  module: string,
  name: string,
  exports: Readonly<Record<string, unknown>>
): Effect.Effect<AnyDefinition, PipelineFailed> => {
  const all = Object.values(exports).filter(
    (value): value is AnyDefinition => typeof value === "function" && "~pipeline" in value
  )
  const found = all.find((definition) => definition["~pipeline"] === name)
  if (found !== undefined) return Effect.succeed(found)
  const known = all.map((definition) => definition["~pipeline"]).join(", ") || "none"
  return Effect.fail(
    new PipelineFailed({
      worker: name,
      phase: "start",
      detail: `${module} exports no pipeline of that name (it has: ${known})`
    })
  )
}

const prepare = Effect.fnUntraced(function* (
  load: Load,
  { args, chain: id, index, ledger: ledgerHandle, mailbox, module, name, outlets, plan: expected }: Assignment
): Effect.fn.Return<State, PipelineFailed | InvalidConfig, Scope.Scope> {
  const scope = yield* Effect.scope
  const definition = yield* load(module, name)
  const { node, output } = yield* Effect.try({ try: () => definition.graph(args), catch: toFailed(name) })
  const plan = yield* Effect.fromResult(Plan.make(node, output))
  if (text(plan) !== expected) {
    const detail = `build made another graph in this thread:\n${text(plan)}\nand not:\n${expected}`
    return yield* new PipelineFailed({ worker: name, phase: "start", detail })
  }
  const chain = plan.chains[id]
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const context = Context.merge(yield* Effect.context<never>(), yield* buildLayer(definition.layer, scope))
  const subtask = yield* Effect.try({
    try: () => new Subtask(chain, index, { scope, context, now }),
    catch: toFailed(Plan.nameOf(chain))
  })
  const ledger = ledgerHandle === null ? undefined : new Ledger(ledgerHandle)
  const entry = ledger?.read()
  const saved = entry === undefined ? undefined : savedIn(entry)
  if (entry !== undefined) yield* settle(entry, mailbox, outlets)
  const uplinks: Array<Array<Uplink.Uplink | undefined>> = []
  for (const [at, edge] of chain.outputs.entries()) {
    const own: Array<Uplink.Uplink | undefined> = []
    for (const handle of outlets[at]) own.push(yield* Uplink.attach(edge, handle))
    uplinks.push(own)
  }
  const from = saved?.source ?? start
  const [{ origin }] = chain.nodes
  const inlet =
    mailbox !== null
      ? yield* fromMailbox(chain, mailbox)
      : origin?._tag === "Blocks"
        ? new BlocksInlet(chain.nodes[0].name, origin.block, index, chain.parallelism, from)
        : fromSource(yield* read(chain, index, context, from), from)
  const linked = new LinkedSubtask(subtask, inlet, uplinks, ledger, now)
  if (entry !== undefined && saved !== undefined) linked.resume(entry, saved)
  return { subtask, run: linked.run, halted: yield* Deferred.make<void>() }
})

/**
 * The implementation, for a way to load modules.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (load: Load): Layer.Layer<Worker.Implementation<SubtaskWorker>> =>
  SubtaskWorker.toLayer({
    init: (assignment: Assignment) => prepare(load, assignment),
    concurrency: 3,
    Run: ({ halted, run, subtask }) =>
      Effect.mapError(Effect.raceFirst(run, Deferred.await(halted)), toFailed(Plan.nameOf(subtask.chain))),
    Inspect: ({ subtask }) => subtask.stats,
    Halt: ({ halted }) => Effect.asVoid(Deferred.succeed(halted, undefined))
  }) as Layer.Layer<Worker.Implementation<SubtaskWorker>>
