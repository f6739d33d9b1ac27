/**
 * Places keys on workers, by hash. Every thread that reads computes the same places.
 *
 * @since 0.1.0
 */
import * as Partitioner from "@shared-nothing/core/Partitioner"
import * as Result from "effect/Result"
import type { Place } from "./Keys.ts"

export const placeBy = (workers: number): Place => {
  const ids = Array.from({ length: workers }, (_, index) => `${index}`)
  const assignment = Result.getOrThrow(Partitioner.hash().assign(ids))
  return (key) => assignment.workerOf(key)
}
