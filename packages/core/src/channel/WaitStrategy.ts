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
 * `hybrid` yields for its patience before it parks, and without any it does not spin either. To look for longer
 * than a sleep costs is no gain: a wait of up to 100 µs that looking has ended sets the patience to twice that, and a
 * longer one, however it ended, halves it, below 20 µs to none. So it parks at once where traffic is cold, where the peer
 * has to be woken first, and where there are more threads than processors. While waits follow each other
 * closely, one in 16 looks for up to 1 ms all the same, to find out whether that has changed (an operating system may
 * have put both threads on one processor, and needs to see both run to part them); each time in vain makes
 * that rarer by half.
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
import * as Recheck from "./Recheck.ts"

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

const spinMillis = 0.003
const longSpinMillis = 0.05
/** What a sleep and its end cost: a wait that takes longer is better slept. */
const worthMillis = 0.1
const hottestMillis = 2 * worthMillis
const coolestMillis = 0.02
/** How long a wait looks that finds out whether looking pays. */
const probeMillis = 1
/** Waits follow each other closely when less time than this lies between them. */
const closeMillis = 0.2
/** Of close waits that would not look, one in at least and one in at most as many does. */
const oftenProbe = 16
const seldomProbe = 1024
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
  /** When the last wait ended. */
  private ended = -Infinity
  /** Waits since the last probe that followed each other closely. */
  private close = 0
  private probeEvery = oftenProbe
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
    const limit = strategy === "spin" ? longSpinMillis : strategy === "hybrid" && this.patience > 0 ? spinMillis : 0
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

  /** How long a wait that begins at `start` looks at every turn of the event loop before it parks, in milliseconds. */
  budget(keepAlive: boolean, start: number): number {
    switch (this.strategy) {
      case "park":
      case "block":
        return 0
      case "hybrid":
        return this.isProbe(start) ? probeMillis : this.patience
      default:
        return keepAlive ? Infinity : probeMillis
    }
  }

  private isProbe(start: number): boolean {
    if (this.patience > 0 || start - this.ended > closeMillis || ++this.close < this.probeEvery) return false
    this.close = 0
    this.probeEvery = Math.min(2 * this.probeEvery, seldomProbe)
    return true
  }

  /** Told of a wait, and whether looking ended it. */
  learn(start: number, end: number, looked: boolean): void {
    this.ended = end
    const millis = end - start
    if (millis > worthMillis) {
      this.patience = this.patience > 2 * coolestMillis ? this.patience / 2 : 0
    } else if (looked) {
      this.probeEvery = oftenProbe
      const enough = Math.max(2 * millis, coolestMillis)
      // Up at once, so that two halves that park in turns find each other awake again; down slowly.
      this.patience = enough > this.patience ? enough : this.patience + (enough - this.patience) / 8
    }
  }
}

/** One wait. */
class Wait implements Recheck.Sleeping {
  private readonly waiter: Waiter
  private readonly target: Waitable
  readonly keepAlive: boolean
  place = -1
  private readonly resume: () => void
  private readonly start = performance.now()
  private readonly budget: number
  private slept: number | undefined
  private immediate: ReturnType<typeof setImmediate> | undefined
  private done = false

  constructor(waiter: Waiter, keepAlive: boolean, resume: () => void) {
    this.waiter = waiter
    this.target = waiter.target
    this.keepAlive = keepAlive
    this.resume = resume
    this.budget = waiter.budget(keepAlive, this.start)
  }

  begin(): void {
    if (this.budget > 0) this.immediate = setImmediate(this.poll)
    else this.leave()
  }

  /** Interrupted. */
  readonly cancel = Effect.sync(() => {
    this.done = true
    if (this.immediate !== undefined) clearImmediate(this.immediate)
    if (this.slept === undefined) return
    Recheck.remove(this)
    Sleep.end(this.target)
  })

  private finish(): void {
    this.done = true
    this.waiter.learn(this.start, performance.now(), this.slept === undefined)
    this.resume()
  }

  private readonly poll = (): void => {
    this.immediate = undefined
    if (this.target.ready()) return this.finish()
    if (performance.now() - this.start < this.budget) this.immediate = setImmediate(this.poll)
    else this.leave()
  }

  private leave(): void {
    if (this.waiter.strategy === "block") this.block()
    else this.park()
  }

  private block(): void {
    const from = performance.now()
    if (Sleep.block(this.target, Recheck.recheckMillis)) this.target.parked(performance.now() - from)
    // A turn of the event loop between two sleeps lets an interruption through.
    this.immediate = setImmediate(this.poll)
  }

  private park(): void {
    const rung = Sleep.begin(this.target)
    if (rung === undefined) return this.finish()
    this.slept = performance.now()
    void rung.then(this.wake)
    Recheck.add(this)
  }

  private readonly wake = (): void => {
    if (this.done) return
    Recheck.remove(this)
    this.target.parked(performance.now() - this.slept!)
    this.finish()
  }

  recheck(): void {
    if (!this.target.ready()) return
    Sleep.end(this.target)
    this.wake()
  }
}
