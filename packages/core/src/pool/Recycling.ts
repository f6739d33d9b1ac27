/**
 * Replaces workers before they grow too old or too large: each leaves after the message in hand, hands
 * its state on, and its successor goes on in its mailbox.
 *
 * Workers share their work evenly, so they would be due together: each life has bounds of its own,
 * drawn from the tenth below those that were asked for, and no two are replaced at once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Recycle } from "../supervision/Supervision.ts"
import type { Member } from "./Member.ts"

const lookMillis = 20

/** How much sooner than asked for a worker may be replaced. */
const spread = 0.1

const megabyte = 1_048_576

type Reason = "messages" | "heap"

/**
 * @category models
 * @since 0.1.0
 */
export interface RecyclingOptions {
  readonly members: () => ReadonlyArray<Member>
  /** Waits for its turn, replaces a member; true if it did. */
  readonly recycle: (member: Member) => Effect.Effect<boolean>
  readonly onRecycled: (member: Member, because: Reason, millis: number) => void
}

/** A life, and how far through its bounds it may go. */
interface Span {
  readonly handledBefore: number
  readonly share: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class Recycling {
  private readonly bounds: Recycle
  private readonly options: RecyclingOptions
  private readonly spans = new Map<Member, Span>()
  private readonly leaving = new Set<Member>()
  private readonly timer: ReturnType<typeof setInterval>

  constructor(bounds: Recycle, options: RecyclingOptions) {
    this.bounds = bounds
    this.options = options
    this.timer = setInterval(() => this.look(), lookMillis)
    ;(this.timer as { unref?: () => void }).unref?.()
  }

  /** A life has begun. */
  began(member: Member): void {
    this.spans.set(member, { handledBefore: member.control.handled, share: 1 - spread * Math.random() })
  }

  private look(): void {
    for (const member of this.options.members()) {
      if (this.leaving.has(member) || member.state !== "Running") continue
      const because = this.dueTo(member)
      if (because !== undefined) this.replace(member, because)
    }
  }

  private dueTo(member: Member): Reason | undefined {
    const { control } = member
    const span = this.spans.get(member)
    if (span === undefined) return undefined
    const { heap, messages } = this.bounds
    if (messages !== undefined && control.handled - span.handledBefore >= messages * span.share) return "messages"
    if (heap === undefined) return undefined
    const bound = heap.megabytes === undefined ? control.heapLimit * (heap.share ?? 1) : heap.megabytes * megabyte
    const use = heap.megabytes === undefined ? control.heap : control.heap + control.buffers
    // No bound yet: a worker that has just begun stores its gauges one by one, the limit last.
    return bound > 0 && use >= bound * span.share ? "heap" : undefined
  }

  private replace(member: Member, because: Reason): void {
    this.leaving.add(member)
    const began = performance.now()
    const replaced = Effect.map(this.options.recycle(member), (did) => {
      if (did) this.options.onRecycled(member, because, performance.now() - began)
    })
    Effect.runFork(
      Effect.ensuring(
        replaced,
        Effect.sync(() => this.leaving.delete(member))
      )
    )
  }

  close(): void {
    clearInterval(this.timer)
  }
}
