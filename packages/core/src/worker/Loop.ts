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
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { FrameReader } from "../channel/FrameReader.ts"
import type { WorkerPanicked } from "../errors/Errors.ts"
import { Command, type ControlBlock } from "../ring/ControlBlock.ts"
import { Answering } from "./Answering.ts"
import { Asking } from "./Asking.ts"
import { Batch } from "./Batch.ts"
import { Custody } from "./Custody.ts"
import { Gate } from "./Gate.ts"
import { Kind } from "../ring/Frame.ts"
import type { Emitter } from "./Emit.ts"
import { Envelope, EnvelopeKind } from "./Envelope.ts"
import { KeyedTasks } from "./KeyedTasks.ts"
import { leave } from "./Leaving.ts"
import { Invoker } from "./Invoker.ts"
import { Panic, panicked } from "./Panic.ts"
import { type Entry, Parking } from "./Parking.ts"
import { Progress, type Taken } from "./Progress.ts"
import type { Replier } from "./Replier.ts"
import { Reporting } from "./Reporting.ts"
import { Retrying } from "./Retrying.ts"
import type { Streaming } from "./Streaming.ts"
import { unguarded } from "./Safeguard.ts"
import { Waits } from "./Waits.ts"
import { Settling } from "./Settling.ts"
import * as Wire from "./Wire.ts"
import type { AnyImplementation } from "./Worker.ts"
import type { Links } from "./Workers.ts"

/** Milliseconds of plain handling after which the thread's event loop gets a turn. */
const turnMillis = 10

/** Messages between two looks at the clock. */
const clockEvery = 64

/**
 * How a turn ended: nothing to do, more to do, a command is due, tasks or outputs are to be waited for,
 * it is to leave, or an Effect to run first.
 */
type Turn = "idle" | "again" | "command" | "busy" | "moving" | "crowded" | "leave" | Effect.Effect<void, WorkerPanicked>

/**
 * @category models
 * @since 0.1.0
 */
export class Loop {
  readonly invoker: Invoker
  private readonly asking: Asking
  private readonly reporting: Reporting
  private readonly retrying: Retrying | undefined
  private readonly reader: FrameReader
  private readonly replier: Replier
  private readonly control: ControlBlock
  private readonly messages: Envelope<unknown>
  private readonly tasks: KeyedTasks | undefined
  private readonly progress: Progress
  private readonly waits: Waits
  private readonly custody: Custody | undefined
  private readonly parking: Parking | undefined
  private readonly settling: Settling
  /** Whether one message may bring about what goes before the next: outputs, tasks and snapshots are waited for. */
  private readonly changes: boolean
  private readonly gate: Gate | undefined
  private readonly advance = () => this.reader.advance()
  private readonly batch: Batch
  private handled = 0
  /** Messages until the next look at the clock in the next turn: after its first, a life shows that it goes on. */
  private untilClock = 1

  constructor(
    implementation: AnyImplementation,
    links: Links,
    state: unknown,
    context: Context.Context<never>,
    scope: Scope.Scope,
    reader: FrameReader,
    replier: Replier,
    control: ControlBlock,
    emitter: Emitter | undefined,
    streaming: Streaming | undefined
  ) {
    const wire = Wire.compile(implementation.contract)
    const { port } = reader
    const { safeguard, workerId } = links
    const { deadlineMillis = 0, gate: start, requestMillis = [], singly } = safeguard ?? {}
    const invoker = new Invoker(implementation, workerId, state, context, control, deadlineMillis, emitter)
    this.invoker = invoker
    this.reporting = new Reporting(invoker, replier, wire)
    this.reader = reader
    this.replier = replier
    this.control = control
    this.handled = control.handled
    this.messages = new Envelope(wire.message)
    this.progress = new Progress(port, safeguard?.snapshots === undefined)
    const waits = new Waits(reader, control, replier, links.mailbox.wait)
    this.waits = waits
    const { concurrency } = implementation.handlers
    this.tasks =
      concurrency === undefined || concurrency <= 1 ? undefined : new KeyedTasks(concurrency, singly, scope, waits.ring)
    const custody =
      safeguard === undefined ? undefined : new Custody(safeguard, control, port, this.progress, waits.ring)
    this.custody = custody
    this.settling = new Settling(emitter, replier, this.progress, custody)
    this.changes = emitter !== undefined || this.tasks !== undefined || custody?.saves === true
    waits.custody = custody
    const gate = start === undefined ? undefined : new Gate(start, control, (group) => this.reporting.recovered(group))
    this.gate = gate
    const onTold = (taken: Taken): void => this.settling.tell(taken)
    const onDone = (taken: Taken): void => {
      this.handled += 1
      this.settling.settle(taken)
    }
    this.retrying =
      this.tasks === undefined
        ? undefined
        : new Retrying(invoker, this.tasks, custody, this.reporting, gate, onDone, onTold)
    this.parking =
      custody?.asks === true && this.tasks === undefined
        ? new Parking(invoker, this.reporting, custody, gate, onDone, onTold)
        : undefined
    this.asking = new Asking({
      invoker,
      reader,
      wire,
      custody,
      gate,
      parking: this.parking,
      retrying: this.retrying,
      tasks: this.tasks,
      progress: this.progress,
      reporting: this.reporting,
      answering: new Answering(invoker, replier, streaming, links.settled, requestMillis, this.panicking),
      isHeldUp: () => this.isHeldUp,
      advance: this.advance,
      done: () => {
        reader.advance()
        this.handled += 1
      },
      pass: () => this.pass(),
      passed: () => this.passed()
    })
    this.batch = new Batch(
      invoker,
      custody,
      this.parking,
      this.progress,
      port.mesh.laneMessages,
      singly,
      (count, taken) => {
        this.handled += count
        for (const one of taken) this.settling.settle(one)
      }
    )
  }

  /** Makes the tick run before the next message. */
  tick(): void {
    this.waits.tick()
  }

  /** Handles messages until it is told to stop and the mailbox is empty. */
  readonly run: Effect.Effect<void, WorkerPanicked> = Effect.gen({ self: this }, function* () {
    for (;;) {
      const turn = this.turn()
      if (this.replier.full && !Effect.isEffect(turn)) {
        // Before any wait: whoever would end it may wait for a reply.
        yield* this.settling.replied
        continue
      }
      if (Effect.isEffect(turn)) yield* turn
      else if (turn === "again") yield* Effect.yieldNow
      else if (turn === "command") yield* this.waits.pause
      else if (turn === "busy") yield* this.waits.tasks
      else if (turn === "moving") yield* this.waits.ended
      else if (turn === "crowded") {
        yield* this.waits.crowd(this.settling.room)
        // What came of it is with the owner: it is not to be handled again because of the next.
        this.ack()
      } else if (turn === "leave") return yield* this.leave
      else if (this.control.command === Command.Stop) {
        if (this.parked || (this.tasks !== undefined && !this.tasks.idle)) yield* this.waits.tasks
        else if (!this.isDry || this.settling.isCrowded) yield* Effect.yieldNow
        else return yield* this.settling.finishReplies
      } else if (this.batch.length > 0) yield* this.batch.linger(this.waits.mail)
      else yield* this.waits.mail
      if (this.replier.full) yield* this.settling.replied
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

  /** Whether all is done that a successor could not go on with: a state that is saved says what is in it. */
  private get mayLeave(): boolean {
    const { custody, tasks } = this
    if (custody?.saves === true) return tasks === undefined || tasks.quiet
    return !this.parked && (tasks === undefined || tasks.idle)
  }

  private readonly leave: Effect.Effect<void, WorkerPanicked> = Effect.suspend(() => {
    const { control, progress, reader, waits } = this
    const custody = this.custody ?? new Custody(unguarded, control, reader.port, progress, waits.ring)
    custody.rest()
    return leave(this.invoker, custody, this.settling, this.reporting, this.replier)
  })

  /** Waits until its outputs are with its owner. */
  readonly leaveNothing: Effect.Effect<void> = Effect.suspend(() => this.settling.finish)

  private turn(): Turn {
    const { control, custody, reader, tasks, waits } = this
    const started = performance.now()
    let { untilClock } = this
    this.untilClock = clockEvery
    let sure = true
    let busy = true
    waits.woken = false
    try {
      if (tasks?.failure !== undefined) throw new Panic(this.invoker.errorOf("handle", Cause.squash(tasks.failure)))
      custody?.confirm()
      for (;;) {
        // A hint may be late: for sure once in so many messages.
        if (sure || this.changes || control.calls) {
          sure = false
          const first = this.first()
          if (first !== undefined) {
            busy = first !== "crowded" && first !== "command" && (first !== "busy" || tasks !== undefined)
            return first
          }
        }
        const kind = reader.next()
        if (kind === Kind.Empty) {
          if (this.batch.length > 0 && this.batchDue()) return this.runBatch()
          if ((sure = this.asking.due)) continue
          busy = false
          if (custody !== undefined && this.batch.length === 0 && custody.pressed) this.saveIfReady(custody)
          return "idle"
        }
        const admitted = custody === undefined || this.admit(custody, kind)
        const effect = !admitted ? undefined : kind === EnvelopeKind.Message ? this.message() : this.request(kind)
        if (effect !== undefined) return effect
        // A large reply is fetched from this thread, and holds up those of others until then: nothing slow before that.
        if ((!admitted || kind !== EnvelopeKind.Message) && this.replier.full) {
          busy = false
          return "again"
        }
        if (--untilClock === 0) {
          control.handled = this.handled
          if (performance.now() - started > turnMillis) return "again"
          untilClock = clockEvery
          sure = true
        }
      }
    } catch (error) {
      return Effect.fail(error instanceof Panic ? error.error : panicked(this.invoker.workerId, "receive", error))
    } finally {
      reader.port.publishRead()
      this.asking.look()
      // Before the acknowledgement: what is handled has its outputs, and a request its reply.
      this.settling.publish()
      this.replier.publish()
      this.settling.heard()
      this.ack()
      control.handled = this.handled
      if (custody !== undefined && this.retrying?.show() !== true && !busy) custody.rest()
    }
  }

  /** What goes before the next message, if something does. */
  private first(): Turn | undefined {
    const { control, custody, tasks, waits } = this
    if (control.asked) control.pong()
    const { command } = control
    const isQuiet = tasks === undefined || tasks.quiet
    if (this.settling.isCrowded) return command === Command.Pause && isQuiet ? "command" : "crowded"
    if (this.asking.due && this.asking.moveOn() !== undefined) return "moving"
    if (command === Command.Pause || command === Command.Leave || waits.tickDue) {
      if (this.batch.length > 0) return this.runBatch()
      if (waits.tickDue) return this.runTick()
      // Held only once nothing runs any more: a paused worker does nothing.
      if (command === Command.Pause) return isQuiet ? "command" : "busy"
      if (this.mayLeave) return "leave"
      if (!waits.hasVerdict) return "busy"
    }
    if (custody !== undefined && custody.due) {
      if (this.batch.length > 0) return this.runBatch()
      this.saveIfReady(custody)
    }
    // Who is to see all that was sent must go on, however much that is.
    const takes = tasks === undefined || tasks.accepts || this.asking.looks
    const isFull = !takes || (tasks !== undefined && custody !== undefined && custody.due && !tasks.quiet)
    return isFull && !waits.hasVerdict ? "busy" : undefined
  }

  /** Acknowledges all that was passed, unless something of it is not done, not gone, or not saved. */
  private ack(): void {
    if (this.progress.outstanding > 0 || this.batch.length > 0 || this.custody?.saves === true) return
    if (this.settling.isHeld || this.replier.full) return
    this.reader.port.ack()
  }

  private get parked(): boolean {
    return (this.parking !== undefined && this.parking.size > 0) || (this.gate !== undefined && this.gate.keeps)
  }

  /** Whether a message may have to wait for others of its key, or its key group. */
  private get isHeldUp(): boolean {
    const { gate, parking } = this
    return parking !== undefined && (parking.size > 0 || (gate !== undefined && gate.active))
  }

  /** Whether the frame that was found is to be handled; passes it if not. */
  private admit(custody: Custody, kind: number): boolean {
    if (custody.skips && custody.skip(this.advance)) return false
    custody.begin()
    if (custody.plain || !custody.isOver()) return true
    this.giveUp(kind)
    return false
  }

  /** Passes a frame that must not be handled again: a message as a dead letter, a request with a panic. */
  private giveUp(kind: number): void {
    this.reporting.givenUp(kind === EnvelopeKind.Message, this.reader, this.messages)
    this.pass()
  }

  private saveIfReady(custody: Custody): void {
    if (!custody.ready || !(this.tasks === undefined || this.tasks.quiet)) return
    // Whoever goes on from this state emits nothing again.
    this.settling.publish()
    this.reporting.save(custody)
  }

  /** Whether the message in hand, which failed, is parked for its owner to decide. If not, the worker dies of it. */
  private parks(message: unknown, context: string | undefined, allowed: number, error: WorkerPanicked): boolean {
    const { custody, gate, invoker, parking } = this
    if (parking === undefined || !custody!.decides(error)) {
      gate?.blame(() => invoker.hashOf(message))
      return false
    }
    // What was passed before it is done.
    this.ack()
    parking.park(this.entryOf(message, context, allowed), error)
    return true
  }

  private entryOf(message: unknown, context: string | undefined, allowed: number): Entry {
    return this.parking!.entryOf(message, context, allowed, this.progress.take(this.advance))
  }

  private message(): Turn | undefined {
    const { custody, invoker, parking, reader } = this
    let message: unknown
    try {
      message = reader.read(this.messages)
    } catch (cause) {
      if (custody === undefined) throw cause
      // Nobody can handle it: its bytes will be the same next time.
      this.giveUp(EnvelopeKind.Message)
      return undefined
    }
    const { context, key: allowed } = this.messages.head
    if (invoker.batches) {
      // Behind what came before.
      if (this.batch.length > 0 && (this.isHeldUp || this.batch.allowed !== allowed)) return this.runBatch()
      if (this.isHeldUp) return parking!.add(this.entryOf(message, undefined, allowed))
      this.batch.allowed = allowed
      let taken: Taken | undefined
      if (parking === undefined) reader.advance()
      else taken = this.progress.takeOn(this.batch.last, this.advance)
      return this.batch.add(message, taken) ? this.runBatch() : undefined
    }
    const { retrying } = this
    if (retrying !== undefined) {
      const key = invoker.hashOf(message)
      const taken = this.progress.take(this.advance)
      return retrying.add(key, taken, { message, allowed, context }, (emission) =>
        retrying.handle(message, context, allowed, taken, emission)
      )
    }
    if (this.isHeldUp) return parking!.add(this.entryOf(message, context, allowed))
    let result: unknown
    invoker.allow(allowed)
    try {
      result = invoker.handle(message)
    } catch (cause) {
      if (!this.parks(message, context, allowed, invoker.errorOf("handle", cause))) throw cause
      return undefined
    }
    if (Effect.isEffect(result)) {
      const provided = invoker.provided(result, "handle", message, context)
      if (parking === undefined) return Effect.andThen(provided, this.passing)
      return Effect.matchEffect(provided, {
        onFailure: (error) => (this.parks(message, context, allowed, error) ? Effect.void : Effect.fail(error)),
        onSuccess: () => this.passing
      })
    }
    reader.advance()
    this.handled += 1
    return undefined
  }

  private readonly passing = Effect.sync(() => this.passed())

  /** Passes the frame whose Effect was awaited. */
  private passed(): void {
    this.pass()
    this.handled += 1
    this.replier.publish()
    this.settle()
  }

  /** Acknowledges what is done, after its outputs. */
  private settle(): void {
    this.settling.publish()
    this.ack()
  }

  /** Passes the frame that was found, which nothing more is to be done for. */
  private pass(): void {
    if (this.progress.outstanding === 0) this.reader.advance()
    else this.progress.done(this.progress.take(this.advance))
  }

  private batchDue(): boolean {
    return this.batch.isDue || this.control.command === Command.Stop || this.reader.port.pressed
  }

  private runBatch(): Turn {
    const effect = this.batch.run()
    if (effect === undefined) return "again"
    return Effect.map(effect, () => this.settle())
  }

  private request(kind: number): Turn | undefined {
    // What was sent before a request is handled before it.
    return this.batch.length > 0 ? this.runBatch() : this.asking.take(kind)
  }

  private runTick(): Turn {
    this.waits.tickDue = false
    // It has no deadline, and no message is to blame for it.
    this.custody?.rest()
    this.custody?.touch()
    return this.invoker.tick() ?? "again"
  }

  /** Whoever asked was told of the panic: a successor must not answer again. */
  private readonly panicking = (): void => {
    if (this.custody !== undefined) this.control.settle()
    if (this.tasks !== undefined || this.parked || this.custody?.saves === true) return
    this.reader.advance()
    this.settling.publish()
    this.reader.port.ack()
  }

  /** Everything was handled, as it was told: nothing is left to acknowledge. */
  finish(): void {
    this.custody?.close()
    this.custody?.rest()
    if (this.progress.outstanding === 0) this.reader.port.ack()
  }

  /** Lets go of what outlives it. */
  close(): void {
    this.custody?.close()
  }
}
