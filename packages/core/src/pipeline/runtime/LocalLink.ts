/**
 * The way to a subtask in the same thread: frames go as they are, neither encoded nor copied, through
 * a ring of a few places.
 *
 * One fiber writes, another one reads. Each wakes the other once it has done what it could: `publish`
 * and `ack`; whoever is woken runs at once, inside of that call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Frame } from "./Frame.ts"
import type { Link } from "./Link.ts"

/** Frames that wait in one thread: more only grow old in memory. */
const capacity = 8

type Resume = (effect: Effect.Effect<void>) => void

export class LocalLink implements Link {
  readonly open = true
  private readonly slots = new Array<Frame | undefined>(capacity).fill(undefined)
  private first = 0
  private count = 0
  private writer: Resume | undefined
  /** Told that frames came; set by who reads. */
  onPublish: () => void = () => {}

  /** Frames that wait. */
  get length(): number {
    return this.count
  }

  get ready(): boolean {
    return this.count < capacity
  }

  write(frames: Array<Frame>): boolean {
    const { slots } = this
    const written = Math.min(frames.length, capacity - this.count)
    for (let i = 0; i < written; i++) slots[(this.first + this.count++) % capacity] = frames[i]
    if (written > 0) frames.splice(0, written)
    return frames.length === 0
  }

  publish(): void {
    if (this.count > 0) this.onPublish()
  }

  readonly room: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.ready) return resume(Effect.void)
    this.writer = resume
    return Effect.sync(() => {
      this.writer = undefined
    })
  })

  /** The next frame; undefined if none is there. */
  take(): Frame | undefined {
    if (this.count === 0) return undefined
    const { first, slots } = this
    const frame = slots[first]
    slots[first] = undefined
    this.first = (first + 1) % capacity
    this.count--
    return frame
  }

  /** What was taken is done with. */
  ack(): void {
    const { writer } = this
    // Half of it: to go on for a single frame is not worth the change.
    if (writer === undefined || this.count > capacity / 2) return
    this.writer = undefined
    writer(Effect.void)
  }
}
