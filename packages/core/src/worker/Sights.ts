/**
 * Questions of its owner that a worker answers once it has seen all that was sent before them, in whichever lane, and
 * has handed over what it had of key groups.
 *
 * @since 0.1.0
 */
import type { ReceiverPort } from "../ring/ReceiverPort.ts"
import type { Reporting } from "./Reporting.ts"

interface Sight {
  readonly id: number
  readonly groups: ReadonlySet<number>
  /** Frames sent in each lane by then, modulo 2^32. */
  readonly sent: ReadonlyArray<number>
}

/**
 * Whether so many frames of each lane are passed, modulo 2^32.
 *
 * @category accessors
 * @since 0.1.0
 */
export const isPast = (port: ReceiverPort, counts: ReadonlyArray<number>): boolean => {
  let marks = port.marks()
  if (counts.length > marks.length && port.scout()) marks = port.marks()
  return counts.every((count, lane) => (((marks[lane]?.count ?? 0) - count) | 0) >= 0)
}

/**
 * @category models
 * @since 0.1.0
 */
export class Sights {
  private readonly port: ReceiverPort
  private readonly reporting: Reporting
  private readonly has: (groups: ReadonlySet<number>) => boolean
  private asked: ReadonlyArray<Sight> = []

  /** @param has whether something of key groups is not done yet */
  constructor(port: ReceiverPort, reporting: Reporting, has: (groups: ReadonlySet<number>) => boolean) {
    this.port = port
    this.reporting = reporting
    this.has = has
  }

  add(id: number, groups: ReadonlySet<number>, sent: ReadonlyArray<number>): void {
    this.asked = [...this.asked, { id, groups, sent }]
  }

  /** Whether somebody waits for an answer. */
  get pending(): boolean {
    return this.asked.length > 0
  }

  /** Answers what can be answered. */
  look(): void {
    if (this.asked.length === 0) return
    this.asked = this.asked.filter((sight) => {
      if (!this.isSeen(sight)) return true
      this.reporting.heard(sight.id)
      return false
    })
  }

  private isSeen({ groups, sent }: Sight): boolean {
    return isPast(this.port, sent) && !this.has(groups)
  }
}
