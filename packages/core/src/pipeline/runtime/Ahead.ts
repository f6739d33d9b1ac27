/**
 * What a source has read ahead of its subtask: a ring of slots between one fiber that reads and one that
 * takes.
 *
 * An Effect `Queue` would do, but batches that waited in one were seen to survive young collections until the
 * next major one. Why is not known for certain.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

type Resume<E> = (effect: Effect.Effect<void, E>) => void

export class Ahead<A, E> {
  private readonly slots: Array<A | undefined>
  private first = 0
  private count = 0
  private failed: Cause.Cause<E> | undefined
  private writer: Resume<never> | undefined
  private reader: Resume<E> | undefined

  constructor(size: number) {
    this.slots = new Array<A | undefined>(size).fill(undefined)
  }

  /** Adds one, waiting for room. */
  offer(one: A): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.count < this.slots.length) {
        this.put(one)
        return Effect.void
      }
      return Effect.callback<void>((resume) => {
        this.writer = (effect) => {
          this.put(one)
          resume(effect)
        }
        return Effect.sync(() => {
          this.writer = undefined
        })
      })
    })
  }

  private put(one: A): void {
    this.slots[(this.first + this.count++) % this.slots.length] = one
    this.wakeReader(Effect.void)
  }

  /** Whoever waits fails, once it has taken what there is. */
  fail(cause: Cause.Cause<E>): void {
    this.failed = cause
    this.wakeReader(this.count > 0 ? Effect.void : Effect.failCause(cause))
  }

  private wakeReader(effect: Effect.Effect<void, E>): void {
    const { reader } = this
    this.reader = undefined
    reader?.(effect)
  }

  /** The next one; undefined if none is there. */
  take(): A | undefined {
    if (this.count === 0) return undefined
    const one = this.slots[this.first]
    this.slots[this.first] = undefined
    this.first = (this.first + 1) % this.slots.length
    this.count--
    const { writer } = this
    this.writer = undefined
    writer?.(Effect.void)
    return one
  }

  /** Waits until there is one. */
  readonly wait: Effect.Effect<void, E> = Effect.suspend(() => {
    if (this.count > 0) return Effect.void
    if (this.failed !== undefined) return Effect.failCause(this.failed)
    return Effect.callback<void, E>((resume) => {
      this.reader = resume
      return Effect.sync(() => {
        if (this.reader === resume) this.reader = undefined
      })
    })
  })
}
