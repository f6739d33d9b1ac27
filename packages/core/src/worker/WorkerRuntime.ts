/**
 * The life of a worker, wherever it runs: `init → loop → shutdown`, in a scope of its own.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { FrameReader } from "../channel/FrameReader.ts"
import { FrameWriter } from "../channel/FrameWriter.ts"
import * as Codec from "../codec/Codec.ts"
import type { WorkerPanicked } from "../errors/Errors.ts"
import { ByteMemory } from "../ring/ByteMemory.ts"
import { ControlBlock, Status } from "../ring/ControlBlock.ts"
import { Mesh } from "../ring/Mesh.ts"
import { ReceiverPort } from "../ring/ReceiverPort.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import * as HandlerOptions from "./HandlerOptions.ts"
import { Loop } from "./Loop.ts"
import { panicked } from "./Panic.ts"
import { Replier } from "./Replier.ts"
import * as Wire from "./Wire.ts"
import type { AnyImplementation } from "./Worker.ts"
import type { Links } from "./Workers.ts"

export { panicked } from "./Panic.ts"

const decodeInit = (schema: Schema.Codec<unknown, unknown>, { initAttachments, initData }: Links): unknown => {
  const memory = new ByteMemory(initData.slice().buffer)
  memory.attachments = [...initAttachments]
  return Codec.make(schema).read(memory, 0, initData.length)
}

/**
 * Runs a worker until it is told to stop, or panics. `owner` is the number under which it holds its
 * channels; `onReady` runs once `init` has succeeded.
 *
 * @category runners
 * @since 0.1.0
 */
export const run = (
  implementation: AnyImplementation,
  links: Links,
  owner: number,
  onReady: Effect.Effect<void>
): Effect.Effect<void, WorkerPanicked> =>
  Effect.scopedWith(
    Effect.fnUntraced(function* (scope) {
      const { contract, handlers } = implementation
      const control = new ControlBlock(links.control)
      const context = Context.add(implementation.context, Scope.Scope, scope)
      const fail = (phase: string) => (cause: unknown) => panicked(links.workerId, phase, cause)

      yield* Effect.mapError(HandlerOptions.check(implementation), ({ message }) => fail("options")(message))
      const ours = Wire.compile(contract).message.fingerprint
      const theirs = Mesh.open(links.mailbox.memory).fingerprint
      if (ours[0] !== theirs[0] || ours[1] !== theirs[1]) {
        return yield* fail("attach")(`the messages of ${contract.workerName} have another schema here than in its pool`)
      }
      const init = yield* Effect.try({
        try: () =>
          typeof handlers.init === "function" ? handlers.init(decodeInit(contract.initData, links)) : handlers.init,
        catch: fail("init")
      })
      const state = yield* Effect.catchCause(
        Effect.provideContext(init as Effect.Effect<unknown, unknown>, context),
        (cause) => Effect.fail(fail("init")(Cause.squash(cause)))
      )
      const resume = links.safeguard?.resume
      if (resume !== undefined) {
        yield* Effect.try({
          try: () => handlers.restore!(state, Codec.decode(Codec.make(contract.state!), resume.state)),
          catch: fail("restore")
        })
      }
      const loop = yield* Effect.try({
        try: () => {
          const { mailbox, replies, workerId } = links
          const reader = new FrameReader(ReceiverPort.attach(Mesh.open(mailbox.memory), mailbox.slot, owner))
          reader.port.urgent = links.urgent
          const writer = new FrameWriter(SenderPort.attach(Mesh.open(replies.memory), replies.slot, owner))
          const replier = new Replier(workerId, writer, replies.wait)
          return new Loop(implementation, links, state, context, scope, reader, replier, control)
        },
        catch: fail("attach")
      })

      yield* Scope.addFinalizer(
        scope,
        Effect.sync(() => loop.close())
      )

      if (handlers.tick !== undefined) {
        const tick = Effect.andThen(
          Effect.sleep(toMillis(handlers.tick.every)),
          Effect.sync(() => loop.tick())
        )
        yield* Effect.forkIn(Effect.forever(tick), scope)
      }

      control.status = Status.Running
      yield* onReady
      const finished = Effect.andThen(
        loop.run,
        Effect.sync(() => loop.finish())
      )
      yield* Effect.onExit(Effect.andThen(finished, loop.invoker.shutdown), () =>
        Effect.sync(() => {
          control.status = Status.Stopped
        })
      )
    })
  )
