/**
 * What keeps a worker that is to end, in words: what it has in hand, as far as its mailbox and its
 * `ControlBlock` tell. A look from outside.
 *
 * @since 0.1.0
 */
import { several } from "../ring/ControlBlock.ts"
import { Kind } from "../ring/Frame.ts"
import { Envelope, EnvelopeKind, makeHead, readHead } from "../worker/Envelope.ts"
import type { Wire } from "../worker/Wire.ts"
import type { Member } from "./Member.ts"

type KeyOf = (message: unknown) => unknown

interface InHand {
  readonly lane: number
  /** Its number; undefined for the first that is not acknowledged. */
  readonly number: number | undefined
}

/** The frame in hand, if it can be told: a worker that owes nothing for each frame is at the first of its only lane. */
const inHand = ({ control, mailbox: { mesh } }: Member): InHand | undefined => {
  const { busy, lane, number } = control
  if (busy) return lane === several ? undefined : { lane, number }
  const lanes: Array<number> = []
  for (let sender = 0; sender < mesh.highWater; sender++) {
    if (mesh.producedIn(sender, 0) !== mesh.ackedIn(sender, 0)) lanes.push(sender)
  }
  return lanes.length === 1 ? { lane: lanes[0], number: undefined } : undefined
}

const frameOf = (member: Member, { requests, message }: Wire, keyOf: KeyOf): string | undefined => {
  const found = inHand(member)
  if (found === undefined) return undefined
  const { mesh } = member.mailbox
  const lane = mesh.consumer(found.lane, 0)
  let kind = lane.next()
  for (; kind !== Kind.Empty && found.number !== undefined && lane.count !== found.number; kind = lane.next()) {
    lane.advance()
  }
  const end = lane.offset + lane.length
  if (kind === EnvelopeKind.Message) {
    const key = keyOf(new Envelope(message).read(mesh.memory, lane.offset, end))
    return `a message of key ${JSON.stringify(key) ?? String(key)}`
  }
  if (kind !== EnvelopeKind.Request) return undefined
  const head = makeHead()
  readHead(head, mesh.memory, lane.offset, end)
  const request = requests[head.detail]
  return request === undefined ? undefined : `request ${request.tag}`
}

/**
 * What a worker is busy with, and how much waits behind that.
 *
 * @category accessors
 * @since 0.1.0
 */
export const describe = (member: Member, wire: Wire, keyOf: KeyOf): string => {
  const { left } = member.mailbox
  member.look()
  if (member.control.crowded) return `its outputs are not taken; ${left} messages in its mailbox`
  if (left === 0) return "its mailbox is empty, and its shutdown not over"
  let what: string | undefined
  try {
    what = frameOf(member, wire, keyOf)
  } catch {
    // It went on while we looked, or what it has in hand cannot be read here.
    what = undefined
  }
  return `it handles ${what ?? "a message"}; ${left} not acknowledged in its mailbox`
}
