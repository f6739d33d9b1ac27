/**
 * The channels that this thread made and still has open, so that the death of a thread can be told
 * to all that it held a half of. Whoever starts threads calls `bury` when one ends.
 *
 * @since 0.1.0
 */
import { Mesh, type MeshOptions } from "../ring/Mesh.ts"

const meshes = new Set<Mesh>()

/** A random name for a mesh, so that what travels beside it finds its way. */
export const randomId = (): readonly [number, number] => [(Math.random() * 2 ** 32) | 0, (Math.random() * 2 ** 32) | 0]

/**
 * Makes a mesh under a random name and keeps it in mind, until `remove`. Throws as `Mesh.make` does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Omit<MeshOptions, "id">): Mesh => {
  const mesh = Mesh.make({ ...options, id: randomId() })
  meshes.add(mesh)
  return mesh
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
