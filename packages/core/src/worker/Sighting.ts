/**
 * What a worker has in hand, seen from beside it: by a thread that shares its memory where its owner does not. So an
 * owner learns of a message whose handler never returns, and of the one that its worker died of.
 *
 * | word | field |
 * |---|---|
 * | 0–6 | `busy`, `lane`, `number`, `late`, `settled`, `crowded`, `allowed`, from the `ControlBlock` |
 * | 7 | `millis` |
 *
 * @since 0.1.0
 */
import { sightWords } from "../ring/ControlBlock.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Sighting {
  readonly busy: boolean
  /** The frame in hand: its lane, and its number there. */
  readonly lane: number
  readonly number: number
  /** Handlers that are past their deadline, were interrupted, and have not ended. */
  readonly late: number
  readonly settled: boolean
  readonly crowded: boolean
  /** Milliseconds that the message may take; 0 if it says nothing of its own. */
  readonly allowed: number
  /** About how long it has had that in hand, by its own clock; or `last`. */
  readonly millis: number
}

/**
 * Where the first fields are in the `ControlBlock`.
 *
 * @category constants
 * @since 0.1.0
 */
export const words: ReadonlyArray<number> = sightWords

/**
 * Stands for a time in what a worker says itself as it exits.
 *
 * @category constants
 * @since 0.1.0
 */
export const last = -1

/**
 * Bytes of a sighting.
 *
 * @category constants
 * @since 0.1.0
 */
export const bytes = 4 * (words.length + 1)

/**
 * What is in hand now.
 *
 * @category constructors
 * @since 0.1.0
 */
export const take = (control: SharedArrayBuffer, millis: number): Uint8Array => {
  const block = new Int32Array(control)
  return new Uint8Array(Int32Array.from([...words.map((word) => block[word]), millis]).buffer)
}

/**
 * @category converting
 * @since 0.1.0
 */
export const read = (from: Uint8Array): Sighting => {
  const [busy, lane, number, late, settled, crowded, allowed, millis] = new Int32Array(from.slice().buffer)
  return { busy: busy !== 0, lane, number, late, settled: settled !== 0, crowded: crowded !== 0, allowed, millis }
}
