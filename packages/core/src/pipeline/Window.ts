/**
 * Windows: how a keyed stream is cut into finite pieces.
 *
 * An element of event time t belongs to the windows whose `start <= t < end`; a window is complete
 * once the watermark has come to `end - 1`. All durations are in milliseconds inside.
 *
 * @since 0.1.0
 */
import { type Input as DurationInput, toMillis } from "effect/Duration"
import type { Fault } from "./Graph.ts"

/**
 * Which time cuts: that of the elements, or that of the machine.
 *
 * @category models
 * @since 0.1.0
 */
export type WindowClock = "event" | "processing"

interface Common {
  readonly clock: WindowClock
  /** How long a complete window takes late elements, each of which makes it emit again. */
  readonly lateness: number
}

/**
 * @category models
 * @since 0.1.0
 */
export type Window =
  | (Common & { readonly _tag: "Hopping"; readonly size: number; readonly every: number; readonly offset: number })
  | (Common & { readonly _tag: "Session"; readonly gap: number })
  | (Common & { readonly _tag: "Sliding"; readonly size: number })
  | (Common & { readonly _tag: "Global"; readonly count: number; readonly within: number; readonly keep: boolean })

/**
 * What a result is of. `count` elements for a global window, which has no bounds.
 *
 * @category models
 * @since 0.1.0
 */
export interface WindowBounds {
  /** First moment, in milliseconds since the epoch. */
  readonly start: number
  /** First moment after it. */
  readonly end: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WindowOptions {
  /** `event` if absent. */
  readonly clock?: WindowClock | undefined
  /** None if absent. */
  readonly lateness?: DurationInput | undefined
}

const common = (options: WindowOptions | undefined): Common => ({
  clock: options?.clock ?? "event",
  lateness: options?.lateness === undefined ? 0 : toMillis(options.lateness)
})

/**
 * Windows of one size, one after the other; the first begins at `offset` from the epoch.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tumbling = (
  size: DurationInput,
  options?: WindowOptions & { readonly offset?: DurationInput | undefined }
): Window => hopping(size, size, options)

/**
 * Windows of one size that begin every so often: an element is in `size / every` of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hopping = (
  size: DurationInput,
  every: DurationInput,
  options?: WindowOptions & { readonly offset?: DurationInput | undefined }
): Window => ({
  _tag: "Hopping",
  size: toMillis(size),
  every: toMillis(every),
  offset: options?.offset === undefined ? 0 : toMillis(options.offset),
  ...common(options)
})

/**
 * For each element, the elements of its key in the `size` up to it, itself included; a result for
 * each element.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sliding = (size: DurationInput): Window => ({
  _tag: "Sliding",
  size: toMillis(size),
  ...common(undefined)
})

/**
 * Elements of a key that follow each other by less than `gap`; the window ends `gap` after its last.
 *
 * @category constructors
 * @since 0.1.0
 */
export const session = (gap: DurationInput, options?: Omit<WindowOptions, "clock">): Window => ({
  _tag: "Session",
  gap: toMillis(gap),
  ...common(options)
})

/**
 * When a global window goes out: whichever comes first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Trigger {
  /** After so many elements of a key. */
  readonly count?: number | undefined
  /** So long after the first element of a key that has not been out. */
  readonly within?: DurationInput | undefined
  /** Which time `within` is of; `event` if absent. */
  readonly clock?: WindowClock | undefined
  /** Whether a key goes on with what it has, for ever, instead of beginning anew; `false` if absent. */
  readonly keep?: boolean | undefined
}

/**
 * All elements of a key, whatever their time: the trigger says when they go out, and a number is a
 * trigger by count. What has not been out at the end goes out then.
 *
 * @category constructors
 * @since 0.1.0
 */
export const global = (trigger: number | Trigger): Window => {
  const {
    clock = "event",
    count = Infinity,
    keep = false,
    within
  } = typeof trigger === "number" ? { count: trigger } : trigger
  return {
    _tag: "Global",
    count,
    within: within === undefined ? Infinity : toMillis(within),
    keep,
    ...common({ clock })
  }
}

/** What is wrong with a window, if anything. */
export const faultsOf = (stage: string, window: Window): ReadonlyArray<Fault> => {
  const faults: Array<Fault> = []
  const positive = (option: string, value: number) => {
    if (!(value > 0 && value < Infinity)) {
      faults.push({ option: `${stage}.window.${option}`, value, allowed: "longer than 0 and finite" })
    }
  }
  switch (window._tag) {
    case "Hopping":
      positive("size", window.size)
      positive("every", window.every)
      if (window.every > window.size) {
        faults.push({
          option: `${stage}.window.every`,
          value: window.every,
          allowed: `at most the size, ${window.size}`
        })
      }
      break
    case "Session":
      positive("gap", window.gap)
      break
    case "Sliding":
      positive("size", window.size)
      break
    case "Global":
      if (window.count === Infinity && window.within === Infinity) {
        faults.push({ option: `${stage}.window.trigger`, value: undefined, allowed: "a count, a time, or both" })
      }
      if (window.count !== Infinity && (!Number.isInteger(window.count) || window.count < 1)) {
        faults.push({ option: `${stage}.window.count`, value: window.count, allowed: "a whole number of at least 1" })
      }
      if (!(window.within > 0)) {
        faults.push({ option: `${stage}.window.within`, value: window.within, allowed: "longer than 0" })
      }
  }
  if (!(window.lateness >= 0)) {
    faults.push({ option: `${stage}.window.lateness`, value: window.lateness, allowed: "at least 0" })
  }
  return faults
}

/** A window in words. */
export const describe = (window: Window): string => {
  switch (window._tag) {
    case "Hopping":
      return window.size === window.every
        ? `tumbling ${window.size} ms`
        : `hopping ${window.size} ms every ${window.every} ms`
    case "Session":
      return `session, gap ${window.gap} ms`
    case "Sliding":
      return `sliding ${window.size} ms`
    case "Global":
      return `every ${triggers(window)}${window.keep ? ", kept" : ""}`
  }
}

const triggers = ({ count, within }: { readonly count: number; readonly within: number }): string =>
  [...(count === Infinity ? [] : [`${count} elements`]), ...(within === Infinity ? [] : [`${within} ms`])].join(" or ")
