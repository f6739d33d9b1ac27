/**
 * How partitioners refuse: a bad option or set of workers with `InvalidConfig`, a key without a place
 * with `PartitionError`.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { InvalidConfig, PartitionError } from "../errors/Errors.ts"

/** The failure of an option. */
export const invalid = (option: string, value: unknown, allowed: string): Result.Result<never, InvalidConfig> =>
  Result.fail(new InvalidConfig({ option, value, allowed }))

/** Checks that a set of workers is one, and copies it. */
export const workerSet = (workers: ReadonlyArray<string>): Result.Result<ReadonlyArray<string>, InvalidConfig> =>
  workers.length > 0 && new Set(workers).size === workers.length
    ? Result.succeed([...workers])
    : invalid("workers", workers, "at least one worker id, each once")

/** The error of a key without a place. */
export const noPlace = (partitioner: string, key: unknown, detail: string, cause?: unknown): PartitionError =>
  new PartitionError({ partitioner, key, detail, unsent: [], ...(cause === undefined ? {} : { cause }) })
