/**
 * What a worker's loop waits for, and what wakes it: mail, commands, its tick, its own tasks, and the
 * word of its owner.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Mail } from "../channel/Ends.ts"
import type { FrameReader } from "../channel/FrameReader.ts"
import { Waiter, type WaitStrategy } from "../channel/WaitStrategy.ts"
import { Command, type ControlBlock, Status } from "../ring/ControlBlock.ts"
import * as Doorbell from "../ring/Doorbell.ts"
import type { Custody } from "./Custody.ts"
import type { Replier } from "./Replier.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Waits {
  /** Whether something has ended or come since the loop last looked. */
  woken = false
  tickDue = false
  /** Undefined for a worker that nobody supervises. Set once, before the first wait. */
  custody: Custody | undefined
  private readonly reader: FrameReader
  private readonly control: ControlBlock
  private readonly replier: Replier
  private readonly mailbox: Waiter
  private readonly called: Waiter
  private readonly commanded: Waiter
  private obeyed: number = Command.Run

  constructor(reader: FrameReader, control: ControlBlock, replier: Replier, strategy: WaitStrategy) {
    const { port } = reader
    const { memory } = port.mesh
    this.reader = reader
    this.control = control
    this.replier = replier
    const called = () =>
      control.asked ||
      control.command !== Command.Run ||
      this.tickDue ||
      this.woken ||
      (this.custody !== undefined && this.custody.confirmed)
    this.mailbox = new Waiter(new Mail(reader, called), strategy)
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
    this.commanded = new Waiter(
      {
        memory,
        bell: port.bell,
        ready: () => control.asked || this.woken || control.command !== this.obeyed,
        arm: () => port.arm(),
        parked: () => {}
      },
      "park"
    )
  }

  /** Wakes the loop. */
  readonly ring = (): void => {
    this.woken = true
    Doorbell.ring(this.reader.port.mesh.memory, this.reader.port.bell)
  }

  /** Makes the tick run before the next message. */
  tick(): void {
    this.tickDue = true
    Doorbell.ring(this.reader.port.mesh.memory, this.reader.port.bell)
  }

  /** Whether the lane of decisions, the most urgent one, has one. */
  get hasVerdict(): boolean {
    return this.custody?.asks === true && !this.reader.port.isEmpty(0)
  }

  readonly mail: Effect.Effect<void> = Effect.suspend(() => this.mailbox.wait(true))

  /** Holds on until it is told otherwise. */
  readonly pause: Effect.Effect<void> = Effect.suspend(() => {
    // Nothing is in its hands, for however long that is.
    this.custody?.rest()
    this.obeyed = Command.Pause
    this.control.status = Status.Paused
    this.control.pong()
    this.woken = false
    if (this.control.command === Command.Pause) return Effect.flatMap(this.called.wait(true), () => this.pause)
    this.obeyed = Command.Run
    this.control.status = Status.Running
    return Effect.void
  })

  /** Waits for room for outputs, or until something else is to be done. */
  crowd(room: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.obeyed = this.control.command
      this.control.crowded = true
      return Effect.ensuring(
        Effect.raceFirst(room, this.commanded.wait(true)),
        Effect.sync(() => {
          this.woken = false
          this.obeyed = Command.Run
          this.control.crowded = false
        })
      )
    })
  }

  /** Waits until a task has ended, or its owner has decided about one. */
  readonly tasks: Effect.Effect<void> = Effect.suspend(() => this.wokenBy(this.called))

  /** Waits until a task has ended, whatever its owner decides. */
  readonly ended: Effect.Effect<void> = Effect.suspend(() => this.wokenBy(this.commanded))

  private wokenBy(waiter: Waiter): Effect.Effect<void> {
    this.obeyed = this.control.command
    const wait = this.woken ? Effect.void : waiter.wait(true)
    return Effect.map(wait, () => {
      this.woken = false
      this.obeyed = Command.Run
      this.replier.publish()
      this.control.pong()
    })
  }
}
