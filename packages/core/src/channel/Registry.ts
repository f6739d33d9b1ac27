/**
 * The channels that this thread made and still has open, so that the death of a thread can be told
 * to all that it held a half of. Whoever starts threads calls `bury` when one ends.
 *
 * @since 0.1.0
 */
import type { Mesh } from "../ring/Mesh.ts"

const meshes = new Set<Mesh>()

/**
 * @category accessors
 * @since 0.1.0
 */
export const add = (mesh: Mesh): void => {
  meshes.add(mesh)
}

/**
 * @category accessors
 * @since 0.1.0
 */
export const remove = (mesh: Mesh): void => {
  meshes.delete(mesh)
}

/**
 * Marks every half that thread `owner` held as dead, in all channels that this thread made.
 *
 * @category accessors
 * @since 0.1.0
 */
export const bury = (owner: number): void => {
  for (const mesh of meshes) mesh.bury(owner)
}
