/**
 * The airports of `vega-datasets`: names and places by IATA code.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { fileURLToPath } from "node:url"
import { orInputError } from "./InputError.ts"
import type { By } from "./Job.ts"

export const Airport = Schema.Struct({
  iata: Schema.String,
  name: Schema.String,
  city: Schema.String,
  state: Schema.String,
  latitude: Schema.Number,
  longitude: Schema.Number
})
export type Airport = typeof Airport.Type

export type Airports = ReadonlyMap<string, Airport>

/** Path of a file of the package `vega-datasets`. */
export const datasetPath = (name: string): string =>
  fileURLToPath(new URL(`../data/${name}`, import.meta.resolve("vega-datasets")))

/** The fields of a line of CSV in which quotes may hold commas. */
const fieldsOf = (line: string): ReadonlyArray<string> =>
  line.includes('"')
    ? Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
        quoted === undefined ? plain : quoted.replaceAll('""', '"')
      )
    : line.split(",")

export const parseAirports = (csv: string): ReadonlyArray<Airport> =>
  csv
    .split(/\r?\n/)
    .slice(1)
    .filter((line) => line !== "")
    .map((line) => {
      const [iata, name, city, state, , latitude, longitude] = fieldsOf(line)
      return { iata, name, city, state, latitude: Number(latitude), longitude: Number(longitude) }
    })

export const loadAirports = Effect.gen(function* () {
  const file = datasetPath("airports.csv")
  const fs = yield* FileSystem.FileSystem
  return parseAirports(yield* fs.readFileString(file).pipe(orInputError(file)))
})

/** A key in words: `Chicago O'Hare International, Chicago IL`, or both ends of a route. */
export const nameOf = (airports: Airports, key: string, by: By): string => {
  if (by === "route") {
    const [from, to] = key.split("-")
    return `${airports.get(from)?.city ?? from} → ${airports.get(to)?.city ?? to}`
  }
  const airport = airports.get(key)
  return airport === undefined ? "" : `${airport.name}, ${airport.city} ${airport.state}`
}
