/**
 * What a worker is asked: the requests of its contract, and the orders and questions of its owner.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { FrameReader } from "../channel/FrameReader.ts"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { ByteMemory } from "../ring/ByteMemory.ts"
import type { Answering } from "./Answering.ts"
import type { Custody } from "./Custody.ts"
import type { Emission } from "./Emit.ts"
import { Envelope, EnvelopeKind, makeHead, readHead } from "./Envelope.ts"
import type { Gate } from "./Gate.ts"
import type { Invoker } from "./Invoker.ts"
import { Legacy } from "./Legacy.ts"
import type { KeyedTasks } from "./KeyedTasks.ts"
import { Panic, panicked } from "./Panic.ts"
import type { Parking } from "./Parking.ts"
import type { Progress, Taken } from "./Progress.ts"
import type { Reporting } from "./Reporting.ts"
import type { Retrying } from "./Retrying.ts"
import { Order, unguarded } from "./Safeguard.ts"
import { Sights } from "./Sights.ts"
import type * as Wire from "./Wire.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface AskingParts {
  readonly invoker: Invoker
  readonly reader: FrameReader
  readonly wire: Wire.Wire
  readonly custody: Custody | undefined
  readonly gate: Gate | undefined
  /** One of the two, or none, is there: see `Parking` and `Retrying`. */
  readonly parking: Parking | undefined
  readonly retrying: Retrying | undefined
  readonly tasks: KeyedTasks | undefined
  readonly progress: Progress
  readonly reporting: Reporting
  readonly answering: Answering
  /** Whether a request may have to wait for others of its key, or its key group. */
  readonly isHeldUp: () => boolean
  readonly advance: () => void
  /** Passes the frame that was found, which nothing more is to be done for. */
  readonly pass: () => void
  /** Passes the frame that was found and is done; it is acknowledged with those after it. */
  readonly done: () => void
  /** Passes the frame that was found and is done, and acknowledges it. */
  readonly passed: () => void
}

/** What is left to do: nothing, an Effect, or the same once the tasks that run have ended. */
type Work = Effect.Effect<void, WorkerPanicked> | "moving" | undefined

/**
 * @category models
 * @since 0.1.0
 */
export class Asking {
  private readonly parts: AskingParts
  private readonly payloads: ReadonlyArray<Envelope<unknown>>
  private readonly head = makeHead()
  private readonly passing: Effect.Effect<void>
  private readonly sights: Sights
  private readonly legacy: Legacy
  /** State to be handed out or taken in, once all is seen that was sent before. */
  private waiting: Array<{
    readonly id: number
    readonly wire: Wire.RequestWire
    readonly payload: unknown
    taken: Taken
  }> = []

  constructor(parts: AskingParts) {
    const { reader, reporting, retrying } = parts
    this.sights = new Sights(reader.port, reporting, (groups) => groups.size > 0 && retrying?.has(groups) === true)
    const { found, own } = parts.custody?.guard ?? unguarded
    this.legacy = new Legacy(reader.port, found, own)
    this.parts = parts
    this.payloads = parts.wire.requests.map((request) => new Envelope(request.payload))
    this.passing = Effect.sync(parts.passed)
  }

  /** Whether its owner waits until something is seen. */
  get looks(): boolean {
    return this.sights.pending
  }

  /** Answers what its owner waits to hear, once it is so. */
  look(): void {
    this.legacy.look()
    this.sights.look()
  }

  private readonly readHead = (memory: ByteMemory, offset: number, end: number): void => {
    readHead(this.head, memory, offset, end)
  }

  /** Sees to the frame that was found, of this kind. Throws a `Panic`. */
  take(kind: number): Work {
    const { head } = this
    const { parts } = this
    const { answering, invoker, reader, retrying, wire: contract } = parts
    reader.readWith(this.readHead)
    const wire = kind === EnvelopeKind.Request ? contract.requests[head.detail] : undefined
    if (wire === undefined) {
      throw new Panic(
        panicked(invoker.workerId, "receive", `there is no request number ${head.detail} in the contract`)
      )
    }
    const { context, id, key } = head
    const { internal, sight, verdict } = contract
    if (wire === sight) return this.sight(id, this.payload(wire) as typeof Wire.Sight.Type)
    if (wire === verdict) return this.decide(id, this.payload(wire) as number)
    if (wire === internal?.extract || wire === internal?.restore) return this.move(id, wire)
    const payload = this.payload(wire)
    if (retrying !== undefined || parts.isHeldUp()) {
      const answer = (emission?: Emission) => answering.answer(id, wire, payload, context, emission)
      const what = { request: id }
      if (retrying !== undefined) return retrying.add(key, this.takeOn(), what, answer)
      return parts.parking!.add({ key, what, work: () => answer(), taken: this.takeOn() })
    }
    const effect = answering.answer(id, wire, payload, context)
    if (effect !== undefined) return Effect.andThen(effect, this.passing)
    parts.done()
    return undefined
  }

  private payload(wire: Wire.RequestWire): unknown {
    return this.parts.reader.read(this.payloads[wire.index])
  }

  private takeOn() {
    return this.parts.progress.take(this.parts.advance)
  }

  /** Its owner wants to hear when all is seen, and key groups are handed over, if it names any. */
  private sight(id: number, { groups, sent }: typeof Wire.Sight.Type): undefined {
    const { parking, pass, retrying } = this.parts
    const leaving = new Set(groups)
    pass()
    if (leaving.size > 0) (retrying ?? parking)!.handOver(leaving)
    this.sights.add(id, leaving, sent)
  }

  /** Does what its owner decided about a message that failed, or about a key group. */
  private decide(id: number, order: number): Work {
    const { gate, parking, pass, retrying } = this.parts
    pass()
    if (order >= Order.Shut) return gate?.obey(order, id)
    return (retrying ?? parking)?.decide(id, order === Order.Again)
  }

  /** Hands state out, or takes it in: once everything before is handled. */
  private move(id: number, wire: Wire.RequestWire): Work {
    if (this.legacy.waits || this.waiting.length > 0) {
      const payload = this.payload(wire)
      this.waiting.push({ id, wire, payload, taken: this.takeOn() })
      return undefined
    }
    if (!this.isQuiet) return "moving"
    this.run(id, wire, () => this.payload(wire))
    this.parts.passed()
    return undefined
  }

  private run(id: number, wire: Wire.RequestWire, payload: () => unknown): void {
    const { answering, custody, wire: contract } = this.parts
    answering.move(id, wire, wire === contract.internal!.extract, payload)
    custody?.hurry()
  }

  /** What only waits for its owner's word does nothing to the state. */
  private get isQuiet(): boolean {
    const { tasks } = this.parts
    return tasks === undefined || tasks.quiet
  }

  /** Whether state that waited is to be handed out or taken in. */
  get due(): boolean {
    if (this.waiting.length === 0) return false
    this.legacy.look()
    return !this.legacy.waits
  }

  /** Does what is due, or says why not. Throws a `Panic`. */
  moveOn(): "moving" | undefined {
    if (!this.isQuiet) return "moving"
    const { waiting } = this
    this.waiting = []
    for (const { id, payload, taken, wire } of waiting) {
      this.run(id, wire, () => payload)
      this.parts.progress.done(taken)
    }
    return undefined
  }
}
