/**
 * The sending end of an edge towards one subtask: frames are written into its lane, where nobody sees
 * them before `publish`.
 *
 * A frame that could need more than half of the lane is split, element by element if it must: what
 * travels beside a lane is lost with the thread that sent it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { FrameWriter } from "../../channel/FrameWriter.ts"
import type { SenderHandle } from "../../channel/Handle.ts"
import { claim, openHalf } from "../../channel/opening.ts"
import * as ThreadIdentity from "../../channel/ThreadIdentity.ts"
import { Waiter } from "../../channel/WaitStrategy.ts"
import type { Codec } from "../../codec/Codec.ts"
import type { InvalidConfig } from "../../errors/Errors.ts"
import { Kind } from "../../ring/Frame.ts"
import { SenderPort } from "../../ring/SenderPort.ts"
import { detailOf, PipelineFailed } from "../PipelineFailed.ts"
import { type Edge, nameOf } from "../plan/Plan.ts"
import { schemaOfEdge } from "./channels.ts"
import type { Data, Frame } from "./Frame.ts"
import type { Link } from "./Link.ts"

const isData = (frame: Frame): frame is Data => frame._tag !== "Watermark" && frame._tag !== "Idle"

/** The two halves of a frame of several elements. */
const halves = ({ _tag, from, times, values }: Data): readonly [Data, Data] => {
  const middle = values.length >>> 1
  return [
    { _tag, from, times: times.slice(0, middle), values: values.slice(0, middle) },
    { _tag, from, times: times.slice(middle), values: values.slice(middle) }
  ]
}

/**
 * @category models
 * @since 0.1.0
 */
export class Uplink implements Link {
  readonly room: Effect.Effect<void>
  private readonly edge: Edge
  readonly codec: Codec<Frame>
  private readonly port: SenderPort
  private readonly writer: FrameWriter
  private readonly maxPayload: number
  private wanted = 0
  private beside = false

  constructor(edge: Edge, codec: Codec<Frame>, port: SenderPort, handle: SenderHandle<Frame>) {
    this.edge = edge
    this.codec = codec
    this.port = port
    this.writer = new FrameWriter(port)
    this.maxPayload = port.maxPayload
    const waiter = new Waiter(
      {
        memory: port.mesh.memory,
        bell: port.bell,
        ready: () => this.ready,
        arm: () => port.arm(),
        parked: () => {}
      },
      handle.wait
    )
    this.room = waiter.wait(true)
  }

  /** Whether somebody takes what is sent, or will. */
  get open(): boolean {
    return this.port.status() === "open"
  }

  get ready(): boolean {
    return this.hasRoom || !this.open
  }

  private get hasRoom(): boolean {
    return this.beside ? this.writer.hasRoom() : this.port.reserve(this.wanted) >= 0
  }

  /** Splits frames that are too large for the lane, as `write` would. */
  fit(frames: Array<Frame>): void {
    for (let at = 0; at < frames.length;) {
      const frame = frames[at]
      if (isData(frame) && frame.values.length > 1 && this.isTooLarge(frame)) {
        frames.splice(at, 1, ...halves(frame))
      } else at++
    }
  }

  write(frames: Array<Frame>): boolean {
    let written = 0
    try {
      while (written < frames.length) {
        const frame = frames[written]
        const large = this.isTooLarge(frame)
        if (large && isData(frame) && frame.values.length > 1) frames.splice(written, 1, ...halves(frame))
        else if (large ? this.placeBeside(frame) : this.place(frame)) written++
        else break
      }
    } catch (cause) {
      throw new PipelineFailed({ worker: nameOf(this.edge.from), phase: "element", detail: detailOf(cause), cause })
    } finally {
      if (written > 0) frames.splice(0, written)
    }
    return frames.length === 0
  }

  private isTooLarge(frame: Frame): boolean {
    this.wanted = this.codec.bound(frame)
    return this.wanted > this.maxPayload
  }

  private place(frame: Frame): boolean {
    if (this.codec.mayAttach) return this.placeBeside(frame)
    this.beside = false
    const { codec, port } = this
    const offset = port.reserve(this.wanted)
    if (offset < 0) return false
    port.commit(codec.write(port.mesh.memory, offset, frame) - offset, Kind.Data)
    return true
  }

  private placeBeside(frame: Frame): boolean {
    this.beside = true
    return this.writer.write(this.codec, frame, Kind.Data)
  }

  publish(): void {
    this.port.publish()
  }

  /** Where the lane is written up to, published or not. */
  get position(): number {
    return this.port.lane()!.position
  }

  close(): void {
    this.writer.close()
  }
}

/**
 * Attaches one of the senders of an edge to this thread; undefined if nothing is ever sent there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attach = (
  edge: Edge,
  handle: SenderHandle<Frame>
): Effect.Effect<Uplink | undefined, InvalidConfig, Scope.Scope> =>
  handle.slot < 0
    ? Effect.undefined
    : Effect.acquireRelease(
        Effect.flatMap(openHalf(where, "SenderHandle", schemaOfEdge(edge), handle), ({ codec, mesh }) =>
          claim(
            where,
            handle.channel,
            () => new Uplink(edge, codec, SenderPort.attach(mesh, handle.slot, ThreadIdentity.current()), handle)
          )
        ),
        (uplink) => Effect.sync(() => uplink.close())
      )

const where = "Pipeline: edge"
