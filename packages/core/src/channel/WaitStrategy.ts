/**
 * How a half of a channel waits for the other: a trade of latency against processor time.
 *
 * | strategy | while waiting | wakes after | costs |
 * |---|---|---|---|
 * | `spin` | looks without pause for up to 50 µs, then as `yield` | under 1 µs | a whole core, and the event loop between looks |
 * | `yield` | looks once a turn of the event loop | about 2 µs | a whole core; timers and I/O go on |
 * | `park` | sleeps until it is rung | about 60 µs | nothing |
 * | `hybrid` | spins 2 µs, yields while traffic is hot, then parks | 1 to 60 µs | nothing once idle |
 * | `block` | sleeps the whole thread | about 55 µs | nothing, but timers, I/O, other fibers and the debugger stop |
 *
 * Traffic is hot while waits are shorter than 500 µs: `hybrid` then yields for up to twice as long as
 * the last ones took, at most 250 µs. Every longer wait halves that, down to 20 µs: where there are more threads than
 * processors, looking at every turn only keeps the processor from those that are waited for.
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
import type { ByteMemory } from "../ring/ByteMemory.ts"
import * as Doorbell from "../ring/Doorbell.ts"

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

/**
 * A half that can wait: a port of `ring/`, and what it waits for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waitable {
  readonly memory: ByteMemory
  readonly bell: number
  /** Whether there is something to do. Called often, must be cheap. */
  ready(): boolean
  arm(): void
  /** Told after each sleep, in milliseconds. */
  parked(millis: number): void
}

/** A parked half looks again this often, in milliseconds, whether rung or not: a peer's thread may be gone. */
const recheckMillis = 100
const spinMillis = 0.002
const longSpinMillis = 0.05
const hottestMillis = 0.25
const coolestMillis = 0.02

/**
 * Waits for one half, remembering how long its waits were.
 *
 * @category models
 * @since 0.1.0
 */
export class Waiter {
  private readonly target: Waitable
  private readonly strategy: WaitStrategy
  /** How long `hybrid` yields before it parks, in milliseconds. */
  private patience = hottestMillis

  constructor(target: Waitable, strategy: WaitStrategy) {
    this.target = target
    this.strategy = strategy
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
    return Effect.callback<void>((resume) => {
      const start = performance.now()
      const spun = this.spin(start)
      if (spun) return resume(Effect.void)
      let immediate: ReturnType<typeof setImmediate> | undefined
      let timer: ReturnType<typeof setTimeout> | undefined
      let done = false
      const { strategy, target } = this

      const finish = () => {
        done = true
        if (timer !== undefined) clearTimeout(timer)
        const millis = performance.now() - start
        this.learn(millis)
        resume(Effect.void)
      }
      const budget = this.budget(keepAlive)
      const poll = () => {
        immediate = undefined
        if (target.ready()) return finish()
        if (performance.now() - start < budget) immediate = setImmediate(poll)
        else if (strategy === "block") block()
        else park()
      }
      const block = () => {
        target.arm()
        if (!target.ready()) {
          const from = performance.now()
          Doorbell.sleep(target.memory, target.bell, recheckMillis)
          target.parked(performance.now() - from)
        }
        Doorbell.ring(target.memory, target.bell)
        // A turn of the event loop between two sleeps lets an interruption through.
        immediate = setImmediate(poll)
      }
      const park = () => {
        target.arm()
        if (target.ready()) {
          // Rung, not only disarmed: another fiber of this thread may sleep at the same bell.
          Doorbell.ring(target.memory, target.bell)
          return finish()
        }
        const from = performance.now()
        const rung = Doorbell.sleepAsync(target.memory, target.bell)
        if (rung === undefined) return finish()
        let awake = false
        const wake = () => {
          if (awake || done) return
          awake = true
          target.parked(performance.now() - from)
          finish()
        }
        rung.then(wake)
        const recheck = () => {
          if (target.ready()) {
            // Ends the native wait too, whatever became of its ringer: it would stay behind otherwise.
            Doorbell.wake(target.memory, target.bell)
            return wake()
          }
          arm()
        }
        const arm = () => {
          timer = setTimeout(recheck, recheckMillis)
          if (!keepAlive) (timer as { unref?: () => void }).unref?.()
        }
        arm()
      }

      if (budget > 0) immediate = setImmediate(poll)
      else if (strategy === "block") block()
      else park()

      return Effect.sync(() => {
        done = true
        if (immediate !== undefined) clearImmediate(immediate)
        if (timer !== undefined) {
          clearTimeout(timer)
          Doorbell.wake(target.memory, target.bell)
        }
      })
    })
  }

  /** How long to look at every turn of the event loop before parking, in milliseconds. */
  private budget(keepAlive: boolean): number {
    switch (this.strategy) {
      case "park":
      case "block":
        return 0
      case "hybrid":
        // Where waits are long, looking at every turn only keeps the processor from those waited for.
        return this.patience
      default:
        return keepAlive ? Infinity : hottestMillis
    }
  }

  private learn(millis: number): void {
    if (millis > 2 * hottestMillis) {
      this.patience = Math.max(this.patience / 2, coolestMillis)
    } else {
      const enough = Math.min(Math.max(2 * millis, coolestMillis), hottestMillis)
      // Up at once, so that two halves that park in turns find each other awake again; down slowly.
      this.patience = enough > this.patience ? enough : this.patience + (enough - this.patience) / 8
    }
  }

  private spin(start: number): boolean {
    const { strategy, target } = this
    if (target.ready()) return true
    const limit = strategy === "spin" ? longSpinMillis : strategy === "hybrid" ? spinMillis : 0
    if (limit === 0) return false
    do {
      for (let i = 0; i < 16; i++) if (target.ready()) return true
    } while (performance.now() - start < limit)
    return false
  }
}
