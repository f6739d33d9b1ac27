/**
 * When what was taken on and is done may be acknowledged: once its outputs have gone to the owner, who
 * may be slow to read them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Emitter } from "./Emit.ts"
import type { Progress, Taken } from "./Progress.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Settling {
  private readonly emitter: Emitter | undefined
  private readonly progress: Progress
  private unsettled: Array<Taken> = []
  private told: Array<Taken> = []

  /** @param emitter undefined if the contract has no output */
  constructor(emitter: Emitter | undefined, progress: Progress) {
    this.emitter = emitter
    this.progress = progress
  }

  /** Whether outputs find no room, once those that do have gone. */
  get isCrowded(): boolean {
    const { emitter } = this
    if (emitter === undefined) return false
    if (emitter.full && !emitter.flush()) return true
    this.release()
    return false
  }

  /** The outputs of all that is done have gone. */
  release(): void {
    if (this.unsettled.length === 0) return
    for (const taken of this.unsettled) this.progress.done(taken)
    this.unsettled = []
  }

  /** Whether something must not be acknowledged yet. */
  get isHeld(): boolean {
    return this.emitter !== undefined && this.emitter.full
  }

  publish(): void {
    this.emitter?.publish()
  }

  /** What was taken on is done. */
  settle(taken: Taken): void {
    this.publish()
    if (this.isHeld) this.unsettled.push(taken)
    else this.progress.done(taken)
  }

  /** What was taken on is for its owner to see to, which hears of it by a reply that is not sent yet. */
  tell(taken: Taken): void {
    this.told.push(taken)
  }

  /** All replies have gone: whether one of them was about something that was taken on. */
  heard(): boolean {
    const { told } = this
    if (told.length === 0) return false
    this.told = []
    for (const taken of told) this.settle(taken)
    return true
  }

  /** Waits until outputs find room. */
  get room(): Effect.Effect<void> {
    return this.emitter?.room ?? Effect.void
  }

  /** Waits until all outputs are with the owner. */
  get finish(): Effect.Effect<void> {
    return this.emitter?.finish ?? Effect.void
  }
}
