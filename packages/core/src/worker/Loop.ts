/**
 * What a worker does between `init` and `shutdown`: takes frames from the mailbox, hands them to the
 * handlers, and acknowledges what was handled.
 *
 * A turn is plain code for as long as handlers are: only one that returns an Effect costs one.
 * Between two messages it looks at its `ControlBlock`, so a command overtakes everything in the
 * mailbox, and every 10 ms the thread's event loop gets a turn.
 *
 * A message is acknowledged after it was handled: the one that a worker dies of, and those behind
 * it in its lane, stay in the mailbox for a successor.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Mail } from "../channel/Ends.ts"
import type { FrameReader } from "../channel/FrameReader.ts"
import { Waiter } from "../channel/WaitStrategy.ts"
import type { WorkerPanicked } from "../errors/Errors.ts"
import * as KeyHash from "../partition/KeyHash.ts"
import { Command, type ControlBlock, Status } from "../ring/ControlBlock.ts"
import * as Doorbell from "../ring/Doorbell.ts"
import { Kind } from "../ring/Frame.ts"
import * as CallerContext from "./CallerContext.ts"
import { Envelope, EnvelopeKind, makeHead, readHead, ReplyStatus } from "./Envelope.ts"
import { KeyedTasks } from "./KeyedTasks.ts"
import * as Moving from "./Moving.ts"
import { panicked } from "./Panic.ts"
import { Progress, type Taken } from "./Progress.ts"
import type { Replier } from "./Replier.ts"
import * as Wire from "./Wire.ts"
import type { AnyImplementation, Key } from "./Worker.ts"
import type { Links } from "./Workers.ts"

/** Milliseconds of plain handling after which the thread's event loop gets a turn. */
const turnMillis = 10

/** Messages between two looks at the clock. */
const clockEvery = 64

const defaultBatch = 256

/** How a turn ended: nothing to do, more to do, a command or a tick is due, or an Effect to run first. */
type Turn = "idle" | "again" | "command" | "busy" | Effect.Effect<void, WorkerPanicked>

class Panic {
  readonly error: WorkerPanicked
  constructor(error: WorkerPanicked) {
    this.error = error
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export class Loop {
  private readonly implementation: AnyImplementation
  private readonly workerId: string
  private readonly state: unknown
  private readonly context: Context.Context<never>
  private readonly reader: FrameReader
  private readonly replier: Replier
  private readonly control: ControlBlock
  private readonly requests: ReadonlyArray<Wire.RequestWire>
  private readonly internal: Wire.Wire["internal"]
  private readonly messages: Envelope<unknown>
  private readonly payloads: ReadonlyArray<Envelope<unknown>>
  private readonly head = makeHead()
  private readonly key: (message: unknown) => Key
  private readonly batchSize: number
  private readonly batchMillis: number
  private readonly tasks: KeyedTasks | undefined
  private readonly progress: Progress
  private readonly mail: Waiter
  private readonly called: Waiter
  private batch: Array<unknown> = []
  private batchSince = 0
  private handled = 0
  private woken = false
  private tickDue = false

  constructor(
    implementation: AnyImplementation,
    links: Links,
    state: unknown,
    context: Context.Context<never>,
    scope: Scope.Scope,
    reader: FrameReader,
    replier: Replier,
    control: ControlBlock
  ) {
    const wire = Wire.compile(implementation.contract)
    const { handlers } = implementation
    const { port } = reader
    this.implementation = implementation
    this.workerId = links.workerId
    this.state = state
    this.context = context
    this.reader = reader
    this.replier = replier
    this.control = control
    this.requests = wire.requests
    this.internal = wire.internal
    this.messages = new Envelope(wire.message)
    this.payloads = wire.requests.map((request) => new Envelope(request.payload))
    this.key = implementation.contract.key
    this.batchSize = handlers.batchSize ?? defaultBatch
    this.batchMillis = handlers.batchWithin === undefined ? 0 : toMillis(handlers.batchWithin)
    this.progress = new Progress(port)
    const { memory } = port.mesh
    const ring = () => {
      this.woken = true
      Doorbell.ring(memory, port.bell)
    }
    const { concurrency } = handlers
    this.tasks = concurrency === undefined || concurrency <= 1 ? undefined : new KeyedTasks(concurrency, scope, ring)
    const called = () => control.asked || control.command !== Command.Run || this.tickDue || this.woken
    this.mail = new Waiter(new Mail(reader, called), links.mailbox.wait)
    // For waits that mail does not end: while paused, and while no more tasks are taken on.
    this.called = new Waiter(
      {
        memory,
        bell: port.bell,
        ready: () => control.asked || this.woken || (control.command !== Command.Pause && control.command !== this.obeyed),
        arm: () => port.arm(),
        parked: () => {}
      },
      "park"
    )
  }

  private obeyed: number = Command.Run

  /** Makes the tick run before the next message. */
  tick(): void {
    this.tickDue = true
    Doorbell.ring(this.reader.port.mesh.memory, this.reader.port.bell)
  }

  /** Handles messages until it is told to stop and the mailbox is empty. */
  readonly run: Effect.Effect<void, WorkerPanicked> = Effect.gen({ self: this }, function* () {
    for (;;) {
      const turn = this.turn()
      if (Effect.isEffect(turn)) yield* turn
      else if (turn === "again") yield* Effect.yieldNow
      else if (turn === "command") yield* this.pause
      else if (turn === "busy") yield* this.waitForTasks
      else if (this.control.command === Command.Stop) {
        if (this.tasks === undefined || this.tasks.idle) return
        yield* this.waitForTasks
      } else if (this.batch.length > 0) yield* this.linger
      else yield* this.mail.wait(true)
      if (this.replier.full) yield* this.replier.flush
    }
  })

  private readonly pause: Effect.Effect<void> = Effect.suspend(() => {
    this.obeyed = Command.Pause
    this.control.status = Status.Paused
    this.control.pong()
    this.woken = false
    if (this.control.command === Command.Pause) return Effect.flatMap(this.called.wait(true), () => this.pause)
    this.obeyed = Command.Run
    this.control.status = Status.Running
    return Effect.void
  })

  private readonly waitForTasks: Effect.Effect<void> = Effect.suspend(() => {
    this.obeyed = this.control.command
    const wait = this.woken ? Effect.void : this.called.wait(true)
    return Effect.map(wait, () => {
      this.woken = false
      this.obeyed = Command.Run
      this.replier.publish()
      this.control.pong()
    })
  })

  /** Waits for more messages until the batch that was begun is due. */
  private readonly linger: Effect.Effect<void> = Effect.suspend(() =>
    Effect.raceFirst(
      this.mail.wait(true),
      Effect.sleep(Math.max(0, this.batchSince + this.batchMillis - performance.now()))
    )
  )

  private turn(): Turn {
    const { control, reader, tasks } = this
    const started = performance.now()
    let untilClock = clockEvery
    this.woken = false
    try {
      if (tasks?.failure !== undefined) throw this.failureOf(tasks.failure)
      for (;;) {
        if (control.asked) control.pong()
        if (control.command === Command.Pause || this.tickDue) {
          if (this.batch.length > 0) return this.runBatch()
          return this.tickDue ? this.runTick() : "command"
        }
        if (tasks !== undefined && !tasks.accepts) return "busy"
        const kind = reader.next()
        if (kind === Kind.Empty) return this.batch.length > 0 && this.batchDue() ? this.runBatch() : "idle"
        const effect = kind === EnvelopeKind.Message ? this.message() : this.request(kind)
        if (effect !== undefined) return effect
        if (--untilClock === 0) {
          if (performance.now() - started > turnMillis) return "again"
          untilClock = clockEvery
        }
      }
    } catch (error) {
      return Effect.fail(error instanceof Panic ? error.error : panicked(this.workerId, "receive", error))
    } finally {
      reader.port.publishRead()
      if (tasks === undefined && this.batch.length === 0) reader.port.ack()
      this.replier.publish()
      control.handled = this.handled
    }
  }

  private failureOf(cause: Cause.Cause<unknown>): unknown {
    const error = Cause.squash(cause)
    return error instanceof Panic ? error : new Panic(error as WorkerPanicked)
  }

  private message(): Turn | undefined {
    const { handlers } = this.implementation
    const { reader } = this
    const message = reader.read(this.messages)
    if (handlers.handleBatch !== undefined) {
      if (this.batch.length === 0) this.batchSince = this.batchMillis === 0 ? 0 : performance.now()
      this.batch.push(message)
      reader.advance()
      return this.batch.length >= this.batchSize ? this.runBatch() : undefined
    }
    const { context } = this.messages.head
    if (this.tasks !== undefined) {
      this.addTask(this.hashOf(message), (done) => {
        const result = this.handle(message)
        return Effect.isEffect(result) ? this.provided(result, "handle", message, context) : done()
      })
      return undefined
    }
    const result = this.handle(message)
    if (Effect.isEffect(result)) {
      return Effect.andThen(
        this.provided(result, "handle", message, context),
        Effect.sync(() => this.passed())
      )
    }
    reader.advance()
    this.handled += 1
    return undefined
  }

  private handle(message: unknown): unknown {
    const { handle } = this.implementation.handlers
    if (handle === undefined) {
      throw new Panic(
        panicked(this.workerId, "handle", "it was sent a message and has neither handle nor handleBatch")
      )
    }
    try {
      return handle(this.state, message)
    } catch (cause) {
      throw new Panic(this.panicOf("handle", cause, message))
    }
  }

  private hashOf(message: unknown): number {
    let key: Key
    try {
      key = this.key(message)
    } catch (cause) {
      throw new Panic(panicked(this.workerId, "key", cause))
    }
    return KeyHash.of(key)
  }

  /** Takes the frame that was read on as a task of its key. */
  private addTask(
    key: number,
    work: (done: () => undefined) => Effect.Effect<void, unknown> | undefined
  ): void {
    this.reader.advance()
    const taken: Taken = this.progress.take()
    const done = (): undefined => {
      this.handled += 1
      this.progress.done(taken)
      return undefined
    }
    this.tasks!.add(key, () => {
      const effect = work(done)
      return effect === undefined ? undefined : Effect.andThen(effect, Effect.sync(done))
    })
  }

  /** Passes the frame whose Effect was awaited. */
  private passed(): void {
    this.reader.advance()
    this.handled += 1
    this.reader.port.ack()
    this.replier.publish()
  }

  private batchDue(): boolean {
    return (
      this.batchMillis === 0 ||
      this.control.command === Command.Stop ||
      performance.now() - this.batchSince >= this.batchMillis
    )
  }

  private runBatch(): Turn {
    const { batch } = this
    let result: unknown
    try {
      result = this.implementation.handlers.handleBatch!(this.state, batch)
    } catch (cause) {
      throw new Panic(panicked(this.workerId, "handleBatch", cause))
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
      throw new Panic(panicked(this.workerId, "tick", cause))
    }
    return Effect.isEffect(result) ? this.provided(result, "tick") : "again"
  }

  private request(kind: number): Turn | undefined {
    // What was sent before a request is handled before it.
    if (this.batch.length > 0) return this.runBatch()
    const { head, reader } = this
    reader.readWith((memory, offset, end) => readHead(head, memory, offset, end))
    const wire = kind === EnvelopeKind.Request ? this.requests[head.detail] : undefined
    if (wire === undefined) {
      throw new Panic(panicked(this.workerId, "receive", `there is no request number ${head.detail} in the contract`))
    }
    const { context, id, key } = head
    if (wire === this.internal?.extract || wire === this.internal?.restore) return this.move(id, wire)
    const payload = reader.read(this.payloads[wire.index])
    if (this.tasks !== undefined) {
      this.addTask(key, (done) => this.answer(id, wire, payload, context) ?? done())
      return undefined
    }
    const effect = this.answer(id, wire, payload, context)
    if (effect !== undefined) {
      return Effect.andThen(
        effect,
        Effect.sync(() => this.passed())
      )
    }
    reader.advance()
    this.handled += 1
    return undefined
  }

  /** Hands state out, or takes it in: once everything before is handled. */
  private move(id: number, wire: Wire.RequestWire): Turn | undefined {
    if (this.tasks !== undefined && !this.tasks.idle) return "busy"
    const payload = this.reader.read(this.payloads[wire.index])
    try {
      const answer = Moving.run(this.implementation.handlers, this.state, wire === this.internal!.extract, payload)
      this.replier.answer(id, ReplyStatus.Success, wire.success, answer)
    } catch (cause) {
      throw this.failed(id, panicked(this.workerId, wire.tag.slice(1), cause))
    }
    this.passed()
    return undefined
  }

  /** Answers a request: at once with undefined, or by the Effect that it returns. */
  private answer(
    id: number,
    wire: Wire.RequestWire,
    payload: unknown,
    context: string | undefined
  ): Effect.Effect<void, WorkerPanicked> | undefined {
    let answer: unknown
    try {
      answer = this.implementation.requests[wire.tag](this.state, payload)
    } catch (cause) {
      throw this.failed(id, panicked(this.workerId, wire.tag, cause))
    }
    if (wire.streaming && Stream.isStream(answer)) {
      const chunks = Stream.runForEachArray(answer as Stream.Stream<unknown, unknown>, (elements) =>
        Effect.suspend(() => {
          this.replier.answer(id, ReplyStatus.Chunk, wire.success, elements)
          return this.replier.flush
        })
      )
      return this.settle(id, wire, chunks, context, () => this.replier.end(id))
    }
    if (Effect.isEffect(answer)) {
      return this.settle(id, wire, answer as Effect.Effect<unknown, unknown>, context, (value) =>
        this.replier.answer(id, ReplyStatus.Success, wire.success, value)
      )
    }
    this.replier.answer(id, ReplyStatus.Success, wire.success, answer)
    return undefined
  }

  private settle<A>(
    id: number,
    wire: Wire.RequestWire,
    effect: Effect.Effect<A, unknown>,
    context: string | undefined,
    succeed: (value: A) => void
  ): Effect.Effect<void, WorkerPanicked> {
    return Effect.flatMap(Effect.exit(this.inContext(effect, undefined, context)), (exit) => {
      if (Exit.isSuccess(exit)) {
        succeed(exit.value)
        return Effect.void
      }
      // A declared error goes to whoever asked; anything else is a panic, theirs and the worker's.
      const error = Cause.findError(exit.cause)
      if (Result.isSuccess(error) && wire.error !== undefined) {
        this.replier.answer(id, ReplyStatus.Failure, wire.error, error.success)
        return Effect.void
      }
      return Effect.fail(this.failed(id, panicked(this.workerId, wire.tag, Cause.squash(exit.cause))).error)
    })
  }

  private failed(id: number, error: WorkerPanicked): Panic {
    this.replier.panic(id, error)
    this.replier.publish()
    if (this.tasks === undefined) {
      // Whoever asked has its answer: a successor must not answer again.
      this.reader.advance()
      this.reader.port.ack()
    }
    return new Panic(error)
  }

  private inContext<A>(
    effect: Effect.Effect<A, unknown, unknown>,
    key: string | undefined,
    context: string | undefined
  ): Effect.Effect<A, unknown> {
    const provided = Effect.provideContext(effect as Effect.Effect<A, unknown>, this.context)
    const annotated = Effect.annotateLogs(provided, key === undefined ? { worker: this.workerId } : { worker: this.workerId, key })
    return context === undefined ? annotated : CallerContext.provide(annotated, context)
  }

  private provided(
    effect: Effect.Effect<unknown, unknown, unknown>,
    phase: string,
    message?: unknown,
    context?: string
  ): Effect.Effect<void, WorkerPanicked> {
    const key = message === undefined ? undefined : this.keyOf(message)
    return Effect.catchCause(
      Effect.asVoid(this.inContext(effect, key, context)),
      (cause): Effect.Effect<never, WorkerPanicked> =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.fail(panicked(this.workerId, phase, Cause.squash(cause), key))
    )
  }

  private panicOf(phase: string, cause: unknown, message: unknown): WorkerPanicked {
    return panicked(this.workerId, phase, cause, this.keyOf(message))
  }

  private keyOf(message: unknown): string | undefined {
    try {
      return String(this.key(message))
    } catch {
      // The message may be what it panics of: its key may be past computing.
      return undefined
    }
  }

  readonly shutdown: Effect.Effect<void, WorkerPanicked> = Effect.suspend(() => {
    const { shutdown } = this.implementation.handlers
    if (shutdown === undefined) return Effect.void
    try {
      const result = shutdown(this.state)
      return Effect.isEffect(result) ? this.provided(result, "shutdown") : Effect.void
    } catch (cause) {
      return Effect.fail(panicked(this.workerId, "shutdown", cause))
    }
  })
}
