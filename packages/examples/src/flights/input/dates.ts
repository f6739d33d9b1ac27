/**
 * Dates and whole numbers straight from the bytes of a text file: no string is made.
 *
 * @since 0.1.0
 */
import { bad } from "./Columns.ts"

const digits = (bytes: Uint8Array, from: number, count: number): number => {
  let value = 0
  for (let i = from; i < from + count; i++) {
    const digit = bytes[i] - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

let lastDay = -1
let lastDayMillis = 0

/** Rows come in time order, so the day is nearly always that of the row before. */
const dayMillis = (year: number, month: number, day: number): number => {
  const packed = year * 10_000 + month * 100 + day
  if (packed === lastDay) return lastDayMillis
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return Number.NaN
  lastDay = packed
  lastDayMillis = date.getTime()
  return lastDayMillis
}

/**
 * Ms since the epoch of `YYYY-MM-DD[ HH:MM[:SS[.fraction]][Z]]`, read as UTC; `T` may stand for the
 * space and `/` for `-`. NaN when it is none.
 */
export const parseDate = (bytes: Uint8Array, from: number, to: number): number => {
  if (to - from < 10) return bad.time
  const dash = bytes[from + 4]
  if ((dash !== 45 && dash !== 47) || bytes[from + 7] !== dash) return bad.time
  const day = dayMillis(digits(bytes, from, 4), digits(bytes, from + 5, 2), digits(bytes, from + 8, 2))
  let at = from + 10
  if (at === to) return day
  if (bytes[at] !== 32 && bytes[at] !== 84) return bad.time
  if (to - at < 6 || bytes[at + 3] !== 58) return bad.time
  const hours = digits(bytes, at + 1, 2)
  const minutes = digits(bytes, at + 4, 2)
  if (!(hours < 24 && minutes < 60)) return bad.time
  let millis = day + hours * 3_600_000 + minutes * 60_000
  at += 6
  if (at < to && bytes[at] === 58) {
    const seconds = to - at < 3 ? Number.NaN : digits(bytes, at + 1, 2)
    if (!(seconds < 60)) return bad.time
    millis += seconds * 1000
    at += 3
    if (at < to && bytes[at] === 46) {
      let scale = 1000
      const start = ++at
      for (; at < to && bytes[at] >= 48 && bytes[at] <= 57; at++) {
        scale /= 10
        millis += (bytes[at] - 48) * scale
      }
      if (at === start) return bad.time
      millis = Math.floor(millis)
    }
  }
  if (at < to && bytes[at] === 90) at++
  return at === to ? millis : bad.time
}

/** A whole number that fits 32 bits, `12` or `12.0`; `bad.delay` when it is none. */
export const parseDelay = (bytes: Uint8Array, from: number, to: number): number => {
  let at = from
  const negative = bytes[at] === 45
  if (negative) at++
  const start = at
  let value = 0
  for (; at < to && bytes[at] >= 48 && bytes[at] <= 57; at++) {
    value = value * 10 + (bytes[at] - 48)
    if (value > 0x7fffffff) return bad.delay
  }
  if (at === start) return bad.delay
  if (at < to && bytes[at] === 46) {
    const fraction = ++at
    while (at < to && bytes[at] === 48) at++
    if (at === fraction) return bad.delay
  }
  if (at !== to) return bad.delay
  return negative ? -value : value
}
