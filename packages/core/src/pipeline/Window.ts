/**
 * Windows: how a keyed stream is cut into finite pieces.
 *
 * An element of event time t belongs to the windows whose `start <= t < end`; a window is complete
 * once the watermark has come to `end - 1`. All durations are in milliseconds inside.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import { millisOf } from "../errors/Options.ts"
import {
  atLeastNone,
  duration,
  finite,
  longerThanNone,
  longerThanNoneFinite,
  number,
  wholeFromOne,
  word
} from "./checks.ts"
import type { Fault, TimeUse } from "./Graph.ts"

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
  /** What is wrong with it, found when it was made and told by the stage that it is of. */
  readonly faults: ReadonlyArray<Fault>
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

const common = (options: WindowOptions | undefined, faults: ReadonlyArray<Fault>): Common => {
  const { clock = "event", lateness = 0 } = options ?? {}
  return {
    clock,
    lateness: millisOf(lateness),
    faults: [
      ...faults,
      ...word("clock", clock, ["event", "processing"]),
      ...duration("lateness", lateness, atLeastNone)
    ]
  }
}

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
): Window => {
  const offset = options?.offset ?? 0
  const sizeMillis = millisOf(size)
  const atMostSize = {
    allowed: `at most the size, ${sizeMillis} ms`,
    holds: (millis: number) => !(millis > sizeMillis)
  }
  return {
    _tag: "Hopping",
    size: sizeMillis,
    every: millisOf(every),
    offset: millisOf(offset),
    ...common(options, [
      ...duration("size", size, longerThanNoneFinite),
      ...duration("every", every, longerThanNoneFinite),
      ...duration("every", every, atMostSize),
      ...duration("offset", offset, finite)
    ])
  }
}

/**
 * For each element, the elements of its key in the `size` up to it, itself included; a result for
 * each element.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sliding = (size: DurationInput): Window => ({
  _tag: "Sliding",
  size: millisOf(size),
  ...common(undefined, duration("size", size, longerThanNoneFinite))
})

/**
 * Elements of a key that follow each other by less than `gap`; the window ends `gap` after its last.
 *
 * @category constructors
 * @since 0.1.0
 */
export const session = (gap: DurationInput, options?: Omit<WindowOptions, "clock">): Window => ({
  _tag: "Session",
  gap: millisOf(gap),
  ...common(options, duration("gap", gap, longerThanNoneFinite))
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
    clock,
    count = Infinity,
    keep = false,
    within = Infinity
  } = typeof trigger === "number" ? { count: trigger } : trigger
  const faults: Array<Fault> = []
  if (count === Infinity && within === Infinity) {
    faults.push({ option: "trigger", value: undefined, allowed: "a count, a time, or both" })
  }
  if (count !== Infinity) faults.push(...number("count", count, wholeFromOne))
  faults.push(...duration("within", within, longerThanNone))
  return { _tag: "Global", count, within: millisOf(within), keep, ...common({ clock }, faults) }
}

/** What is wrong with the window of a stage, if anything. */
export const faultsOf = (stage: string, { faults }: Window): ReadonlyArray<Fault> =>
  faults.map((fault) => ({ ...fault, option: `${stage}.window.${fault.option}` }))

/** What its stage does about event time; a count, and the time of the machine, need none. */
export const timeOf = (window: Window): TimeUse => {
  if (window._tag === "Global") return window.clock === "event" && window.within < Infinity ? "needs" : "keeps"
  return window.clock === "event" ? "needs" : "gives"
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
