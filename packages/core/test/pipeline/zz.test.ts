/**
 * A subtask dies at each of its commits, just before or just after, and successors go on: what comes
 * out, and what state says, is as if nobody had died.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import * as ThreadIdentity from "../../src/channel/ThreadIdentity.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Plan from "../../src/pipeline/plan/Plan.ts"
import * as Channels from "../../src/pipeline/runtime/channels.ts"
import type { Frame } from "../../src/pipeline/runtime/Frame.ts"
import { fromMailbox } from "../../src/pipeline/runtime/Inlet.ts"
import * as Ledger from "../../src/worker/ties/Ledger.ts"
import { LinkedSubtask, savedIn } from "../../src/pipeline/runtime/LinkedSubtask.ts"
import { settle } from "../../src/pipeline/runtime/resume.ts"
import { Subtask } from "../../src/pipeline/runtime/Subtask.ts"
import * as Uplink from "../../src/pipeline/runtime/Uplink.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import { Mesh } from "../../src/ring/Mesh.ts"

const Running = Stage.process("running", {
  in: Schema.Int,
  out: Schema.String,
  // Large, so that it is not saved at every turn; and what comes out does not fit into the lane.
  init: () => ({ total: 0, ballast: "x".repeat(5000) }),
  handle: (state, n, { emit, key }) => {
    const total = state.total + n
    for (let i = 0; i < 40; i++) emit(`${key}: ${total} ${i} ${"y".repeat(6000)}`)
    return { ...state, total }
  }
})

const pipeline = Stream.empty.pipe(
  Pipeline.fromStream(Schema.Int),
  Pipeline.keyBy((n) => n % 3),
  Pipeline.via(Running)
)

class Death extends Error {}

/** A ledger whose writer dies at its commit number `at`. */
class Fatal extends Ledger.Ledger {
  commits = 0
  private readonly at: number
  private readonly side: "before" | "after"
  constructor(handle: Ledger.LedgerHandle, at: number, side: "before" | "after") {
    super(handle)
    this.at = at
    this.side = side
  }
  override commit(...args: Parameters<Ledger.Ledger["commit"]>): void {
    const dies = this.commits++ === this.at
    if (dies && this.side === "before") throw new Death()
    super.commit(...args)
    if (dies) throw new Death()
  }
}

const frames: ReadonlyArray<Frame> = [
  ...Array.from({ length: 3 }, (_, i): Frame => ({
    _tag: "Data0",
    from: 0,
    times: Array.from({ length: 12 }, () => i),
    values: Array.from({ length: 12 }, (_, j) => 12 * i + j)
  })),
  { _tag: "Watermark", from: 0, time: Infinity }
]

/** Runs the stage with a death at every commit in `deaths`, and gives what it sent on and how many commits it took. */
const lives = Effect.fnUntraced(function* (deaths: ReadonlyArray<readonly [at: number, side: "before" | "after"]>) {
  const plan = yield* Effect.fromResult(Plan.make(pipeline.node))
  const chain = plan.chains[1]
  const channels = yield* Channels.make(plan, true)
  const [[feed]] = yield* channels.outlets(plan.chains[0], 0)
  const outlets = yield* channels.outlets(chain, 0)
  const mailbox = channels.mailbox(chain, 0)!
  const handle = Ledger.make(2, 1, Infinity, Infinity)
  // What the dead held is not let go in an orderly way, so their scopes stay open until all is over.
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const feeder = yield* Scope.provide(SharedChannel.attachSender(Channels.schemaOfEdge(chain.inputs[0]), feed), scope)
  yield* feeder.sendAll(frames)
  const output = yield* SharedChannel.attachReceiver(Channels.schemaOfEdge(plan.result), channels.result)
  const seen: Array<string> = []
  const collect = Effect.gen(function* () {
    for (let open = true; open;) {
      for (const frame of yield* output.receiveAll()) {
        console.error('ZZ got', frame._tag, (frame as any).values?.length ?? (frame as any).time)
        if (frame._tag === "Watermark") open = frame.time < Infinity
        else if (frame._tag !== "Idle") seen.push(...(frame.values as Array<string>).map((text) => text.slice(0, 12)))
      }
    }
  })
  let commits = 0
  let died = 0
  const life = Effect.fnUntraced(function* (at: number, side: "before" | "after") {
    const ledger = new Fatal(handle, at, side)
    const entry = ledger.read()
    if (entry !== undefined) yield* settle(entry, mailbox, outlets)
    const surroundings = { scope, context: Context.empty(), now: () => 0 }
    const inlet = yield* fromMailbox(chain, mailbox)
    const uplink = yield* Uplink.attach(chain.outputs[0], outlets[0][0])
    const linked = new LinkedSubtask(new Subtask(chain, 0, surroundings), inlet, [[uplink]], ledger, () => 0)
    if (entry !== undefined) linked.resume(entry, savedIn(entry))
    console.error('ZZ begin', linked.subtask.outlets[0].ready.map((f: any) => f.map((g: any) => g.values?.length ?? g.time)), entry?.written)
    const exit = yield* Effect.exit(linked.run)
    console.error('ZZ exit', String(exit).slice(0, 80))
    if (Exit.isFailure(exit)) {
      const cause = Cause.squash(exit.cause) as { readonly cause?: unknown }
      const dead = cause.cause instanceof Death ? cause.cause : (cause.cause as { readonly cause?: unknown })?.cause
      if (!(dead instanceof Death)) return yield* exit
      yield* SharedChannel.bury(mailbox, ThreadIdentity.current())
      // The receiver of the output lives in this thread too: only the sender's end is dead.
      Mesh.open(outlets[0][0].memory).abandon(outlets[0][0].slot, ThreadIdentity.current())
      died++
    }
    commits = ledger.commits
    return Exit.isSuccess(exit)
  })
  const all = Effect.gen(function* () {
    // A death at a commit that it does not come to is none.
    for (const [at, side] of [...deaths, [-1, "after"] as const])
      if (yield* Scope.provide(life(at, side), scope)) return
  })
  yield* Effect.all([all, collect], { concurrency: 2 })
  return { commits, died, seen }
}, Effect.scoped)

describe("A subtask that dies at a commit", () => {
  it.live("counts every element once, in its state and further down", () =>
    Effect.gen(function* () {
      const { commits, seen } = yield* lives([])
      assert.strictEqual(seen.length, 36 * 40)
      assert.isAbove(commits, 3)
      let deaths = 0
      for (let at = 0; at < commits; at++) {
        for (const side of ["before", "after"] as const) {
          console.error('ZZ life', at, side)
          const again = yield* lives([[at, side]])
          assert.deepStrictEqual(again.seen, seen, `died ${side} commit ${at}`)
          deaths += again.died
        }
      }
      assert.isAbove(deaths, commits)
      const often = [0, 1, 0, 2, 1].map((at, i) => [at, i % 2 === 0 ? "after" : "before"] as const)
      const again = yield* lives(often)
      assert.deepStrictEqual(again.seen, seen)
      assert.isAbove(again.died, 2)
    })
  )
})
