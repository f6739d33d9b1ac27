/**
 * Messages on their way from one worker's mailbox to another's.
 *
 * What was accepted does not wait for room: nobody may wait for a worker that does not get on. So messages may lie beside
 * a mailbox, and go on from there to another if their key group does.
 *
 * What other threads send next takes another lane than what was moved: they wait until that is seen. Nobody else does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Encoded } from "../channel/FrameWriter.ts"
import { untried } from "../supervision/Attempts.ts"
import { Envelope, EnvelopeKind, now, readHead } from "../worker/Envelope.ts"
import { everyGroup } from "../worker/Safeguard.ts"
import type { Wire } from "../worker/Wire.ts"
import type { Key } from "../worker/Worker.ts"
import type { Care } from "./Care.ts"
import type { Delivery } from "./Delivery.ts"
import type { Traveller } from "./Mailbox.ts"
import type { Member } from "./Member.ts"
import type { Change, Placement } from "./Placement.ts"
import type { Requests } from "./Requests.ts"
import { type Handed, panicOf } from "./Ward.ts"

/** Where keys are, or are about to be. */
type Where = Pick<Change, "assignment" | "members">

/**
 * @category models
 * @since 0.1.0
 */
export interface HandoverParts {
  readonly care: Care
  readonly delivery: Delivery
  readonly placement: Placement
  readonly requests: Requests
  readonly wire: Wire
  /** The key function of the contract. */
  readonly key: (message: unknown) => Key
  /** Where others wait. */
  readonly scope: Scope.Scope
}

/**
 * @category models
 * @since 0.1.0
 */
export class Handover {
  private readonly parts: HandoverParts
  private readonly messages: Envelope<unknown>

  constructor(parts: HandoverParts) {
    this.parts = parts
    this.messages = new Envelope(parts.wire.message)
  }

  /**
   * Puts a message behind all that was sent to a worker, with what it has been through so far. What was given up, or would
   * be nobody's, is a dead letter.
   */
  put(target: Member, { allowed, attempt, context, message, priority }: Handed): undefined {
    const { care, delivery } = this.parts
    if (attempt.over || !target.alive) return care.addLetter(target, message, attempt.count, attempt.error)
    const lane = target.laneAt(priority)
    const onPlaced = (number: number) => care.ward(target).attempts.adopt({ lane, number }, attempt)
    try {
      target.push(message, now(), { priority, context, allowed }, { attempt, onPlaced })
    } catch (cause) {
      return care.addLetter(target, message, attempt.count, panicOf(target.id, cause))
    }
    target.mailbox.publish()
    delivery.moveKept(target)
  }

  /** Puts what a worker had where its keys are; what is of no key was for that worker alone, and is a dead letter. */
  bring(from: Member, where: Where, all: Iterable<Handed>): void {
    const { care } = this.parts
    const groups = new Map<Member, Set<number>>()
    for (const one of all) {
      const { attempt, message } = one
      const { group, target } = this.find(where, message)
      if (target === undefined) care.addLetter(from, message, attempt.count, attempt.error)
      else {
        this.put(target, one)
        groups.set(target, (groups.get(target) ?? new Set()).add(group))
      }
    }
    for (const [target, theirs] of groups) this.arrive(target, theirs)
  }

  private find({ assignment, members }: Where, message: unknown): { target: Member | undefined; group: number } {
    try {
      const key = message === undefined ? undefined : this.parts.key(message)
      if (key === undefined) return { target: undefined, group: everyGroup }
      const group = assignment.keyed ? assignment.groupOf(key) : everyGroup
      return { target: members[assignment.workerOf(key)], group }
    } catch {
      return { target: undefined, group: everyGroup }
    }
  }

  /** Takes back what lies beside a worker's mailbox of key groups that leave it. Requests are asked anew. */
  withdraw(member: Member, groups: ReadonlySet<number>): ReadonlyArray<Handed> {
    const { head } = this.messages
    const handed: Array<Handed> = []
    const asked: Array<number> = []
    member.mailbox.withdraw(({ frame, traveller = stranger }, lane) => {
      const { group, message } = this.read(frame)
      if (!groups.has(group)) return false
      if (frame.kind === EnvelopeKind.Request) asked.push(head.id)
      else {
        const { context, key: allowed } = head
        handed.push({ message, priority: member.priorityIn(lane), allowed, context, attempt: traveller.attempt })
      }
      return true
    })
    // Not before: it may have to lie beside a mailbox, too.
    for (const id of asked) this.parts.requests.rerouteOne(id)
    return handed
  }

  /** Reads what was encoded, and what goes before it. What has no key, or only its worker is asked, is of no group. */
  private read({ attachments, bytes, kind, memory, offset }: Encoded): { message: unknown; group: number } {
    const { care, placement, wire } = this.parts
    const { head } = this.messages
    const end = offset + bytes
    if (kind === EnvelopeKind.Request) {
      readHead(head, memory, offset, end)
      const group = wire.requests[head.detail].internal ? everyGroup : care.breaking.groupOf(head.key)
      return { message: undefined, group }
    }
    memory.attachments = [...attachments]
    const message = this.messages.read(memory, offset, end)
    memory.attachments = []
    return { message, group: this.find(placement, message).group }
  }

  /** Messages of key groups have come to a worker: what others send next must not overtake them. */
  private arrive(target: Member, groups: Iterable<number>): void {
    const { placement, requests, scope } = this.parts
    if (!target.mailbox.hasClients) return
    const open = placement.closeTo(groups)
    Fiber.runIn(Effect.runFork(Effect.andThen(requests.arrived(target), Effect.sync(open))), scope)
  }
}

/** For what was sent here, and lies in no lane yet. */
const stranger: Pick<Traveller, "attempt"> = { attempt: untried({ lane: 0, number: 0 }) }
