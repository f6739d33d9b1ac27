/**
 * What the two halves of a channel wait for: a sender for room, a receiver for mail. Both count
 * the time that they spent asleep.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "../ring/ByteMemory.ts"
import * as Counter from "../ring/Counter.ts"
import { Endpoint, endpointIndex } from "../ring/layout.ts"
import type { FrameReader } from "./FrameReader.ts"
import type { FrameWriter } from "./FrameWriter.ts"
import type { Waitable } from "../ring/Sleep.ts"

class ParkedTime {
  private readonly memory: ByteMemory
  private readonly at: number
  private micros: number

  constructor(memory: ByteMemory, endpoint: number) {
    this.memory = memory
    this.at = endpointIndex(endpoint) + Endpoint.parkedMicros
    this.micros = Counter.read(memory, this.at)
  }

  add(millis: number): void {
    const next = this.micros + Math.round(millis * 1000)
    Counter.publish(this.memory, this.at, next, this.micros)
    this.micros = next
  }
}

/**
 * Room for the message that a writer could not place, or the end of sending.
 *
 * @category models
 * @since 0.1.0
 */
export class Room implements Waitable {
  readonly memory: ByteMemory
  readonly bell: number
  private readonly writer: FrameWriter
  private readonly time: ParkedTime

  constructor(writer: FrameWriter) {
    this.writer = writer
    this.memory = writer.port.mesh.memory
    this.bell = writer.port.bell
    this.time = new ParkedTime(this.memory, writer.port.slot)
  }
  ready(): boolean {
    try {
      return this.writer.hasRoom() || this.writer.port.status() !== "open"
    } catch {
      // Corrupt memory: the next write says where.
      return true
    }
  }
  arm(): void {
    this.writer.port.arm()
  }
  parked(millis: number): void {
    this.time.add(millis)
  }
}

/**
 * A frame to read, the end of receiving, or whatever else `also` looks for.
 *
 * @category models
 * @since 0.1.0
 */
export class Mail implements Waitable {
  readonly memory: ByteMemory
  readonly bell: number
  private readonly reader: FrameReader
  private readonly also: (() => boolean) | undefined
  private readonly time: ParkedTime

  constructor(reader: FrameReader, also?: () => boolean) {
    const { mesh, slot } = reader.port
    this.reader = reader
    this.also = also
    this.memory = mesh.memory
    this.bell = reader.port.bell
    this.time = new ParkedTime(this.memory, mesh.receiverEndpoint(slot))
  }
  ready(): boolean {
    const { reader } = this
    if (reader.ready() || (this.also !== undefined && this.also())) return true
    // A message is there and its buffers are on their way: that is neither mail nor the end.
    return !reader.isAwaiting && (reader.port.status() !== "open" || reader.port.scout())
  }
  arm(): void {
    this.reader.port.arm()
  }
  parked(millis: number): void {
    this.time.add(millis)
  }
}
