/**
 * The life of a worker, wherever it runs: `init → loop(handle / handleBatch / tick) → shutdown`.
 *
 * The loop is plain code as long as handlers are: it takes frames from the mailbox, hands them to
 * the handler one at a time, and acknowledges what was handled. Only a handler that returns an
 * Effect costs one. Between two messages it looks at its `ControlBlock`, so a command overtakes
 * everything in the mailbox.
 *
 * A message is acknowledged after it was handled: the one that a worker dies of, and those behind
 * it, stay in the mailbox for its successor.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "../codec/Codec.ts"
import { Mail } from "../channel/Ends.ts"
import { FrameReader } from "../channel/FrameReader.ts"
import { FrameWriter } from "../channel/FrameWriter.ts"
import { Waiter } from "../channel/WaitStrategy.ts"
import { WorkerPanicked } from "../errors/Errors.ts"
import { Command, ControlBlock, Status } from "../ring/ControlBlock.ts"
import { Kind } from "../ring/Frame.ts"
import { Mesh } from "../ring/Mesh.ts"
import { ReceiverPort } from "../ring/ReceiverPort.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import { Envelope, EnvelopeKind, ReplyStatus } from "./Envelope.ts"
import { Replier } from "./Replier.ts"
import * as Wire from "./Wire.ts"
import type { AnyImplementation } from "./Worker.ts"
import type { Links } from "./Workers.ts"

/** Milliseconds of plain handling after which the thread's event loop gets a turn. */
const turnMillis = 10

/** Messages between two looks at the clock. */
const clockEvery = 64

const defaultBatch = 256

type Turn = "idle" | "again" | "command" | Effect.Effect<void, WorkerPanicked>

class Panic {
  readonly error: WorkerPanicked
  constructor(error: WorkerPanicked) {
    this.error = error
  }
}

class Loop {
  private readonly implementation: AnyImplementation
  private readonly workerId: string
  private readonly state: unknown
  private readonly context: Context.Context<never>
  private readonly reader: FrameReader
  private readonly replier: Replier
  private readonly control: ControlBlock
  private readonly wire: Wire.Wire
  private readonly messages: Envelope<unknown>
  private readonly payloads: ReadonlyArray<Envelope<unknown>>
  private readonly head = { id: 0, detail: 0, timestamp: 0 }
  private readonly batchSize: number
  private batch: Array<unknown> = []
  private handled = 0
  private readonly mail: Waiter
  private readonly resumed: Waiter
  tickDue = false

  constructor(
    implementation: AnyImplementation,
    links: Links,
    state: unknown,
    context: Context.Context<never>,
    reader: FrameReader,
    replier: Replier,
    control: ControlBlock
  ) {
    this.implementation = implementation
    this.workerId = links.workerId
    this.state = state
    this.context = context
    this.reader = reader
    this.replier = replier
    this.control = control
    this.wire = Wire.compile(implementation.contract)
    this.messages = new Envelope(this.wire.message)
    this.payloads = this.wire.requests.map((request) => new Envelope(request.payload))
    this.batchSize = implementation.handlers.batchSize ?? defaultBatch
    const { port } = reader
    const called = () => control.asked || control.command !== Command.Run || this.tickDue
    this.mail = new Waiter(new Mail(reader, called), links.mailbox.wait)
    this.resumed = new Waiter(
      {
        memory: port.mesh.memory,
        bell: port.bell,
        ready: () => control.asked || control.command !== Command.Pause,
        arm: () => port.arm(),
        parked: () => {}
      },
      "park"
    )
  }

  readonly run: Effect.Effect<void, WorkerPanicked> = Effect.gen({ self: this }, function* () {
    for (;;) {
      const turn = this.turn()
      if (Effect.isEffect(turn)) yield* turn
      else if (turn === "again") yield* Effect.yieldNow
      else if (turn === "command" && this.control.command === Command.Pause) yield* this.pause
      else if (this.control.command === Command.Stop) {
        if (turn === "idle") return
      } else if (turn === "idle") yield* this.mail.wait(true)
      if (this.replier.full) yield* this.replier.flush
    }
  })

  private readonly pause: Effect.Effect<void> = Effect.suspend(() => {
    this.control.status = Status.Paused
    this.control.pong()
    if (this.control.command === Command.Pause) return Effect.flatMap(this.resumed.wait(true), () => this.pause)
    this.control.status = Status.Running
    return Effect.void
  })

  /** Handles what is there, as far as plain code goes. Never returns with a batch begun. */
  private turn(): Turn {
    const { control, reader } = this
    const started = performance.now()
    let untilClock = clockEvery
    try {
      for (;;) {
        if (control.asked) control.pong()
        if (control.command === Command.Pause || this.tickDue) {
          if (this.batch.length > 0) return this.runBatch()
          if (this.tickDue) return this.runTick()
          return "command"
        }
        const kind = reader.next()
        if (kind === Kind.Empty) return this.batch.length > 0 ? this.runBatch() : "idle"
        const effect = kind === EnvelopeKind.Message ? this.message() : this.request(kind)
        if (effect !== undefined) return effect
        if (--untilClock === 0) {
          if (performance.now() - started > turnMillis) return this.batch.length > 0 ? this.runBatch() : "again"
          untilClock = clockEvery
        }
      }
    } catch (error) {
      return Effect.fail(error instanceof Panic ? error.error : this.panicked("receive", error))
    } finally {
      reader.port.publishRead()
      if (this.batch.length === 0) reader.port.ack()
      this.replier.publish()
      control.handled = this.handled
    }
  }

  private message(): Turn | undefined {
    const { handlers } = this.implementation
    const { reader } = this
    if (handlers.handleBatch !== undefined) {
      this.batch.push(reader.read(this.messages))
      reader.advance()
      return this.batch.length >= this.batchSize ? this.runBatch() : undefined
    }
    const message = reader.read(this.messages)
    if (handlers.handle === undefined) {
      throw new Panic(this.panicked("handle", "it was sent a message and has neither handle nor handleBatch"))
    }
    let result: unknown
    try {
      result = handlers.handle(this.state, message)
    } catch (cause) {
      throw new Panic(this.panicked("handle", cause, message))
    }
    if (Effect.isEffect(result)) {
      return Effect.andThen(this.provided(result, "handle", message), Effect.sync(() => this.passed()))
    }
    reader.advance()
    this.handled += 1
    return undefined
  }

  private passed(): void {
    this.reader.advance()
    this.handled += 1
    this.reader.port.ack()
  }

  private runBatch(): Turn {
    const { batch } = this
    let result: unknown
    try {
      result = this.implementation.handlers.handleBatch!(this.state, batch)
    } catch (cause) {
      throw new Panic(this.panicked("handleBatch", cause))
    }
    const done = () => {
      this.handled += batch.length
      this.batch = []
    }
    if (!Effect.isEffect(result)) {
      done()
      return "again"
    }
    return Effect.andThen(
      this.provided(result, "handleBatch"),
      Effect.sync(() => {
        done()
        this.reader.port.ack()
      })
    )
  }

  private runTick(): Turn {
    this.tickDue = false
    let result: unknown
    try {
      result = this.implementation.handlers.tick!.run(this.state)
    } catch (cause) {
      throw new Panic(this.panicked("tick", cause))
    }
    return Effect.isEffect(result) ? this.provided(result, "tick") : "again"
  }

  private request(kind: number): Turn | undefined {
    // What was sent before a request is handled before it.
    if (this.batch.length > 0) return this.runBatch()
    const { head, reader } = this
    reader.readWith((memory, offset, end) => Envelope.peek(head, memory, offset, end))
    const wire = kind === EnvelopeKind.Request ? this.wire.requests[head.detail] : undefined
    if (wire === undefined) {
      throw new Panic(this.panicked("receive", `there is no request number ${head.detail} in the contract`))
    }
    const { id } = head
    const payload = reader.read(this.payloads[wire.index])
    let answer: unknown
    try {
      answer = this.implementation.requests[wire.tag](this.state, payload)
    } catch (cause) {
      throw this.failed(id, this.panicked(wire.tag, cause))
    }
    if (Effect.isEffect(answer)) return this.answerEffect(id, wire, answer as Effect.Effect<unknown, unknown>)
    if (wire.streaming && Stream.isStream(answer)) {
      return this.answerStream(id, wire, answer as Stream.Stream<unknown, unknown>)
    }
    this.replier.answer(id, ReplyStatus.Success, wire.success, answer)
    reader.advance()
    this.handled += 1
    return undefined
  }

  private answerEffect(
    id: number,
    wire: Wire.RequestWire,
    effect: Effect.Effect<unknown, unknown>
  ): Effect.Effect<void, WorkerPanicked> {
    return Effect.flatMap(Effect.exit(Effect.provideContext(effect, this.context)), (exit) => {
      if (Exit.isSuccess(exit)) {
        this.replier.answer(id, ReplyStatus.Success, wire.success, exit.value)
      } else {
        const panic = this.answerFailure(id, wire, exit.cause)
        if (panic !== undefined) return Effect.fail(panic)
      }
      this.passed()
      this.replier.publish()
      return Effect.void
    })
  }

  private answerStream(
    id: number,
    wire: Wire.RequestWire,
    stream: Stream.Stream<unknown, unknown>
  ): Effect.Effect<void, WorkerPanicked> {
    const run = Stream.runForEachArray(stream, (elements) =>
      Effect.suspend(() => {
        this.replier.answer(id, ReplyStatus.Chunk, wire.success, elements)
        return this.replier.flush
      })
    )
    return Effect.flatMap(Effect.exit(Effect.provideContext(run, this.context)), (exit) => {
      if (Exit.isSuccess(exit)) {
        this.replier.end(id)
      } else {
        const panic = this.answerFailure(id, wire, exit.cause)
        if (panic !== undefined) return Effect.fail(panic)
      }
      this.passed()
      this.replier.publish()
      return Effect.void
    })
  }

  /** A declared error goes to whoever asked; anything else is a panic, theirs and the worker's. */
  private answerFailure(id: number, wire: Wire.RequestWire, cause: Cause.Cause<unknown>): WorkerPanicked | undefined {
    const error = Cause.findError(cause)
    if (Result.isSuccess(error) && wire.error !== undefined) {
      this.replier.answer(id, ReplyStatus.Failure, wire.error, error.success)
      return undefined
    }
    return this.failed(id, this.panicked(wire.tag, Cause.squash(cause))).error
  }

  private failed(id: number, error: WorkerPanicked): Panic {
    this.replier.panic(id, error)
    this.replier.publish()
    // Whoever asked has its answer: a successor must not answer again.
    this.reader.advance()
    this.reader.port.ack()
    return new Panic(error)
  }

  private provided(
    effect: Effect.Effect<unknown, unknown, unknown>,
    phase: string,
    message?: unknown
  ): Effect.Effect<void, WorkerPanicked> {
    return Effect.catchCause(
      Effect.provideContext(effect as Effect.Effect<unknown, unknown>, this.context),
      (cause): Effect.Effect<never, WorkerPanicked> =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.fail(this.panicked(phase, Cause.squash(cause), message))
    ) as Effect.Effect<void, WorkerPanicked>
  }

  private panicked(phase: string, cause: unknown, message?: unknown): WorkerPanicked {
    let key: string | undefined
    if (message !== undefined) {
      try {
        key = String((this.implementation.contract.key as (message: unknown) => unknown)(message))
      } catch {
        // The message is what it panicked of: its key may be past computing.
      }
    }
    return panicked(this.workerId, phase, cause, key)
  }

  readonly shutdown: Effect.Effect<void, WorkerPanicked> = Effect.suspend(() => {
    const { shutdown } = this.implementation.handlers
    if (shutdown === undefined) return Effect.void
    try {
      const result = shutdown(this.state)
      return Effect.isEffect(result) ? this.provided(result, "shutdown") : Effect.void
    } catch (cause) {
      return Effect.fail(this.panicked("shutdown", cause))
    }
  })
}

/**
 * A panic from whatever was thrown.
 *
 * @category constructors
 * @since 0.1.0
 */
export const panicked = (worker: string, phase: string, cause: unknown, key?: string): WorkerPanicked =>
  new WorkerPanicked({
    worker,
    phase,
    detail: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
    ...(key === undefined ? {} : { key }),
    ...(typeof cause === "string" ? {} : { cause })
  })

/**
 * Runs a worker until it is told to stop, or panics. `owner` is the number under which it holds its
 * channels; `onReady` runs once `init` has succeeded.
 *
 * @category constructors
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

      const init = yield* Effect.try({
        try: () =>
          typeof handlers.init === "function"
            ? handlers.init(
                Codec.decode(Codec.make(contract.initData as Schema.Codec<unknown, unknown>), links.initData)
              )
            : handlers.init,
        catch: fail("init")
      })
      const state = yield* Effect.catchCause(
        Effect.provideContext(init as Effect.Effect<unknown, unknown>, context),
        (cause) => Effect.fail(fail("init")(Cause.squash(cause)))
      )
      const loop = yield* Effect.try({
        try: () => {
          const reader = new FrameReader(
            ReceiverPort.attach(Mesh.open(links.mailbox.memory), links.mailbox.slot, owner)
          )
          const writer = new FrameWriter(SenderPort.attach(Mesh.open(links.replies.memory), links.replies.slot, owner))
          const replier = new Replier(links.workerId, writer, links.replies.wait)
          return new Loop(implementation, links, state, context, reader, replier, control)
        },
        catch: fail("attach")
      })

      if (handlers.tick !== undefined) {
        const every = toMillis(handlers.tick.every)
        const bell = Mesh.open(links.mailbox.memory)
        yield* Effect.forkIn(
          Effect.forever(
            Effect.andThen(
              Effect.sleep(every),
              Effect.sync(() => {
                loop.tickDue = true
                bell.ring(bell.receiverEndpoint(links.mailbox.slot))
              })
            )
          ),
          scope
        )
      }

      control.status = Status.Running
      yield* onReady
      yield* Effect.onExit(Effect.andThen(loop.run, loop.shutdown), () =>
        Effect.sync(() => {
          control.status = Status.Stopped
        })
      )
    })
  )
