/**
 * What receivers got, checked as it comes: genuine, in the order of each sender, nothing twice; and
 * at the end, nothing lost.
 *
 * @since 0.1.0
 */
import { type Message, must, mustBeGenuine } from "./Subject.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Ledger {
  private readonly seen = new Map<number, Set<number>>()
  /** For each receiver, the last sequence of each sender. */
  private readonly last: Array<Map<number, number>> = []
  private readonly ordered: boolean
  total = 0

  constructor(ordered: boolean) {
    this.ordered = ordered
  }

  /** Throws unless `message` may come now at `receiver`. */
  enter(receiver: number, message: Message): void {
    mustBeGenuine(message)
    const { sender, sequence } = message
    const seen = this.seen.get(sender) ?? new Set()
    this.seen.set(sender, seen)
    must(!seen.has(sequence), `message ${sequence} of sender ${sender} came twice`)
    seen.add(sequence)
    const last = (this.last[receiver] ??= new Map())
    const before = last.get(sender) ?? -1
    must(!this.ordered || sequence > before, `message ${sequence} of sender ${sender} came after ${before}`)
    last.set(sender, sequence)
    this.total += 1
  }

  /** Throws unless exactly the first `count` messages of `sender` came. */
  mustHave(sender: number, count: number): void {
    const seen = this.seen.get(sender) ?? new Set()
    for (let sequence = 0; sequence < count; sequence++) {
      must(seen.has(sequence), `message ${sequence} of sender ${sender} is lost`)
    }
    must(seen.size === count, `${seen.size} messages of sender ${sender} came, ${count} were accepted`)
  }
}
