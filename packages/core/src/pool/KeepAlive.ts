/**
 * Keeps the process alive while a pool has work, and only then: idle workers are no reason to stay.
 *
 * @since 0.1.0
 */

/** How long after its last work a pool still counts as working, in milliseconds. */
const lingerMillis = 100

interface Timer {
  ref?(): unknown
  unref?(): unknown
}

/**
 * @category models
 * @since 0.1.0
 */
export class KeepAlive {
  private readonly working: () => boolean
  private readonly timer: ReturnType<typeof setInterval>
  private held = false

  /** @param working whether there is work; asked every now and then while held */
  constructor(working: () => boolean) {
    this.working = working
    this.timer = setInterval(() => {
      if (this.held && !this.working()) this.release()
    }, lingerMillis)
    ;(this.timer as Timer).unref?.()
  }

  /** There is work. Called for every batch: costs nothing while held. */
  hold(): void {
    if (this.held) return
    this.held = true
    ;(this.timer as Timer).ref?.()
  }

  private release(): void {
    this.held = false
    ;(this.timer as Timer).unref?.()
  }

  close(): void {
    clearInterval(this.timer)
  }
}
