/**
 * Files without a name, to be handed to processes by their descriptor: they are gone when nobody has them open any more,
 * however whoever did has ended.
 *
 * @since 0.1.0
 */
import { closeSync, openSync, unlinkSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Where a file need not reach a disk comes first. */
const folders = process.platform === "linux" ? ["/dev/shm", tmpdir()] : [tmpdir()]

const makeIn = (folder: string, bytes: Uint8Array): number => {
  const path = join(folder, `shared-nothing-${globalThis.crypto.randomUUID()}`)
  const descriptor = openSync(path, "wx+", 0o600)
  try {
    unlinkSync(path)
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at, bytes.length - at, at)
    return descriptor
  } catch (cause) {
    closeSync(descriptor)
    throw cause
  }
}

/**
 * The descriptor of a file with these bytes. Throws if no folder takes it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (bytes: Uint8Array): number => {
  let failure: unknown
  for (const folder of folders) {
    try {
      return makeIn(folder, bytes)
    } catch (cause) {
      failure = cause
    }
  }
  throw failure
}
