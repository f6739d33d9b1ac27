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
import type { SenderHandle } from "../channel/Handle.ts"
import * as Codec from "../codec/Codec.ts"
import type { WorkerPanicked } from "../errors/Errors.ts"
import { ByteMemory } from "../ring/ByteMemory.ts"
import { ControlBlock, Status } from "../ring/ControlBlock.ts"
import { Mesh } from "../ring/Mesh.ts"
import { ReceiverPort } from "../ring/ReceiverPort.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import { HeapGauge } from "./HeapGauge.ts"
import { Emitter } from "./Emit.ts"
import * as HandlerOptions from "./HandlerOptions.ts"
import { Loop } from "./Loop.ts"
import { mismatchPhase, panicked } from "./Panic.ts"
import { Replier } from "./Replier.ts"
import { Streaming } from "./Streaming.ts"
import * as Wire from "./Wire.ts"
import { type AnyImplementation, implemented } from "./Worker.ts"
import type { Links } from "./Workers.ts"

export { panicked } from "./Panic.ts"

/**
 * The argument of `init`.
 *
 * @category converting
 * @since 0.1.0
 */
export const decodeInit = (schema: Schema.Codec<unknown, unknown>, { initAttachments, initData }: Links): unknown => {
  const memory = new ByteMemory(initData.slice().buffer)
  memory.attachments = [...initAttachments]
  return Codec.make(schema).read(memory, 0, initData.length)
}

const writerOf = ({ memory, slot }: SenderHandle<unknown>, owner: number): FrameWriter =>
  new FrameWriter(SenderPort.attach(Mesh.open(memory), slot, owner))

/**
 * Compiles what the implementations of this thread will need, before anybody asks for a worker. What
 * cannot be compiled is told when it is run.
 *
 * @category runners
 * @since 0.1.0
 */
export const prepare = (): void => {
  for (const contract of implemented) {
    try {
      Wire.compile(contract)
    } catch {}
  }
}

/**
 * Runs a worker until it is told to stop, or panics. `owner` is the number under which it holds its
 * channels; `onReady` runs once `init` has succeeded; `control` is that of its links.
 *
 * @category runners
 * @since 0.1.0
 */
export const run = (
  implementation: AnyImplementation,
  links: Links,
  owner: number,
  onReady: Effect.Effect<void>,
  control = new ControlBlock(links.control)
): Effect.Effect<void, WorkerPanicked> =>
  Effect.scopedWith(
    Effect.fnUntraced(function* (scope) {
      const { contract, handlers } = implementation
      const context = Context.add(implementation.context, Scope.Scope, scope)
      const fail = (phase: string) => (cause: unknown) => panicked(links.workerId, phase, cause)

      yield* Effect.mapError(HandlerOptions.check(implementation), ({ message }) => fail("options")(message))
      const wire = yield* Effect.try({ try: () => Wire.compile(contract), catch: fail("attach") })
      const different = Wire.differences(wire.fingerprints, links.fingerprints)
      if (different.length > 0) return yield* fail(mismatchPhase)(different.join(", "))
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
          const { mailbox, outputs, replies, signals, workerId } = links
          const reader = new FrameReader(ReceiverPort.attach(Mesh.open(mailbox.memory), mailbox.slot, owner))
          reader.port.urgent = links.urgent
          const replier = new Replier(workerId, writerOf(replies, owner), replies.wait)
          const emitter =
            outputs === undefined ? undefined : new Emitter(writerOf(outputs, owner), wire.output!, outputs.wait)
          const streaming =
            signals === undefined
              ? undefined
              : new Streaming(
                  new FrameReader(ReceiverPort.attach(Mesh.open(signals.memory), signals.slot, owner)),
                  scope
                )
          return new Loop(implementation, links, state, context, scope, reader, replier, control, emitter, streaming)
        },
        catch: fail("attach")
      })

      yield* Scope.addFinalizer(
        scope,
        Effect.sync(() => loop.close())
      )

      if (links.safeguard?.measures === true) {
        const gauge = yield* HeapGauge
        const unwatch = gauge?.watch(({ buffers, limit, used }) => control.measured(used, buffers, limit))
        if (unwatch !== undefined) yield* Scope.addFinalizer(scope, Effect.sync(unwatch))
      }

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
      const shutdown = Effect.andThen(loop.invoker.shutdown, loop.leaveNothing)
      yield* Effect.onExit(Effect.andThen(finished, shutdown), () =>
        Effect.sync(() => {
          control.status = Status.Stopped
        })
      )
    })
  )
