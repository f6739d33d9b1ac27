/**
 * Effects of many keys at once, those of one key one after the other: what lets a slow key wait
 * without holding up the rest.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/**
 * Something to do: plain work that is done when it returns, or an Effect to run.
 *
 * @category models
 * @since 0.1.0
 */
export type Task = () => Effect.Effect<void, unknown> | undefined

/** Tasks that may wait for their key, for each that may run. */
const waitingPerPlace = 16

/**
 * @category models
 * @since 0.1.0
 */
export class KeyedTasks {
  private readonly full: number
  private readonly scope: Scope.Scope
  private readonly onProgress: () => void
  private readonly queues = new Map<unknown, Array<Task>>()
  /** How many are still to be done one at a time. */
  private singly: number
  private running = 0
  private waiting = 0
  /** How many of those that run only wait to be told to go on: they take no one's place. */
  held = 0
  /** The first failure; nothing more is started after it. */
  failure: Cause.Cause<unknown> | undefined

  /**
   * @param limit most Effects that run at once
   * @param singly about how many a predecessor had taken on when it panicked: they are done one at a time until past them
   * @param onProgress told whenever one ends
   */
  constructor(limit: number, singly: number | undefined, scope: Scope.Scope, onProgress: () => void) {
    this.full = limit
    // Its last ones may not be among them.
    this.singly = singly === undefined ? 0 : singly + limit * (waitingPerPlace + 1)
    this.scope = scope
    this.onProgress = onProgress
  }

  /** Whether another task may be taken on. Some may wait for their key, so that others get past them. */
  get accepts(): boolean {
    const { limit } = this
    return this.running - this.held < limit && this.waiting < limit * waitingPerPlace
  }

  private get limit(): number {
    return this.singly > 0 ? 1 : this.full
  }

  /** Whether nothing runs, or only what is held. */
  get quiet(): boolean {
    return this.running === this.held
  }

  get idle(): boolean {
    return this.running === 0
  }

  /** Whether something of one of these keys runs or waits. */
  has(isOf: (key: unknown) => boolean): boolean {
    for (const key of this.queues.keys()) if (isOf(key)) return true
    return false
  }

  /** Does a task now, or once those of its key before it are done. Throws what plain work throws. */
  add(key: unknown, task: Task): void {
    const queue = this.queues.get(key)
    if (queue !== undefined) {
      queue.push(task)
      this.waiting += 1
    } else {
      this.start(key, task)
    }
  }

  private start(key: unknown, task: Task): void {
    const effect = task()
    if (effect === undefined) {
      if (this.singly > 0) this.singly -= 1
      return
    }
    if (!this.queues.has(key)) this.queues.set(key, [])
    this.running += 1
    const fiber = Fiber.runIn(Effect.runFork(effect), this.scope)
    fiber.addObserver((exit) => {
      this.running -= 1
      if (this.singly > 0) this.singly -= 1
      if (Exit.isFailure(exit)) this.failure ??= exit.cause
      else this.next(key)
      this.onProgress()
    })
  }

  private next(key: unknown): void {
    const queue = this.queues.get(key)!
    try {
      while (this.failure === undefined) {
        const task = queue.shift()
        if (task === undefined) {
          this.queues.delete(key)
          return
        }
        this.waiting -= 1
        const effect = task()
        if (effect !== undefined) {
          this.restart(key, effect)
          return
        }
      }
    } catch (defect) {
      this.failure ??= Cause.die(defect)
    }
  }

  private restart(key: unknown, effect: Effect.Effect<void, unknown>): void {
    // The queue stays in place, so that the key counts as busy throughout.
    this.start(key, () => effect)
  }
}
