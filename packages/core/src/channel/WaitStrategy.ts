/**
 * How a half of a channel waits for the other: a trade of latency against processor time.
 *
 * | strategy | while waiting | wakes after | costs |
 * |---|---|---|---|
 * | `spin` | looks without pause for up to 50 µs, then as `yield` | under 1 µs | a whole core, and the event loop between looks |
 * | `yield` | looks once a turn of the event loop | about 2 µs | a whole core; timers and I/O go on |
 * | `park` | sleeps until it is rung | about 60 µs | nothing |
 * | `hybrid` | spins 3 µs, yields while traffic is hot, then parks | 1 to 60 µs | nothing once idle |
 * | `block` | sleeps the whole thread | about 55 µs | nothing, but timers, I/O, other fibers and the debugger stop |
 *
 * `hybrid` yields for its patience before it parks: up to 1 ms, since a peer that is being woken itself may
 * take as long. Two signs halve it, down to 20 µs: a wait of more than 2 ms, because traffic is cold then,
 * and a turn of the event loop that takes more than 0.3 ms, because there are more threads than
 * processors then, and looking at every turn keeps the processor from those that are waited for. Without
 * them it comes back to twice what waits take.
 *
 * `block` is for a thread that does nothing else; it wakes every 100 ms to let the event loop turn.
 *
 * A wait keeps the process alive, whatever the strategy, because somebody wants its outcome. One
 * that must not (`keepAlive` false) parks once traffic is cold, also under `spin` and `yield`: a loop that
 * looks at every turn would keep the process alive.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Doorbell from "../ring/Doorbell.ts"
import * as Sleep from "../ring/Sleep.ts"
import type { Waitable } from "../ring/Sleep.ts"

/**
 * @category models
 * @since 0.1.0
 */
export const WaitStrategy = Schema.Literals(["spin", "yield", "park", "hybrid", "block"])

/**
 * @category models
 * @since 0.1.0
 */
export type WaitStrategy = typeof WaitStrategy.Type

/** A parked half looks again this often, in milliseconds, whether rung or not: a peer's thread may be gone. */
const recheckMillis = 100
const spinMillis = 0.003
const longSpinMillis = 0.05
const hottestMillis = 1
const coolestMillis = 0.02
/** A turn of the event loop that takes longer was interrupted by another thread. */
const interruptedMillis = 0.3
/** Looks between two looks at the clock. */
const looks = 16

/**
 * Waits for one half, remembering how long its waits were.
 *
 * @category models
 * @since 0.1.0
 */
export class Waiter {
  readonly target: Waitable
  readonly strategy: WaitStrategy
  /** How long `hybrid` yields before it parks, in milliseconds. */
  private patience = hottestMillis
  private readonly holding: Effect.Effect<void>
  private readonly passing: Effect.Effect<void>

  constructor(target: Waitable, strategy: WaitStrategy) {
    this.target = target
    this.strategy = strategy
    this.holding = this.waiting(true)
    this.passing = this.waiting(false)
  }

  /** Whether a wait would end at once. */
  get ready(): boolean {
    return this.target.ready()
  }

  /**
   * Completes when the target is ready. Interruptible; holds a timer while it waits, so the
   * process stays alive unless `keepAlive` is false.
   */
  wait(keepAlive: boolean): Effect.Effect<void> {
    return keepAlive ? this.holding : this.passing
  }

  private waiting(keepAlive: boolean): Effect.Effect<void> {
    const slow = Effect.callback<void>((resume) => {
      const wait = new Wait(this, keepAlive, () => resume(Effect.void))
      wait.begin()
      return wait.cancel
    })
    return Effect.suspend(() => (this.spin() ? Effect.void : slow))
  }

  /** Looks for a moment without leaving the thread; true once the target is ready. */
  private spin(): boolean {
    const { strategy, target } = this
    if (target.ready()) return true
    const limit = strategy === "spin" ? longSpinMillis : strategy === "hybrid" ? spinMillis : 0
    if (limit === 0) return false
    const start = performance.now()
    do {
      for (let i = 0; i < looks; i++) {
        Doorbell.relax(target.memory)
        if (target.ready()) return true
      }
    } while (performance.now() - start < limit)
    return false
  }

  /** How long to look at every turn of the event loop before parking, in milliseconds. */
  budget(keepAlive: boolean): number {
    switch (this.strategy) {
      case "park":
      case "block":
        return 0
      case "hybrid":
        return this.patience
      default:
        return keepAlive ? Infinity : hottestMillis
    }
  }

  /** Told how long a wait was. */
  learn(millis: number): void {
    if (millis > 2 * hottestMillis) return this.cool()
    const enough = Math.min(Math.max(2 * millis, coolestMillis), hottestMillis)
    // Up at once, so that two halves that park in turns find each other awake again; down slowly.
    this.patience = enough > this.patience ? enough : this.patience + (enough - this.patience) / 8
  }

  /** Told that looking at every turn did no good. */
  cool(): void {
    this.patience = Math.max(this.patience / 2, coolestMillis)
  }
}

/** One wait. */
class Wait {
  private readonly waiter: Waiter
  private readonly target: Waitable
  private readonly keepAlive: boolean
  private readonly resume: () => void
  private readonly start = performance.now()
  private readonly budget: number
  private looked = this.start
  private slept = 0
  private immediate: ReturnType<typeof setImmediate> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private done = false

  constructor(waiter: Waiter, keepAlive: boolean, resume: () => void) {
    this.waiter = waiter
    this.target = waiter.target
    this.keepAlive = keepAlive
    this.resume = resume
    this.budget = waiter.budget(keepAlive)
  }

  begin(): void {
    if (this.budget > 0) this.immediate = setImmediate(this.poll)
    else this.leave()
  }

  /** Interrupted. */
  readonly cancel = Effect.sync(() => {
    this.done = true
    if (this.immediate !== undefined) clearImmediate(this.immediate)
    if (this.timer === undefined) return
    clearTimeout(this.timer)
    Sleep.end(this.target)
  })

  private finish(): void {
    if (this.done) return
    this.done = true
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.waiter.learn(performance.now() - this.start)
    this.resume()
  }

  private readonly poll = (): void => {
    this.immediate = undefined
    if (this.target.ready()) return this.finish()
    const now = performance.now()
    if (now - this.looked > interruptedMillis && this.budget < Infinity) {
      this.waiter.cool()
      return this.leave()
    }
    this.looked = now
    if (now - this.start < this.budget) this.immediate = setImmediate(this.poll)
    else this.leave()
  }

  private leave(): void {
    if (this.waiter.strategy === "block") this.block()
    else this.park()
  }

  private block(): void {
    const from = performance.now()
    if (Sleep.block(this.target, recheckMillis)) this.target.parked(performance.now() - from)
    // A turn of the event loop between two sleeps lets an interruption through.
    this.immediate = setImmediate(this.poll)
  }

  private park(): void {
    const rung = Sleep.begin(this.target)
    if (rung === undefined) return this.finish()
    this.slept = performance.now()
    void rung.then(this.wake)
    this.recheckLater()
  }

  private readonly wake = (): void => {
    if (this.done) return
    this.target.parked(performance.now() - this.slept)
    this.finish()
  }

  private recheckLater(): void {
    this.timer = setTimeout(this.recheck, recheckMillis)
    if (!this.keepAlive) (this.timer as { unref?: () => void }).unref?.()
  }

  private readonly recheck = (): void => {
    if (!this.target.ready()) return this.recheckLater()
    Sleep.end(this.target)
    this.wake()
  }
}
