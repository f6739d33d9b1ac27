/**
 * When what was taken on and is done may be acknowledged: once its outputs, or the report about it, have
 * gone to the owner, who may be slow to read them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Emitter } from "./Emit.ts"
import type { Custody } from "./Custody.ts"
import type { Progress, Taken } from "./Progress.ts"
import type { Replier } from "./Replier.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Settling {
  private readonly emitter: Emitter | undefined
  private readonly replier: Replier
  private readonly progress: Progress
  private readonly custody: Custody | undefined
  private unsettled: Array<Taken> = []
  private told: Array<Taken> = []

  /** @param emitter undefined if the contract has no output */
  constructor(emitter: Emitter | undefined, replier: Replier, progress: Progress, custody: Custody | undefined) {
    this.emitter = emitter
    this.replier = replier
    this.progress = progress
    this.custody = custody
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

  /** What its owner was told of is its own no more, once that has gone. */
  heard(): void {
    const { told } = this
    if (this.replier.full || told.length === 0) return
    this.told = []
    for (const taken of told) this.settle(taken)
    // Acknowledged with the next snapshot.
    this.custody?.touch()
  }

  /** Waits until replies find room. */
  readonly replied = Effect.suspend(() => Effect.map(this.replier.flush, () => this.heard()))

  /** Waits until all replies are with the owner. */
  readonly finishReplies = Effect.suspend(() => Effect.map(this.replier.finish, () => this.heard()))

  /** Waits until outputs find room. */
  get room(): Effect.Effect<void> {
    return this.emitter?.room ?? Effect.void
  }

  /** Waits until all outputs are with the owner. */
  get finish(): Effect.Effect<void> {
    return this.emitter?.finish ?? Effect.void
  }
}
