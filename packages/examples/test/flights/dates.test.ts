import { assert, describe, it } from "@effect/vitest"
import { parseDate, parseDelay } from "../../src/flights/input/dates.ts"
import { bad } from "../../src/flights/input/Columns.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(`,${text},`)
const date = (text: string): number => parseDate(bytes(text), 1, bytes(text).length - 1)
const delay = (text: string): number => parseDelay(bytes(text), 1, bytes(text).length - 1)

describe("parseDate", () => {
  it("reads what it accepts as UTC", () => {
    const accepted: ReadonlyArray<readonly [string, string]> = [
      ["2001-01-31", "2001-01-31T00:00:00.000Z"],
      ["2001/01/31", "2001-01-31T00:00:00.000Z"],
      ["2001-01-31 23:59", "2001-01-31T23:59:00.000Z"],
      ["2001-01-31T23:59Z", "2001-01-31T23:59:00.000Z"],
      ["2001-01-31 23:59:58", "2001-01-31T23:59:58.000Z"],
      ["2001-01-31T23:59:58.125Z", "2001-01-31T23:59:58.125Z"],
      ["2001-01-31 23:59:58.125999", "2001-01-31T23:59:58.125Z"],
      ["2000-02-29", "2000-02-29T00:00:00.000Z"],
      ["1969-12-31 23:00", "1969-12-31T23:00:00.000Z"],
      ["0001-01-01", "0001-01-01T00:00:00.000Z"]
    ]
    for (const [text, iso] of accepted) assert.strictEqual(new Date(date(text)).toISOString(), iso, text)
  })

  it("agrees with Date on every minute form of a year's days", () => {
    for (let day = Date.UTC(2000, 0, 1); day < Date.UTC(2001, 0, 1); day += 86_400_000) {
      const text = new Date(day + 1_234 * 60_000).toISOString()
      assert.strictEqual(date(text), Date.parse(text))
    }
  })

  it("refuses everything else", () => {
    const refused =
      "|2001|2001-1-1|2001-02-30|2001-13-01|2001-00-10|1900-02-29|2001-01/01|2001-01-01 |2001-01-01 24:00|" +
      "2001-01-01 10:60|2001-01-01 10:00:60|2001-01-01 10:00:|2001-01-01 10:00:00.|2001-01-01x10:00|abcd-01-01|" +
      "2001-01-01 10:00+02:00|2001-01-01ZZ|2001-01-01 10:00ZZ|2001-01-01 1:00"
    for (const text of refused.split("|")) assert.isNaN(date(text), JSON.stringify(text))
  })
})

describe("parseDelay", () => {
  it("reads whole numbers", () => {
    const accepted: ReadonlyArray<readonly [string, number]> = [
      ["0", 0],
      ["12", 12],
      ["-80", -80],
      ["12.0", 12],
      ["-7.000", -7],
      ["2147483647", 2147483647]
    ]
    for (const [text, value] of accepted) assert.strictEqual(delay(text), value, text)
  })

  it("refuses everything else", () => {
    for (const text of ["", "-", "abc", "1.5", "1.", "1e3", " 1", "1 ", "--1", "2147483648", "NaN", ".0"]) {
      assert.strictEqual(delay(text), bad.delay, JSON.stringify(text))
    }
  })
})
