/**
 * The service that starts workers: one backend for each isolation. Swapping its Layer moves a
 * program from fibers to threads or processes; nothing else changes.
 *
 * A backend only starts, watches and ends the place where a worker runs. Messages, requests,
 * replies and commands go through the memory in `Links`, the same for every backend.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ReceiverHandle, SenderHandle } from "../channel/Handle.ts"
import type { InvalidConfig, Timeout, WorkerPanicked } from "../errors/Errors.ts"
import type { Safeguard } from "./Safeguard.ts"
import type { Fingerprints } from "./Wire.ts"
import type { AnyContract } from "./Worker.ts"
import type { WorkerConfig } from "./WorkerConfig.ts"

/**
 * What ties a worker to its owner. Plain data around shared memory, so it can be posted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Links {
  readonly workerId: string
  /** Where its messages and requests come from. Belongs to the owner and outlives the worker. */
  readonly mailbox: ReceiverHandle<unknown>
  /** Where its replies go. */
  readonly replies: SenderHandle<unknown>
  /** Where its outputs go; absent if its contract has none. */
  readonly outputs?: SenderHandle<unknown> | undefined
  /** Where it hears how far its streaming answers are taken; absent if its contract has none. */
  readonly signals?: ReceiverHandle<unknown> | undefined
  /** Of the contract as its owner knows it. */
  readonly fingerprints: Fingerprints
  /** Its `ControlBlock`. */
  readonly control: SharedArrayBuffer
  /** How many of the mailbox's first lanes go before all others: its priorities above the lowest. */
  readonly urgent: number
  /** The argument of `init`, encoded by the contract's schema. */
  readonly initData: Uint8Array
  /** Shared memory that the argument of `init` mentions. */
  readonly initAttachments: ReadonlyArray<ArrayBufferLike>
  /** Number of the last request of a former life: whoever asked has been told that it failed. Absent in a first life. */
  readonly settled?: number | undefined
  /** Undefined if nobody restarts it. */
  readonly safeguard?: Safeguard | undefined
}

/**
 * What a backend is asked to start.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpawnOptions {
  readonly contract: AnyContract
  readonly links: Links
  readonly config: WorkerConfig
  /** Its number among its pool's workers, from 0: which processor it gets when they spread. */
  readonly index: number
  /** How long the worker may take until it is ready, in milliseconds. */
  readonly startMillis: number
  /** How long the worker may take to end once told to, in milliseconds, before it is killed. */
  readonly shutdownMillis: number
}

/**
 * What a backend is asked to prepare.
 *
 * @category models
 * @since 0.1.0
 */
export type PrepareOptions = Pick<SpawnOptions, "contract" | "config" | "startMillis">

/**
 * A place that was started ahead, for one worker that may come. It ends with the scope that it was
 * prepared in, and its worker with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spare {
  readonly alive: boolean
  readonly spawn: (options: SpawnOptions) => Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout>
}

/**
 * A worker that is ready, as its owner sees it. It ends with the scope it was started in.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerProcess {
  /** The number under which it holds its channels; 0 if it shares its owner's thread. */
  readonly owner: number
  /** Where it was put, and what of its `WorkerConfig` could not be done, in words. */
  readonly placement?: string | undefined
  /** Waits for its end: succeeds if it ended as told, fails if it panicked. */
  readonly ended: Effect.Effect<void, WorkerPanicked>
  /** Ends it at once, whatever it does. */
  readonly kill: Effect.Effect<void>
  /** Brings into its `ControlBlock` what it has in hand, or had when it ended. Absent where that is its own memory. */
  readonly look?: () => void
}

/**
 * @category services
 * @since 0.1.0
 */
export class Workers extends Context.Service<
  Workers,
  {
    readonly isolation: "fiber" | "thread" | "process"
    /** How many workers can run at once on this machine, container quotas respected. */
    readonly parallelism: number
    /**
     * Starts a worker and waits until it is ready. Fails with `InvalidConfig` if the backend does
     * not know the contract, `WorkerPanicked` if its module or its `init` fails, `Timeout` if it is
     * not ready in time; nothing is left running then.
     */
    readonly spawn: (
      options: SpawnOptions
    ) => Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout, Scope.Scope>
    /** Starts a place without a worker; undefined if a start takes no time. */
    readonly prepare?: (
      options: PrepareOptions
    ) => Effect.Effect<Spare, InvalidConfig | WorkerPanicked | Timeout, Scope.Scope>
  }
>()("shared-nothing/worker/Workers") {}
