/**
 * What a pool's workers emit, on its way to whoever reads it: a lane for each worker, read as it is
 * taken. While nobody takes anything the lanes fill, and workers wait.
 *
 * When key groups move, what their workers emitted before is set aside first: what the next worker of
 * a key emits comes behind it.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { FrameReader } from "../channel/FrameReader.ts"
import * as Poll from "../channel/Poll.ts"
import * as Registry from "../channel/Registry.ts"
import * as ThreadIdentity from "../channel/ThreadIdentity.ts"
import { Waiter, type WaitStrategy } from "../channel/WaitStrategy.ts"
import type { Codec } from "../codec/Codec.ts"
import { ReceiveError, type WorkerPanicked } from "../errors/Errors.ts"
import * as Doorbell from "../ring/Doorbell.ts"
import { Kind } from "../ring/Frame.ts"
import type { Mesh } from "../ring/Mesh.ts"
import { ReceiverPort } from "../ring/ReceiverPort.ts"
import { RingFault } from "../ring/RingFault.ts"
import type { OutputBatch } from "./PoolApi.ts"

/** Most outputs of one array. */
const batchSize = 256

/** Most outputs that are set aside before a move waits until some of them are taken. */
const mostAside = 65_536

type Failure = ReceiveError | WorkerPanicked

/**
 * @category models
 * @since 0.1.0
 */
export class Outputs {
  readonly mesh: Mesh
  private readonly pool: string
  private readonly workerAt: (place: number) => string
  private readonly codec: Codec<unknown>
  private readonly reader: FrameReader
  private readonly waiter: Waiter
  /** Read, and not taken: in the order in which they are to be. */
  private readonly aside: Array<OutputBatch<unknown> | ReceiveError> = []
  private asideCount = 0
  private fault: ReceiveError | undefined
  /** How it ends once everything is taken. */
  private over: Effect.Effect<never, Failure | Cause.Done> | undefined
  /** How many read it now. */
  private takers = 0
  private forgotten = 0

  /** @param workerAt the id of the worker of a place */
  constructor(
    pool: string,
    places: number,
    workerAt: (place: number) => string,
    codec: Codec<unknown>,
    laneBytes: number,
    wait: WaitStrategy
  ) {
    this.pool = pool
    this.workerAt = workerAt
    this.codec = codec
    this.mesh = Registry.make({
      senders: places,
      receivers: 1,
      laneBytes,
      laneMessages: 0,
      fingerprint: codec.fingerprint,
      awaitSuccessor: false
    })
    for (let place = 0; place < places; place++) this.mesh.reserve("sender")
    const slot = this.mesh.reserve("receiver")
    const port = ReceiverPort.attach(this.mesh, slot, ThreadIdentity.current())
    const reader = new FrameReader(port)
    this.reader = reader
    // Not for the end of all senders, as `Mail` is: their places are taken again.
    const target = {
      memory: this.mesh.memory,
      bell: port.bell,
      ready: () => this.aside.length > 0 || this.over !== undefined || reader.ready(),
      arm: () => port.arm(),
      parked: () => {}
    }
    this.waiter = new Waiter(target, wait)
  }

  /** Arrays of outputs, each of one worker. Running it twice continues, not repeats. */
  readonly batches: Stream.Stream<OutputBatch<unknown>, Failure> = this.stream((batch) => [batch])

  readonly outputs: Stream.Stream<unknown, Failure> = this.stream(({ outputs }) => outputs)

  private stream<A>(f: (batch: OutputBatch<unknown>) => readonly [A, ...Array<A>]): Stream.Stream<A, Failure> {
    const taking = Effect.acquireRelease(
      Effect.sync(() => void this.takers++),
      () => Effect.sync(() => void this.takers--)
    )
    return Stream.unwrap(Effect.as(taking, Stream.fromPull(Effect.succeed(Effect.suspend(() => this.pull(f))))))
  }

  private pull<A>(f: (batch: OutputBatch<unknown>) => A): Effect.Effect<A, Failure | Cause.Done> {
    return Effect.suspend((): Effect.Effect<A, Failure | Cause.Done> => {
      if (this.aside.length === 0) this.read()
      if (this.aside.length > 0) return Effect.flatMap(this.handOver, (next) => this.handed(next, f))
      return this.over ?? Effect.flatMap(this.waiter.wait(true), () => this.pull(f))
    })
  }

  // Taken in one step with its hand-over: an interruption in between would lose it.
  private readonly handOver = Effect.sync((): OutputBatch<unknown> | ReceiveError | undefined => {
    const next = this.aside.shift()
    if (next !== undefined && !(next instanceof ReceiveError)) this.asideCount -= next.outputs.length
    return next
  })

  private handed<A>(
    next: OutputBatch<unknown> | ReceiveError | undefined,
    f: (batch: OutputBatch<unknown>) => A
  ): Effect.Effect<A, Failure | Cause.Done> {
    // Another reader was faster.
    if (next === undefined) return this.pull(f)
    return next instanceof ReceiveError ? Effect.fail(next) : Effect.succeed(f(next))
  }

  /** Sets the next outputs of a worker aside; false if there are none. */
  private read(): boolean {
    const { codec, reader } = this
    const { port } = reader
    if (this.fault !== undefined) return false
    const outputs: Array<unknown> = []
    let place = -1
    let failure: ReceiveError | undefined
    try {
      while (outputs.length < batchSize) {
        const kind = reader.next()
        if (kind === Kind.Empty || (place >= 0 && port.sender !== place)) break
        place = port.sender
        const taken = reader.take(codec, kind, outputs, outputs.length, batchSize)
        if (taken > 0) continue
        // Its worker took it along when it died, and had not acknowledged what it came of: that is handled again.
        if (reader.isLost) {
          reader.advance()
          continue
        }
        // Passed whether it can be read or not.
        try {
          outputs.push(reader.read(codec))
        } finally {
          reader.advance()
        }
      }
    } catch (cause) {
      failure = this.refusal(cause)
    }
    port.publishRead()
    port.ack()
    if (Arr.isArrayNonEmpty(outputs)) {
      this.aside.push({ worker: this.workerAt(place), outputs })
      this.asideCount += outputs.length
    }
    if (failure !== undefined) this.aside.push(failure)
    return place >= 0 || failure !== undefined
  }

  private refusal(cause: unknown): ReceiveError {
    const channel = `${this.pool}: outputs`
    const detail = cause instanceof Error ? cause.message : String(cause)
    if (!(cause instanceof RingFault)) return new ReceiveError({ channel, reason: "Decode", detail })
    // Memory that is no frame any more cannot be passed.
    const fault = new ReceiveError({ channel, reason: "Corrupt", detail, offset: cause.offset })
    this.fault = fault
    this.over = Effect.fail(fault)
    return fault
  }

  /** How many of a place wait in its lane. */
  waiting(place: number): number {
    return (this.mesh.producedIn(place, 0) - this.mesh.ackedIn(place, 0)) | 0
  }

  /** Sets aside all that was emitted so far. */
  get setAside(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { mesh } = this
      const produced = Array.from({ length: mesh.highWater }, (_, place) => mesh.producedIn(place, 0))
      const done = () => {
        if (this.asideCount >= mostAside && this.over === undefined) return false
        while (this.read()) {}
        return this.fault !== undefined || produced.every((count, place) => ((mesh.ackedIn(place, 0) - count) | 0) >= 0)
      }
      return Effect.map(Poll.until(done), () => this.ring())
    })
  }

  /** Nothing comes any more, once everything is taken: for now, as workers can be started again. */
  end(error: WorkerPanicked | undefined): void {
    if (this.over !== undefined) return
    this.over = error === undefined ? Cause.done() : Effect.fail(error)
    this.ring()
  }

  /** A worker has begun. */
  begin(): void {
    if (this.fault === undefined) this.over = undefined
  }

  private ring(): void {
    Doorbell.ring(this.mesh.memory, this.reader.port.bell)
  }

  /** Forgets what nobody takes, while something else goes on: workers that are to end wait for room. */
  forgetting<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const timer = setInterval(() => this.forget(), 1)
      return Effect.ensuring(
        effect,
        Effect.sync(() => clearInterval(timer))
      )
    })
  }

  private forget(): void {
    if (this.takers > 0) return
    do {
      this.forgotten += this.asideCount
      this.asideCount = 0
      this.aside.length = 0
    } while (this.read())
  }

  /** Ends it for good, when all is taken or nobody takes; how many outputs nobody took. */
  close(millis: number): Effect.Effect<number> {
    const taken = Poll.until(() => {
      this.forget()
      if (this.aside.length > 0) return false
      return !this.reader.ready() && !this.reader.isAwaiting
    })
    return Effect.andThen(
      Effect.timeoutOrElse(taken, { duration: millis, orElse: () => Effect.void }),
      Effect.sync(() => {
        this.end(undefined)
        this.takers = 0
        this.forget()
        this.reader.close()
        this.mesh.shut()
        Registry.remove(this.mesh)
        return this.forgotten
      })
    )
  }
}
