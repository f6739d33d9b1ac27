/**
 * The frames of a source that makes its elements by itself: no fiber, no queue, and no batch outlives
 * the turn in which it is made.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { detailOf, PipelineFailed } from "../PipelineFailed.ts"
import type { Frame } from "./Frame.ts"
import type { Inlet } from "./Inlet.ts"
import { type SourcePosition, untimed } from "./sources.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class BlocksInlet implements Inlet {
  position: SourcePosition
  readonly pressed = false
  readonly wait = Effect.void
  private readonly name: string
  private readonly block: (number: number) => ReadonlyArray<unknown>
  private readonly index: number
  private readonly parallelism: number

  constructor(
    name: string,
    block: (number: number) => ReadonlyArray<unknown>,
    index: number,
    parallelism: number,
    from: SourcePosition
  ) {
    this.name = name
    this.block = block
    this.index = index
    this.parallelism = parallelism
    this.position = from
  }

  next(): Frame | undefined {
    const { split } = this.position
    if (split === Infinity) return undefined
    const values = this.made(this.index + split * this.parallelism)
    if (values.length === 0) {
      this.position = { split: Infinity, taken: 0 }
      return { _tag: "Watermark", from: 0, time: Infinity }
    }
    this.position = { split: split + 1, taken: 0 }
    return { _tag: "Data0", from: 0, times: untimed(values.length), values }
  }

  private made(number: number): ReadonlyArray<unknown> {
    try {
      return this.block(number)
    } catch (cause) {
      throw new PipelineFailed({ worker: this.name, phase: "source", detail: detailOf(cause), cause })
    }
  }

  ack(): void {}

  marks(): [] {
    return []
  }

  ackTo(): void {}
}
