/**
 * Tools that prove shared-memory code: the interleaving explorer.
 *
 * @since 0.1.0
 */
export { explore, replay } from "./explorer/Explorer.ts"
export type {
  ExploreOptions,
  Failure,
  ModelThread,
  Observation,
  Operation,
  Program,
  Report,
  World
} from "./explorer/Program.ts"
export type { Seam } from "../ring/atomics.ts"
export type { ByteMemory } from "../ring/ByteMemory.ts"
