/**
 * How a mirror's end waits: plain code that is called while it finds something to do, and sleeps at
 * several bells at once when it does not.
 *
 * It also looks without being rung, because not everything rings: soon after it last found
 * something, then ever less often. Waiting holds no event loop open.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "../../ring/ByteMemory.ts"
import * as Doorbell from "../../ring/Doorbell.ts"

const soonestMillis = 1
const latestMillis = 64
const idleMillis = 100

interface Bell {
  readonly memory: ByteMemory
  readonly index: number
  asleep: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export class Watch {
  private readonly bells: Array<Bell> = []
  private readonly look: () => boolean
  private readonly isBusy: () => boolean
  private immediate: ReturnType<typeof setImmediate> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private pause = soonestMillis
  private closed = false

  /**
   * @param look does what there is to do; true if there was something
   * @param isBusy whether something may come up without a ring
   */
  constructor(look: () => boolean, isBusy: () => boolean) {
    this.look = look
    this.isBusy = isBusy
  }

  /** Sleeps at the bell at word `index`, too. */
  add(memory: ByteMemory, index: number): void {
    this.bells.push({ memory, index, asleep: false })
  }

  /** Looks in the next turn of the event loop. */
  readonly nudge = (): void => {
    this.pause = soonestMillis
    this.soon()
  }

  private soon(): void {
    if (this.closed || this.immediate !== undefined) return
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.timer = undefined
    this.immediate = setImmediate(this.turn)
  }

  private readonly turn = (): void => {
    this.immediate = undefined
    if (this.closed) return
    if (this.look()) return this.nudge()
    for (const bell of this.bells) if (!bell.asleep) Doorbell.arm(bell.memory, bell.index)
    // What came before the bells were armed has rung nobody.
    if (this.look()) return this.nudge()
    for (const bell of this.bells) this.sleep(bell)
    if (this.closed || this.immediate !== undefined) return
    this.timer = setTimeout(() => this.soon(), this.isBusy() ? this.pause : idleMillis)
    ;(this.timer as { unref?: () => void }).unref?.()
    this.pause = Math.min(this.pause * 2, latestMillis)
  }

  private sleep(bell: Bell): void {
    if (bell.asleep) return
    const rung = Doorbell.sleepAsync(bell.memory, bell.index)
    if (rung === undefined) return this.nudge()
    bell.asleep = true
    rung.then(() => {
      bell.asleep = false
      this.nudge()
    })
  }

  close(): void {
    this.closed = true
    if (this.timer !== undefined) clearTimeout(this.timer)
    if (this.immediate !== undefined) clearImmediate(this.immediate)
    // Ends the native waits, which would otherwise stay behind.
    for (const { index, memory } of this.bells) Doorbell.ring(memory, index)
  }
}
