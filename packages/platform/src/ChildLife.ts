/**
 * A worker's process from its start to its end, as its parent sees it.
 *
 * ```
 * import ──Boot──▶ init ──Ready──▶ run ──▶ report and end of the pipe ──▶ hung up ──▶ exit
 * ```
 *
 * It has ended well once it has said so and everything that it wrote before has been read; what it
 * does from then on no longer matters. If it exits before, that is a panic.
 *
 * @since 0.1.0
 */
import type { ChildProcess } from "node:child_process"
import { WorkerPanicked } from "@shared-nothing/core/Errors"
import * as OwnerMirror from "@shared-nothing/core/OwnerMirror"
import * as ThreadIdentity from "@shared-nothing/core/ThreadIdentity"
import type { Links } from "@shared-nothing/core/Workers"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Report } from "./Boot.ts"
import * as Child from "./Child.ts"

const decodePanic = Schema.decodeUnknownSync(Schema.toCodecJson(WorkerPanicked))

/** How long a child that was hung up on may take to leave, in milliseconds, before it is killed. */
const leaveMillis = 1000

/** How long what an exited child has written may take to arrive, in milliseconds. */
const lastWordsMillis = 1000

/**
 * A panic of what a process died of.
 *
 * @category constructors
 * @since 0.1.0
 */
export const panic = (
  worker: string,
  phase: string,
  detail: string,
  exitCode?: number,
  cause?: Error
): WorkerPanicked =>
  new WorkerPanicked({
    worker,
    phase,
    detail,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(cause === undefined ? {} : { cause })
  })

const errorOf = ({ message, name, stack }: Report & { readonly _tag: "Crashed" }): Error =>
  Object.assign(new Error(message), { name, stack })

/**
 * @category models
 * @since 0.1.0
 */
export class ChildLife {
  readonly owner = ThreadIdentity.makeVirtual()
  readonly child: ChildProcess
  readonly ready = Deferred.makeUnsafe<string | undefined, WorkerPanicked>()
  readonly ended = Deferred.makeUnsafe<void, WorkerPanicked>()
  readonly exited = Deferred.makeUnsafe<void>()
  phase = "import"
  private readonly worker: string
  private readonly mirror: OwnerMirror.OwnerMirror
  private readonly pipe: ReturnType<typeof Child.pipeOf>
  private crash: Error | undefined
  private report: Effect.Effect<void, WorkerPanicked> | undefined
  private heard = false
  private fate: (() => Effect.Effect<void, WorkerPanicked>) | undefined
  private patience: ReturnType<typeof setTimeout> | undefined

  /** Throws a `RingFault` if the worker's endpoints are not to be had. */
  constructor(
    module: URL,
    flags: ReadonlyArray<string>,
    env: Readonly<Record<string, string>>,
    args: ReadonlyArray<string>,
    links: Links
  ) {
    this.worker = links.workerId
    let pipe: ReturnType<typeof Child.pipeOf> | undefined
    this.mirror = OwnerMirror.make(links, this.owner, (bytes) => pipe!.write(bytes))
    try {
      this.child = Child.start(module, flags, env, args)
    } catch (cause) {
      this.mirror.close()
      throw cause
    }
    this.pipe = pipe = Child.pipeOf(this.child)
    pipe.on("drain", this.mirror.resume)
    pipe.on("data", (bytes: Uint8Array) => this.receive(bytes))
    pipe.once("end", () => this.hear())
    pipe.once("close", () => this.hear())
    // A child that died: its exit tells.
    pipe.on("error", () => {})
    this.child.once("error", (cause) => this.exit(`its process did not start: ${cause.message}`, undefined, cause))
    this.child.once("disconnect", () => this.settle())
    this.child.once("exit", (code, signal) => {
      const { detail, exitCode } = Child.describeExit(code, signal)
      this.exit(detail, exitCode)
    })
  }

  get start(): OwnerMirror.MirrorStart {
    return this.mirror.start
  }

  private receive(bytes: Uint8Array): void {
    try {
      this.mirror.receive(bytes)
    } catch (cause) {
      // It does not speak as a worker does, so nothing of it can be trusted.
      this.report = Effect.fail(panic(this.worker, this.phase, cause instanceof Error ? cause.message : String(cause)))
      this.child.kill("SIGKILL")
    }
  }

  /** Everything that the child wrote has been read. */
  private hear(): void {
    this.heard = true
    this.settle()
  }

  take(report: Exclude<Report, { readonly _tag: "Telemetry" }>): void {
    switch (report._tag) {
      case "Ready":
        this.phase = "run"
        return void Deferred.doneUnsafe(this.ready, Effect.succeed(report.placement))
      case "Crashed":
        this.crash = errorOf(report)
        return
      case "Ended":
        this.report ??= Effect.void
        return this.settle()
      case "Panicked":
        this.report ??= Effect.fail(decodePanic(report.error))
        return this.settle()
    }
  }

  private settle(): void {
    if (!this.heard) return
    if (this.report !== undefined) this.end(this.report)
    else if (this.fate !== undefined && !this.child.connected) this.end(this.fate())
  }

  private exit(detail: string, exitCode: number | undefined, cause?: Error): void {
    Deferred.doneUnsafe(this.exited, Effect.void)
    this.fate = () => {
      const error = this.crash ?? cause
      const words = this.crash === undefined ? detail : `${this.crash.name}: ${this.crash.message}`
      return this.report ?? Effect.fail(panic(this.worker, this.phase, words, exitCode, error))
    }
    // What it wrote before its end may still be on its way.
    const { fate } = this
    if (cause !== undefined) this.end(fate())
    else this.patience = setTimeout(() => this.end(fate()), lastWordsMillis)
    this.settle()
  }

  private end(exit: Effect.Effect<void, WorkerPanicked>): void {
    Deferred.doneUnsafe(this.ready, Effect.andThen(exit, Effect.interrupt))
    if (!Deferred.doneUnsafe(this.ended, exit)) return
    clearTimeout(this.patience)
    this.mirror.close()
    // The child leaves when it is hung up on.
    this.pipe.destroy()
  }

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.child.ref()
    this.child.kill("SIGKILL")
    return Deferred.await(this.exited)
  })

  /** Lets a child that has ended leave by itself, and kills any other. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    if (!Deferred.isDoneUnsafe(this.ended)) return this.kill
    this.child.ref()
    return Effect.timeoutOrElse(Deferred.await(this.exited), { duration: leaveMillis, orElse: () => this.kill })
  })

  unref(): void {
    this.child.unref()
    this.child.channel?.unref()
  }
}
