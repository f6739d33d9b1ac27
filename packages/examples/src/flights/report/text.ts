/**
 * Numbers and times as people read them.
 *
 * @since 0.1.0
 */
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

export const integer = (value: number): string => whole.format(value)

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

export const minutes = (value: number): string => value.toFixed(1)

/** `2001-01-31`, or `2001-01-31 23:00` for windows shorter than a day. */
export const windowText = (start: number, size: number): string => {
  const iso = new Date(start).toISOString()
  return size > 0 && size < 86_400_000 ? `${iso.slice(0, 10)} ${iso.slice(11, 16)}` : iso.slice(0, 10)
}

export const plural = (count: number, noun: string): string => `${integer(count)} ${noun}${count === 1 ? "" : "s"}`
