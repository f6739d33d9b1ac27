/**
 * The inlet of a subtask that shares its thread with subtasks that it reads: their frames, and those of
 * its mailbox, in turn.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Mark } from "../../ring/ReceiverPort.ts"
import type { Frame } from "./Frame.ts"
import type { Inlet } from "./Inlet.ts"
import type { LocalLink } from "./LocalLink.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class SlotInlet implements Inlet {
  readonly position = undefined
  readonly wait: Effect.Effect<void, unknown>
  private readonly mail: Inlet | undefined
  private readonly locals: ReadonlyArray<LocalLink>
  /** Whose turn it is; that of the mailbox comes last. */
  private turn = 0
  private readonly turns: number
  private resume: ((effect: Effect.Effect<void>) => void) | undefined
  private mailed = false

  /** @param mail undefined if nobody sends from another thread */
  constructor(mail: Inlet | undefined, locals: ReadonlyArray<LocalLink>) {
    this.mail = mail
    this.locals = locals
    this.turns = locals.length + (mail === undefined ? 0 : 1)
    for (const local of locals) {
      local.onPublish = () => {
        const { resume } = this
        this.resume = undefined
        resume?.(Effect.void)
      }
    }
    const local = Effect.callback<void>((resume) => {
      if (locals.some(({ length }) => length > 0)) return resume(Effect.void)
      this.resume = resume
      return Effect.sync(() => {
        this.resume = undefined
      })
    })
    this.wait = mail === undefined ? local : Effect.raceFirst(local, mail.wait)
  }

  next(): Frame | undefined {
    const { locals, mail, turns } = this
    for (let tried = 0; tried < turns; tried++) {
      const { turn } = this
      this.turn = turn + 1 === turns ? 0 : turn + 1
      if (turn < locals.length) {
        const frame = locals[turn].take()
        if (frame !== undefined) return frame
      } else {
        const frame = mail!.next()
        if (frame === undefined) continue
        this.mailed = true
        return frame
      }
    }
    return undefined
  }

  ack(): void {
    if (this.mailed) {
      this.mailed = false
      this.mail!.ack()
    }
    for (const local of this.locals) local.ack()
  }

  marks(): ReadonlyArray<Mark> {
    return this.mail?.marks() ?? []
  }

  ackTo(marks: ReadonlyArray<Mark>): void {
    this.mail?.ackTo(marks)
  }

  get pressed(): boolean {
    return this.mail?.pressed ?? false
  }
}
