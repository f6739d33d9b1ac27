/**
 * What a receiver saw: proof of order and completeness, and the rate after the warm-up.
 *
 * With one receiver every sender's messages must come without a gap; with several, each receiver
 * sees a part of them, in increasing order, and the parts must add up (count, and sum of numbers
 * modulo 2^32).
 *
 * @since 0.1.0
 */
import type { Outcome } from "../harness/Suite.ts"
import type { Traffic } from "./traffic.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ReceiverReport {
  readonly count: number
  readonly sum: number
  readonly faults: number
  /** Messages after the warm-up, and the milliseconds since the epoch between which they came. */
  readonly measured: number
  readonly from: number
  readonly to: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class Arrivals<A> {
  private readonly traffic: Traffic<A>
  private readonly warmUpMillis: number
  private readonly gapless: boolean
  private readonly next: Array<number>
  private count = 0
  private unmarked: number
  private sum = 0
  private faults = 0
  private start = -1
  private from = 0
  private fromCount = -1
  private to = 0
  private toCount = 0

  constructor(traffic: Traffic<A>, senders: number, receivers: number, warmUpMillis: number) {
    this.traffic = traffic
    this.warmUpMillis = warmUpMillis
    this.unmarked = traffic.batch
    this.gapless = receivers === 1
    this.next = Array.from({ length: senders }, () => 0)
  }

  /** Checks one message. */
  check(message: A): void {
    const sender = this.traffic.senderOf(message)
    const index = this.traffic.indexOf(message)
    const next = this.next[sender]
    if (this.gapless ? index !== next : !(index >= next)) this.faults += 1
    this.next[sender] = index + 1
    this.sum = (this.sum + index) | 0
    this.count += 1
  }

  /** Checks a batch, and looks at the clock after it. */
  batch(messages: ArrayLike<A>): void {
    const { next, traffic } = this
    const total = messages.length
    for (let i = 0; i < total;) {
      // What goes on from its sender's last is compared with what is due; anything else is looked into.
      const sender = traffic.senderOf(messages[i])
      const first = next[sender]
      let due = first
      let sum = 0
      for (; i < total && traffic.is(messages[i], sender, due); i++) {
        sum = (sum + due) | 0
        due += 1
      }
      if (due === first) {
        this.check(messages[i++])
      } else {
        next[sender] = due
        this.sum = (this.sum + sum) | 0
        this.count += due - first
      }
    }
    this.mark()
  }

  /** Checks one message, and looks at the clock now and then: for subjects that do not batch. */
  single(message: A): void {
    this.check(message)
    if (--this.unmarked === 0) {
      this.unmarked = this.traffic.batch
      this.mark()
    }
  }

  private mark(): void {
    const now = performance.timeOrigin + performance.now()
    if (this.start < 0) this.start = now
    if (this.fromCount >= 0) {
      this.to = now
      this.toCount = this.count
    } else if (now - this.start >= this.warmUpMillis) {
      this.from = now
      this.fromCount = this.count
    }
  }

  report(): ReceiverReport {
    return {
      count: this.count,
      sum: this.sum,
      faults: this.faults,
      measured: this.fromCount < 0 ? 0 : this.toCount - this.fromCount,
      from: this.from,
      to: this.to
    }
  }
}

/** Sum of 0 to n - 1, modulo 2^32. */
const triangle = (n: number): number => Number(BigInt.asIntN(32, (BigInt(n) * BigInt(n - 1)) / 2n))

/**
 * The outcome of a run: what the senders sent against what the receivers saw.
 *
 * @category reports
 * @since 0.1.0
 */
export const conclude = (
  sent: ReadonlyArray<number>,
  reports: ReadonlyArray<ReceiverReport>,
  size?: number | undefined
): Outcome => {
  const describe = (count: number, sum: number, faults: number): string =>
    `${count} messages of checksum ${sum} with ${faults} out of order or damaged`
  const total = (of: (report: ReceiverReport) => number): number => reports.reduce((sum, one) => sum + of(one), 0)
  const measuring = reports.filter((report) => report.measured > 0)
  const millis = Math.max(...measuring.map((one) => one.to)) - Math.min(...measuring.map((one) => one.from))
  const measured = total((report) => report.measured)
  const nsPerMessage = measured === 0 ? Number.NaN : (millis * 1e6) / measured
  return {
    expected: describe(
      sent.reduce((sum, n) => sum + n, 0),
      sent.reduce((sum, n) => (sum + triangle(n)) | 0, 0),
      0
    ),
    arrived: describe(
      total((report) => report.count),
      total((report) => report.sum) | 0,
      total((report) => report.faults)
    ),
    metrics: {
      nsPerMessage,
      messagesPerSecond: 1e9 / nsPerMessage,
      ...(size === undefined ? {} : { gigabytesPerSecond: size / nsPerMessage })
    }
  }
}
