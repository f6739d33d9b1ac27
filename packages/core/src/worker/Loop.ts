/**
 * What a worker does between `init` and `shutdown`: takes frames from the mailbox, hands them to the
 * handlers, and acknowledges what was handled.
 *
 * A turn is plain code for as long as handlers are: only one that returns an Effect costs one.
 * Between two messages it looks at its `ControlBlock`, so a command overtakes everything in the
 * mailbox, and every 10 ms the thread's event loop gets a turn.
 *
 * A message is acknowledged after it was handled: the one that a worker dies of, and those behind
 * it in its lane, stay in the mailbox for a successor. `Custody` and `Parking` are what a supervised
 * worker does beyond that.
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
import { WorkerPanicked } from "../errors/Errors.ts"
import * as KeyHash from "../partition/KeyHash.ts"
import { Command, type ControlBlock, Status } from "../ring/ControlBlock.ts"
import { Custody } from "./Custody.ts"
import * as Doorbell from "../ring/Doorbell.ts"
import { Kind } from "../ring/Frame.ts"
import * as CallerContext from "./CallerContext.ts"
import { Envelope, EnvelopeKind, makeHead, readHead, ReplyStatus } from "./Envelope.ts"
import { KeyedTasks } from "./KeyedTasks.ts"
import * as Moving from "./Moving.ts"
import { panicked } from "./Panic.ts"
import { type Entry, Parking } from "./Parking.ts"
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

/** Turns of the event loop that a mirror takes to wake up and write. */
const tellTurns = 5

/** Phase of the error of a message that took too long. */
const deadlinePhase = "deadline"

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
  private readonly wire: Wire.Wire
  private readonly messages: Envelope<unknown>
  private readonly payloads: ReadonlyArray<Envelope<unknown>>
  private readonly head = makeHead()
  private readonly key: (message: unknown) => Key
  private batchSize: number
  private readonly batchMillis: number
  private readonly tasks: KeyedTasks | undefined
  private readonly progress: Progress
  private readonly mail: Waiter
  private readonly called: Waiter
  private readonly custody: Custody | undefined
  private readonly parking: Parking | undefined
  /** Tasks that failed, and wait for what their owner decides. */
  private readonly tickets = new Map<number, (again: boolean) => void>()
  private readonly advance = () => this.reader.advance()
  private readonly settled: number | undefined
  private singly = 0
  // Not from 0: see `Parking`.
  private ticket = (Math.random() * 2 ** 31) | 0
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
    this.settled = links.settled
    this.state = state
    this.context = context
    this.reader = reader
    this.replier = replier
    this.control = control
    this.requests = wire.requests
    this.wire = wire
    this.handled = control.handled
    this.messages = new Envelope(wire.message)
    this.payloads = wire.requests.map((request) => new Envelope(request.payload))
    this.key = implementation.contract.key
    const { laneMessages } = port.mesh
    // No larger than what there is room for: the rest could not come before it is handled.
    this.batchSize = Math.min(handlers.batchSize ?? defaultBatch, laneMessages === 0 ? Infinity : laneMessages)
    this.batchMillis = handlers.batchWithin === undefined ? 0 : toMillis(handlers.batchWithin)
    const { safeguard } = links
    this.progress = new Progress(port, safeguard?.snapshots === undefined)
    const { memory } = port.mesh
    const ring = () => {
      this.woken = true
      Doorbell.ring(memory, port.bell)
    }
    const { concurrency } = handlers
    this.tasks = concurrency === undefined || concurrency <= 1 ? undefined : new KeyedTasks(concurrency, scope, ring)
    const custody =
      safeguard === undefined ? undefined : new Custody(safeguard, control, port, this.progress, ring)
    this.custody = custody
    const decides = safeguard !== undefined && (safeguard.retries || safeguard.deadlineMillis > 0)
    this.parking =
      decides && this.tasks === undefined && handlers.handleBatch === undefined ? this.makeParking() : undefined
    if (safeguard?.singly === true && handlers.handleBatch !== undefined) {
      this.singly = this.batchSize
      this.batchSize = 1
    }
    const called = () =>
      control.asked ||
      control.command !== Command.Run ||
      this.tickDue ||
      this.woken ||
      (custody !== undefined && custody.confirmed)
    this.mail = new Waiter(new Mail(reader, called), links.mailbox.wait)
    // For waits that mail does not end: while paused, and while no more tasks are taken on.
    this.called = new Waiter(
      {
        memory,
        bell: port.bell,
        ready: () =>
          control.asked ||
          this.woken ||
          (control.command !== Command.Pause && (control.command !== this.obeyed || this.hasVerdict)),
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
        if (this.parked || (this.tasks !== undefined && !this.tasks.idle)) yield* this.waitForTasks
        else if (!this.isDry) yield* Effect.yieldNow
        else return yield* this.replier.finish
      } else if (this.batch.length > 0) yield* this.linger
      else yield* this.mail.wait(true)
      if (this.replier.full) yield* this.replier.flush
    }
  })

  /**
   * Whether nothing is left to do. To be looked at after the command: what was sent before it may have
   * come after the mailbox was found empty, and large messages come after their frames.
   */
  private get isDry(): boolean {
    const { port } = this.reader
    return this.batch.length === 0 && !this.reader.ready() && !this.reader.isAwaiting && !port.scout()
  }

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
      Effect.map(Effect.sleep(Math.max(0, this.batchSince + this.batchMillis - performance.now())), () => {
        // Not left to the clock: timers may be early, or a test's.
        this.batchSince = -Infinity
      })
    )
  )

  private turn(): Turn {
    const { control, reader, tasks } = this
    const started = performance.now()
    let untilClock = clockEvery
    const { custody } = this
    let busy = true
    this.woken = false
    try {
      if (tasks?.failure !== undefined) throw this.failureOf(tasks.failure)
      custody?.confirm()
      for (;;) {
        if (control.asked) control.pong()
        if (control.command === Command.Pause || this.tickDue) {
          if (this.batch.length > 0) return this.runBatch()
          if (this.tickDue) return this.runTick()
          // Held only once nothing runs any more: a paused worker does nothing.
          return tasks === undefined || tasks.quiet ? "command" : "busy"
        }
        if (custody !== undefined && custody.due) {
          if (this.batch.length > 0) return this.runBatch()
          this.saveIfReady(custody)
        }
        const full = tasks !== undefined && (!tasks.accepts || (custody !== undefined && custody.due && !tasks.quiet))
        if (full && !this.hasVerdict) return "busy"
        const kind = reader.next()
        if (kind === Kind.Empty) {
          if (this.batch.length > 0 && this.batchDue()) return this.runBatch()
          busy = false
          if (custody !== undefined && this.batch.length === 0 && custody.pressed) this.saveIfReady(custody)
          return "idle"
        }
        if (custody !== undefined) {
          if (!this.admit(custody, kind)) continue
          if (custody.tells) return this.tell
        }
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
      // Before the acknowledgement: a request that is handled has its reply.
      this.replier.publish()
      this.ack()
      control.handled = this.handled
      if (!busy) custody?.rest()
    }
  }

  /** Acknowledges all that was passed, unless something of it is not done, or not saved. */
  private ack(): void {
    if (this.progress.outstanding > 0 || this.batch.length > 0 || this.custody?.saves === true) return
    this.reader.port.ack()
  }

  private get parked(): boolean {
    return this.parking !== undefined && this.parking.size > 0
  }

  /** Whether the lane of decisions, the most urgent one, has one. */
  private get hasVerdict(): boolean {
    const { custody, reader } = this
    if (custody === undefined || !(custody.guard.retries || custody.guard.deadlineMillis > 0)) return false
    return reader.ready() && reader.port.laneIndex === 0
  }

  /** Lets what mirrors this memory to the owner say which frame is in hand. */
  private readonly tell: Effect.Effect<void> = Effect.callback((resume) => {
    let turns = tellTurns
    const next = () => {
      if (turns-- === 0) return resume(Effect.void)
      setImmediate(next)
    }
    this.replier.nudge()
    next()
  })

  /** Whether the frame that was found is to be handled; passes it if not. */
  private admit(custody: Custody, kind: number): boolean {
    if (custody.skip(this.advance)) return false
    custody.begin()
    if (!custody.isOver()) return true
    this.giveUp(kind)
    return false
  }

  /** Passes a frame that must not be handled again: a message as a dead letter, a request with a panic. */
  private giveUp(kind: number): void {
    const { head, reader } = this
    if (kind === EnvelopeKind.Message) {
      this.letter(reader.port.laneIndex, reader.port.lane.count, () => reader.read(this.messages))
    } else {
      reader.readWith((memory, offset, end) => readHead(head, memory, offset, end))
      this.replier.panic(head.id, panicked(this.workerId, "ask", "it was the end of every worker that it was put to"))
    }
    this.pass()
  }

  private letter(lane: number, number: number, read: () => unknown): void {
    let dead: Wire.Dead
    try {
      dead = { lane, number, message: read() }
    } catch (cause) {
      dead = { lane, number, error: panicked(this.workerId, "receive", cause) }
    }
    this.replier.answer(0, ReplyStatus.Dead, this.wire.dead as Wire.RequestWire["success"], dead)
  }

  private saveIfReady(custody: Custody): void {
    if (custody.ready && (this.tasks === undefined || this.tasks.quiet)) this.save(custody)
  }

  private save(custody: Custody): void {
    try {
      const state = this.implementation.handlers.snapshot!(this.state, () => true)
      const saved = custody.save(this.wire.internal!.restore.payload, state)
      this.replier.answer(custody.saved(), ReplyStatus.Saved, Wire.saved as Wire.RequestWire["success"], saved)
      this.replier.publish()
    } catch (cause) {
      throw new Panic(panicked(this.workerId, "snapshot", cause))
    }
  }

  private makeParking(): Parking {
    const placeOf = ({ taken }: Entry) => [taken.lane, (taken.count - 1) | 0] as const
    return new Parking({
      begin: (entry) => this.custody!.mark(entry.taken),
      report: (ticket, entry, error) => this.report(ticket, ...placeOf(entry), error),
      letter: (entry) => this.letter(...placeOf(entry), () => entry.message!.value),
      done: (entry) => {
        this.handled += 1
        this.progress.done(entry.taken)
      },
      panicOf: (_, cause) => this.errorOf(cause)
    })
  }

  private report(ticket: number, lane: number, number: number, error: WorkerPanicked): void {
    const codec = Wire.failed as unknown as Wire.RequestWire["success"]
    this.replier.answer(ticket, ReplyStatus.Failed, codec, { lane, number, error })
    this.replier.publish()
  }

  private errorOf(cause: unknown): WorkerPanicked {
    return cause instanceof Panic ? cause.error : panicked(this.workerId, "handle", cause)
  }

  /** Whether the owner decides about a message that failed so. */
  private isForOwner(error: WorkerPanicked): boolean {
    const { custody } = this
    return custody !== undefined && (custody.guard.retries || error.phase === deadlinePhase)
  }

  private entryOf(key: number, message: Entry["message"], work: () => unknown): Entry {
    return { key, message, work, taken: this.progress.take(this.advance) }
  }

  private workOf(message: unknown, context: string | undefined): () => unknown {
    return () => {
      const result = this.handle(message)
      return Effect.isEffect(result) ? this.provided(result, "handle", message, context) : undefined
    }
  }

  /** The message in hand failed: parked for its owner to decide, if that is who decides. */
  private park(parking: Parking, message: unknown, context: string | undefined, error: WorkerPanicked): void {
    // What was passed before it is done.
    this.ack()
    parking.park(this.entryOf(this.hashOf(message), { value: message }, this.workOf(message, context)), error)
  }

  private failureOf(cause: Cause.Cause<unknown>): unknown {
    const error = Cause.squash(cause)
    return error instanceof Panic ? error : new Panic(error as WorkerPanicked)
  }

  private message(): Turn | undefined {
    const { handlers } = this.implementation
    const { custody, parking, reader } = this
    let message: unknown
    try {
      message = reader.read(this.messages)
    } catch (cause) {
      if (custody === undefined) throw cause
      // Nobody can handle it: its bytes will be the same next time.
      this.giveUp(EnvelopeKind.Message)
      return undefined
    }
    if (handlers.handleBatch !== undefined) {
      if (this.batch.length === 0) this.batchSince = this.batchMillis === 0 ? 0 : performance.now()
      this.batch.push(message)
      reader.advance()
      return this.batch.length >= this.batchSize ? this.runBatch() : undefined
    }
    const { context } = this.messages.head
    if (this.tasks !== undefined) {
      this.addTask(this.hashOf(message), (done, taken) => this.attempt(message, context, done, taken))
      return undefined
    }
    if (parking !== undefined && parking.size > 0) {
      return parking.add(this.entryOf(this.hashOf(message), { value: message }, this.workOf(message, context)))
    }
    let result: unknown
    try {
      result = this.handle(message)
    } catch (cause) {
      if (parking === undefined || !this.isForOwner(this.errorOf(cause))) throw cause
      this.park(parking, message, context, this.errorOf(cause))
      return undefined
    }
    if (Effect.isEffect(result)) {
      const provided = this.provided(result, "handle", message, context)
      const done = Effect.sync(() => this.passed())
      if (parking === undefined) return Effect.andThen(provided, done)
      return Effect.matchEffect(provided, {
        onFailure: (error) =>
          this.isForOwner(error) ? Effect.sync(() => this.park(parking, message, context, error)) : Effect.fail(error),
        onSuccess: () => done
      })
    }
    reader.advance()
    this.handled += 1
    return undefined
  }

  /** Handles a message as a task, again and again for as long as its owner says so. */
  private attempt(
    message: unknown,
    context: string | undefined,
    done: () => undefined,
    taken: Taken
  ): Effect.Effect<void, WorkerPanicked> | undefined {
    let result: unknown
    this.custody?.mark(taken)
    try {
      result = this.handle(message)
    } catch (cause) {
      if (!this.isForOwner(this.errorOf(cause))) throw cause
      return this.decided(message, context, taken, this.errorOf(cause))
    }
    if (!Effect.isEffect(result)) return done()
    const provided = this.provided(result, "handle", message, context)
    if (this.custody === undefined) return provided
    return Effect.catch(provided, (error) => {
      if (this.isForOwner(error)) return this.decided(message, context, taken, error)
      this.custody!.mark(taken)
      return Effect.fail(error)
    })
  }

  private decided(
    message: unknown,
    context: string | undefined,
    taken: Taken,
    error: WorkerPanicked
  ): Effect.Effect<void, WorkerPanicked> {
    const number = (taken.count - 1) | 0
    const verdict = Effect.callback<boolean>((resume) => {
      this.ticket = (this.ticket + 1) | 0
      this.tickets.set(this.ticket, (again) => resume(Effect.succeed(again)))
      this.tasks!.held = this.tickets.size
      this.report(this.ticket, taken.lane, number, error)
    })
    return Effect.flatMap(verdict, (again) => {
      if (again) return this.attempt(message, context, () => undefined, taken) ?? Effect.void
      this.letter(taken.lane, number, () => message)
      return Effect.void
    })
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
    work: (done: () => undefined, taken: Taken) => Effect.Effect<void, unknown> | undefined
  ): void {
    const taken = this.progress.take(this.advance)
    const done = (): undefined => {
      this.handled += 1
      this.progress.done(taken)
      return undefined
    }
    this.tasks!.add(key, () => {
      const effect = work(done, taken)
      return effect === undefined ? undefined : Effect.andThen(effect, Effect.sync(done))
    })
  }

  /** Passes the frame whose Effect was awaited. */
  private passed(): void {
    this.pass()
    this.handled += 1
    this.replier.publish()
    this.ack()
  }

  /** Passes the frame that was found, which nothing more is to be done for. */
  private pass(): void {
    if (this.progress.outstanding === 0) this.reader.advance()
    else this.progress.done(this.progress.take(this.advance))
  }

  private batchDue(): boolean {
    return (
      this.batchMillis === 0 ||
      this.control.command === Command.Stop ||
      this.reader.port.pressed ||
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
      if (this.singly > 0 && --this.singly === 0) this.batchSize = this.implementation.handlers.batchSize ?? defaultBatch
    }
    if (!Effect.isEffect(result)) {
      done()
      return "again"
    }
    return Effect.andThen(
      this.provided(result, "handleBatch"),
      Effect.sync(() => {
        done()
        this.ack()
      })
    )
  }

  private runTick(): Turn {
    this.tickDue = false
    this.custody?.touch()
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
    const { internal, verdict } = this.wire
    if (wire === verdict) return this.decide(id, reader.read(this.payloads[wire.index]) === 1)
    if (wire === internal?.extract || wire === internal?.restore) return this.move(id, wire)
    const payload = reader.read(this.payloads[wire.index])
    if (this.parking !== undefined && this.parking.size > 0) {
      return this.parking.add(this.entryOf(key, undefined, () => this.answer(id, wire, payload, context)))
    }
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

  private decide(ticket: number, again: boolean): Turn | undefined {
    this.pass()
    const waiting = this.tickets.get(ticket)
    if (waiting === undefined) return this.parking?.decide(ticket, again)
    this.tickets.delete(ticket)
    this.tasks!.held = this.tickets.size
    waiting(again)
    return undefined
  }

  /** Whether whoever asked was told that it failed, with a former life: it must not be done behind their back. */
  private isSettled(id: number): boolean {
    return this.settled !== undefined && ((id - this.settled) | 0) <= 0
  }

  /** Hands state out, or takes it in: once everything before is handled. */
  private move(id: number, wire: Wire.RequestWire): Turn | undefined {
    if (this.tasks !== undefined && !this.tasks.idle) return "busy"
    if (this.isSettled(id)) {
      this.passed()
      return undefined
    }
    const payload = this.reader.read(this.payloads[wire.index])
    try {
      const answer = Moving.run(this.implementation.handlers, this.state, wire === this.wire.internal!.extract, payload)
      this.replier.answer(id, ReplyStatus.Success, wire.success, answer, wire.tag)
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
    if (this.isSettled(id)) return undefined
    let answer: unknown
    try {
      answer = this.implementation.requests[wire.tag](this.state, payload)
    } catch (cause) {
      throw this.failed(id, panicked(this.workerId, wire.tag, cause))
    }
    if (wire.streaming && Stream.isStream(answer)) {
      const chunks = Stream.runForEachArray(answer as Stream.Stream<unknown, unknown>, (elements) =>
        Effect.suspend(() => {
          this.replier.answer(id, ReplyStatus.Chunk, wire.success, elements, wire.tag)
          return this.replier.flush
        })
      )
      return this.settle(id, wire, chunks, context, () => this.replier.end(id))
    }
    if (Effect.isEffect(answer)) {
      return this.settle(id, wire, answer as Effect.Effect<unknown, unknown>, context, (value) =>
        this.replier.answer(id, ReplyStatus.Success, wire.success, value, wire.tag)
      )
    }
    this.replier.answer(id, ReplyStatus.Success, wire.success, answer, wire.tag)
    return undefined
  }

  private settle<A>(
    id: number,
    wire: Wire.RequestWire,
    effect: Effect.Effect<A, unknown>,
    context: string | undefined,
    succeed: (value: A) => void
  ): Effect.Effect<void, WorkerPanicked> {
    const timed = this.timed(this.inContext(effect, undefined, context), wire.tag)
    return Effect.flatMap(Effect.exit(timed), (exit) => {
      if (Exit.isSuccess(exit)) {
        succeed(exit.value)
        return Effect.void
      }
      // A declared error goes to whoever asked; anything else is a panic, theirs and the worker's.
      const error = Cause.findError(exit.cause)
      if (Result.isSuccess(error) && error.success instanceof WorkerPanicked && error.success.phase === deadlinePhase) {
        this.replier.panic(id, error.success)
        return Effect.void
      }
      if (Result.isSuccess(error) && wire.error !== undefined) {
        this.replier.answer(id, ReplyStatus.Failure, wire.error, error.success, wire.tag)
        return Effect.void
      }
      return Effect.fail(this.failed(id, panicked(this.workerId, wire.tag, Cause.squash(exit.cause))).error)
    })
  }

  private failed(id: number, error: WorkerPanicked): Panic {
    this.replier.panic(id, error)
    this.replier.publish()
    // Whoever asked has its answer: a successor must not answer again.
    if (this.custody !== undefined) this.control.settle()
    if (this.tasks === undefined && !this.parked && this.custody?.saves !== true) {
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
    const annotated = Effect.annotateLogs(
      effect as Effect.Effect<A, unknown>,
      key === undefined ? { worker: this.workerId } : { worker: this.workerId, key }
    )
    const called = context === undefined ? annotated : CallerContext.provide(annotated, context)
    // Outermost: a span or annotations that the worker was started under would hide the message's own.
    return Effect.provideContext(called, this.context)
  }

  private provided(
    effect: Effect.Effect<unknown, unknown, unknown>,
    phase: string,
    message?: unknown,
    context?: string
  ): Effect.Effect<void, WorkerPanicked> {
    const key = message === undefined ? undefined : this.keyOf(message)
    const inContext = this.inContext(effect, key, context)
    return Effect.catchCause(
      Effect.asVoid(phase.startsWith("handle") ? this.timed(inContext, phase, key) : inContext),
      (cause): Effect.Effect<never, WorkerPanicked> =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.fail(panicked(this.workerId, phase, Cause.squash(cause), key))
    )
  }

  /** Interrupts an Effect that takes longer than the deadline, and fails then. */
  private timed<A>(effect: Effect.Effect<A, unknown>, phase: string, key?: string): Effect.Effect<A, unknown> {
    const millis = this.custody?.guard.deadlineMillis ?? 0
    if (millis === 0) return effect
    const { control } = this
    let late = false
    const overdue = Effect.flatMap(Effect.sleep(millis), () => {
      late = true
      control.late += 1
      return Effect.fail(panicked(this.workerId, deadlinePhase, `${phase} took longer than ${millis} ms`, key))
    })
    return Effect.ensuring(
      Effect.raceFirst(effect, overdue),
      Effect.sync(() => {
        if (late) control.late -= 1
      })
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

  /** Everything was handled, as it was told: nothing is left to acknowledge. */
  finish(): void {
    this.custody?.close()
    this.custody?.rest()
    this.reader.port.ack()
  }

  /** Lets go of what outlives it. */
  close(): void {
    this.custody?.close()
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
