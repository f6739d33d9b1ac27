/**
 * The subtasks of a slot as a worker: it finds the pipeline's definition, makes the plan again, and runs its
 * own part, sending to other subtasks directly.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { InvalidConfig } from "../../errors/Errors.ts"
import { Ledger } from "../../worker/ties/Ledger.ts"
import { Ties } from "../../worker/ties/Ties.ts"
import * as Worker from "../../worker/Worker.ts"
import type { AnyDefinition } from "../define.ts"
import { PipelineFailed, toFailed } from "../PipelineFailed.ts"
import { text } from "../plan/explain.ts"
import * as Plan from "../plan/Plan.ts"
import { BlocksInlet } from "./BlocksInlet.ts"
import { buildLayer } from "./buildLayer.ts"
import type { Frame } from "./Frame.ts"
import { fromMailbox, fromSource } from "./Inlet.ts"
import type { Link } from "./Link.ts"
import { LinkedSubtask, savedIn } from "./LinkedSubtask.ts"
import { LocalLink } from "./LocalLink.ts"
import { settle } from "./resume.ts"
import { Slot } from "./Slot.ts"
import { SlotInlet } from "./SlotInlet.ts"
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
  /** Its outlets are by outlet, by target. */
  ties: Ties<Frame>(),
  /** The subtasks of the same number that share its thread, with their own ties. */
  mates: Schema.Array(Schema.Struct({ chain: Schema.Int, ties: Ties<Frame>() }))
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
    /**
     * Runs it; true once its inputs have ended, false if it is to be asked again: what was asked later is
     * acknowledged later, so no answer may take for ever.
     */
    Rpc.make("Run", { success: Schema.Boolean, error: PipelineFailed }),
    Rpc.make("Inspect", { success: Schema.Array(SubtaskStats) }),
    /** Ends it where it is. */
    Rpc.make("Halt", { success: Schema.Void })
  ],
  key: () => 0
}) {}

/** One subtask. */
interface Part {
  readonly subtask: Subtask
  readonly run: Effect.Effect<void, unknown>
  /** Frames that wait for it in this thread. */
  readonly depth: () => number
}

interface State {
  readonly parts: ReadonlyArray<Part>
  readonly halted: Deferred.Deferred<void>
  /** Runs all parts, once, however often it is asked for; completes when they have ended. */
  readonly over: Effect.Effect<void, PipelineFailed>
}

/** How long `Run` takes to answer that it goes on, in milliseconds. */
const answerMillis = 1000

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
  // One definition may be exported under several names.
  const found = new Set(all.filter((definition) => definition["~pipeline"] === name))
  if (found.size === 1) return Effect.succeed([...found][0])
  const known = all.map((definition) => definition["~pipeline"]).join(", ") || "none"
  return Effect.fail(
    new PipelineFailed({
      worker: name,
      phase: "start",
      detail:
        found.size === 0
          ? `${module} exports no pipeline of that name (it has: ${known})`
          : `${module} exports ${found.size} pipelines of that name: threads find a pipeline by its name`
    })
  )
}

const prepare = Effect.fnUntraced(function* (
  load: Load,
  { args, chain, index, mates, module, name, plan: expected, ties }: Assignment
): Effect.fn.Return<State, PipelineFailed | InvalidConfig, Scope.Scope> {
  const scope = yield* Effect.scope
  const definition = yield* load(module, name)
  const { node, output } = yield* Effect.try({ try: () => definition.graph(args), catch: toFailed(name) })
  const plan = yield* Effect.fromResult(Plan.make(node, output))
  if (text(plan) !== expected) {
    const detail = `build made another graph in this thread:\n${text(plan)}\nand not:\n${expected}`
    return yield* new PipelineFailed({ worker: name, phase: "start", detail })
  }
  const context = Context.merge(yield* Effect.context<never>(), yield* buildLayer(definition.layer, scope))
  const places = [{ chain, ties }, ...mates].map((place) => ({ chain: plan.chains[place.chain], ties: place.ties }))
  const here = new Set<Plan.Chain | undefined>(places.map((place) => place.chain))
  const links = new Map<Plan.Edge, LocalLink>()
  // What is saved goes through lanes.
  for (const edge of places.flatMap((place) => (place.ties.ledger === null ? place.chain.outputs : [])))
    if (here.has(edge.to)) links.set(edge, new LocalLink())
  const slot = new Slot()
  const parts: Array<Part> = []
  for (const place of places) parts.push(yield* preparePart(place.chain, index, place.ties, context, slot, links))
  const halted = yield* Deferred.make<void>()
  const runs = parts.map(({ run, subtask }) => Effect.mapError(run, toFailed(Plan.nameOf(subtask.chain))))
  const end = Effect.raceFirst(Effect.all(runs, { concurrency: "unbounded", discard: true }), Deferred.await(halted))
  const fiber = yield* Effect.cached(Effect.forkIn(end, scope))
  return { parts, halted, over: Effect.flatMap(fiber, Fiber.join) }
})

/** @param links those of what stays in this thread */
const preparePart = Effect.fnUntraced(function* (
  chain: Plan.Chain,
  index: number,
  { ledger: ledgerHandle, mailbox, outlets }: Assignment["ties"],
  context: Context.Context<never>,
  slot: Slot,
  links: ReadonlyMap<Plan.Edge, LocalLink>
): Effect.fn.Return<Part, PipelineFailed | InvalidConfig, Scope.Scope> {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const subtask = yield* Effect.try({
    try: () => new Subtask(chain, index, { scope, context, now }),
    catch: toFailed(Plan.nameOf(chain))
  })
  const ledger = ledgerHandle === null ? undefined : new Ledger(ledgerHandle)
  const entry = ledger?.read()
  const saved = entry === undefined ? undefined : savedIn(entry)
  if (entry !== undefined) yield* settle(entry, mailbox, outlets)
  const ways: Array<Array<Link | undefined>> = []
  for (const [at, edge] of chain.outputs.entries()) {
    const own: Array<Link | undefined> = []
    for (const [target, handle] of outlets[at].entries()) {
      own.push((target === index ? links.get(edge) : undefined) ?? (yield* Uplink.attach(edge, handle)))
    }
    ways.push(own)
  }
  const from = saved?.source ?? start
  const [{ name, origin }] = chain.nodes
  const locals = chain.inputs.flatMap((edge) => links.get(edge) ?? [])
  const mail = mailbox === null ? undefined : yield* fromMailbox(chain, mailbox)
  const inlet =
    locals.length > 0
      ? new SlotInlet(mail, locals)
      : (mail ??
        (origin?._tag === "Blocks"
          ? new BlocksInlet(name, origin.block, index, chain.parallelism, from)
          : fromSource(yield* read(chain, index, context, from), from)))
  const linked = new LinkedSubtask(subtask, inlet, ways, ledger, now, slot)
  if (entry !== undefined && saved !== undefined) linked.resume(entry, saved)
  const depth = () => locals.reduce((sum, { length }) => sum + length, 0)
  return { subtask, run: linked.run, depth }
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
    Run: ({ over }) => Effect.raceFirst(Effect.as(over, true), Effect.as(Effect.sleep(answerMillis), false)),
    Inspect: ({ parts }) => parts.map(({ depth, subtask }) => ({ ...subtask.stats, depth: depth() })),
    Halt: ({ halted }) => Effect.asVoid(Deferred.succeed(halted, undefined))
  }) as Layer.Layer<Worker.Implementation<SubtaskWorker>>
