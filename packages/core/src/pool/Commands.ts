/**
 * What an owner tells a worker past its mailbox, through its `ControlBlock`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import { millis as durationMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Poll from "../channel/Poll.ts"
import type { WorkerNotRunning } from "../errors/Errors.ts"
import { Command, type ControlBlock } from "../ring/ControlBlock.ts"

/**
 * What is asked of the worker's life.
 *
 * @category models
 * @since 0.1.0
 */
export interface Life {
  /** Whether it is there, or will be soon. */
  readonly alive: boolean
  /** Whether it is there now. */
  readonly running: boolean
  /** Whether it takes messages. */
  readonly accepts: boolean
  /** Whether another is about to begin in its place. */
  readonly leaving: boolean
  readonly notRunning: (operation: string, unsent: ReadonlyArray<unknown>) => WorkerNotRunning
}

/**
 * @category models
 * @since 0.1.0
 */
export class Commands {
  private readonly control: ControlBlock
  private readonly ring: () => void
  private readonly life: Life
  /** Holds on after the message in hand. */
  readonly pause: Effect.Effect<void, WorkerNotRunning>
  readonly resume: Effect.Effect<void, WorkerNotRunning>

  /** @param ring wakes the worker */
  constructor(control: ControlBlock, ring: () => void, life: Life) {
    this.control = control
    this.ring = ring
    this.life = life
    this.pause = this.obeying("pause", Command.Pause, "Paused")
    this.resume = this.obeying("resume", Command.Run, "Running")
  }

  give(command: number): void {
    this.control.command = command
    this.ring()
  }

  /** Commands once it lives and is not about to leave: a life begins with commands of its own. */
  private obeying(operation: string, command: number, state: string): Effect.Effect<void, WorkerNotRunning> {
    const { control, life } = this
    return Effect.andThen(
      Poll.until(() => !life.leaving && (life.running || !life.accepts)),
      Effect.suspend((): Effect.Effect<void, WorkerNotRunning> => {
        // That it was told to stop is final.
        if (!life.accepts) return Effect.fail(life.notRunning(operation, []))
        this.give(command)
        // Or it was overtaken by another command.
        const done = () => control.statusName === state || control.command !== command
        return Effect.flatMap(
          Poll.until(() => done() || !life.alive),
          () => (life.alive ? Effect.void : Effect.fail(life.notRunning(operation, [])))
        )
      })
    )
  }

  /** Asks for a sign of life, between two messages: how long it took. */
  readonly ping: Effect.Effect<Duration.Duration, WorkerNotRunning> = Effect.suspend(() => {
    const { control, life } = this
    const fail = () => Effect.fail(life.notRunning("ping", []))
    if (!life.alive) return fail()
    const asked = performance.now()
    const question = control.ping()
    this.ring()
    return Effect.flatMap(
      Poll.until(() => control.answered(question) || !life.alive),
      (): Effect.Effect<Duration.Duration, WorkerNotRunning> =>
        control.answered(question) ? Effect.succeed(durationMillis(performance.now() - asked)) : fail()
    )
  })
}
