/**
 * Messages on their way from one worker's mailbox to another's.
 *
 * @since 0.1.0
 */
import { now } from "../worker/Envelope.ts"
import type { Care } from "./Care.ts"
import type { Delivery } from "./Delivery.ts"
import type { Member } from "./Member.ts"
import { type Handed, panicOf } from "./Ward.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Handover {
  private readonly care: Care
  private readonly delivery: Delivery

  constructor(care: Care, delivery: Delivery) {
    this.care = care
    this.delivery = delivery
  }

  /**
   * Puts a message behind all that was sent to a worker, with what it has been through so far. It was accepted, and does
   * not wait for room: nobody may wait for a worker that does not get on. What was given up, or would be nobody's, is a
   * dead letter.
   */
  put(target: Member, { allowed, attempt, context, message, priority }: Handed): undefined {
    const { care } = this
    if (attempt.over || !target.alive) return care.addLetter(target, message, attempt.count, attempt.error)
    try {
      target.push(message, now(), { priority, context, allowed })
    } catch (cause) {
      return care.addLetter(target, message, attempt.count, panicOf(target.id, cause))
    }
    const place = target.lastWritten(priority)
    if (place !== undefined) care.ward(target).attempts.adopt(place, attempt)
    target.mailbox.publish()
    this.delivery.moveKept(target)
  }
}
