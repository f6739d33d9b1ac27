/**
 * Memory that a process writes and its parent reads, also when the process is gone, whatever ended it.
 *
 * A file without a name: the parent makes it and hands the descriptor on. The process maps it where it can (`node:ffi`,
 * part of Node.js since 26) and its stores are in the file as soon as they are made. Elsewhere it writes the memory to the
 * file when told that it has changed, which takes about a microsecond. The parent reads the file: the system's cache of it
 * outlives every process.
 *
 * | who | does |
 * |---|---|
 * | the process | writes the memory, and nobody else does |
 * | the parent | makes the file, and reads it |
 *
 * @since 0.1.0
 */
import { closeSync, readSync, writeSync } from "node:fs"
import type { ControlPage } from "@shared-nothing/core/ControlPage"
import * as NamelessFile from "./NamelessFile.ts"

/**
 * The parent's side.
 *
 * @category models
 * @since 0.1.0
 */
export class SharedPage {
  /** To be handed on when the process is started. */
  readonly descriptor: number
  private readonly words: Int32Array
  private isOpen = true

  /** Throws if no folder takes files. */
  constructor(bytes: number) {
    this.words = new Int32Array(bytes >>> 2)
    // All of it is there from now on: storing into a hole of a full disk would be the end of the process.
    this.descriptor = NamelessFile.make(new Uint8Array(bytes))
  }

  /** What is in it now, or was when it was closed. */
  read(): Int32Array {
    if (this.isOpen) readSync(this.descriptor, this.words, 0, this.words.byteLength, 0)
    return this.words
  }

  close(): void {
    if (!this.isOpen) return
    this.read()
    this.isOpen = false
    closeSync(this.descriptor)
  }
}

const readAndWrite = 3
const shared = 1
const failed = 2n ** 64n - 1n

/** The memory of a file; undefined where it cannot be had. */
const map = (descriptor: number, bytes: number): ArrayBuffer | undefined => {
  const { emitWarning } = process
  try {
    // That it is experimental is no concern of whoever runs a worker: it is done without if it is not there.
    process.emitWarning = () => {}
    const ffi = process.getBuiltinModule("node:ffi")
    const { functions } = ffi.dlopen(null, {
      mmap: { arguments: ["uint64", "uint64", "int32", "int32", "int32", "int64"], return: "uint64" }
    })
    const address = functions.mmap(0n, BigInt(bytes), readAndWrite, shared, descriptor, 0n)
    return address === failed ? undefined : ffi.toArrayBuffer(address, bytes, false)
  } catch {
    return undefined
  } finally {
    process.emitWarning = emitWarning
  }
}

const mapped = (): void => {}

/**
 * The process's side, of the descriptor that it was handed. `maps` is whether to try to map it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (descriptor: number, bytes: number, maps = true): ControlPage => {
  const memory = maps ? map(descriptor, bytes) : undefined
  if (memory !== undefined) return { memory, noted: mapped }
  const copy = new Uint8Array(bytes)
  return { memory: copy.buffer, noted: () => void writeSync(descriptor, copy, 0, bytes, 0) }
}
