/**
 * A worker's process from its start to its end, as its parent sees it.
 *
 * ```
 * import ──Boot──▶ init ──Ready──▶ run ──▶ report and end of the pipe ──▶ hung up ──▶ exit
 * ```
 *
 * Which worker it is it learns with its `Boot`: until then it is a spare.
 *
 * It has ended well once it has said so and everything that it wrote before has been read; what it
 * does from then on no longer matters. If it exits before, that is a panic.
 *
 * @since 0.1.0
 */
import type { ChildProcess } from "node:child_process"
import * as ControlPage from "@shared-nothing/core/ControlPage"
import { WorkerPanicked } from "@shared-nothing/core/Errors"
import * as OwnerMirror from "@shared-nothing/core/OwnerMirror"
import * as ThreadIdentity from "@shared-nothing/core/ThreadIdentity"
import type { Ties } from "@shared-nothing/core/Ties"
import type { Links } from "@shared-nothing/core/Workers"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Report } from "./Boot.ts"
import * as Child from "./Child.ts"
import * as Resolutions from "./Resolutions.ts"
import { SharedPage } from "./SharedPage.ts"

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
  readonly imported = Deferred.makeUnsafe<void, WorkerPanicked>()
  readonly ready = Deferred.makeUnsafe<string | undefined, WorkerPanicked>()
  readonly ended = Deferred.makeUnsafe<void, WorkerPanicked>()
  readonly exited = Deferred.makeUnsafe<void>()
  phase = "import"
  private worker: string
  private readonly shared: URL | undefined
  private mirror: OwnerMirror.OwnerMirror | undefined
  private readonly pipe: ReturnType<typeof Child.pipeOf>
  private crash: Error | undefined
  private report: Effect.Effect<void, WorkerPanicked> | undefined
  private heard = false
  private readonly page = new SharedPage(ControlPage.bytes)
  private fate: (() => Effect.Effect<void, WorkerPanicked>) | undefined
  private patience: ReturnType<typeof setTimeout> | undefined

  /**
   * Throws if it cannot be started. `name` is what it is called until it is told which worker it is; `shares` is whether
   * it finds the files that others find.
   */
  constructor(
    module: URL,
    flags: ReadonlyArray<string>,
    env: Readonly<Record<string, string>>,
    args: ReadonlyArray<string>,
    name: string,
    shares: boolean
  ) {
    this.shared = shares ? module : undefined
    this.worker = name
    try {
      const resolutions = shares ? Resolutions.fileOf(module) : undefined
      this.child = Child.start(module, flags, env, args, this.page.descriptor, resolutions)
    } catch (cause) {
      this.page.close()
      throw cause
    }
    this.pipe = Child.pipeOf(this.child)
    this.pipe.on("data", (bytes: Uint8Array) => this.receive(bytes))
    this.pipe.once("end", () => this.hear())
    this.pipe.once("close", () => this.hear())
    // A child that died: its exit tells.
    this.pipe.on("error", () => {})
    // Nothing comes, but its end.
    Child.lifelineOf(this.child).resume()
    this.child.on("error", (cause) => {
      // It is told of messages that came too late, too.
      if (this.child.pid === undefined) this.exit(`its process did not start: ${cause.message}`, undefined, cause)
    })
    this.child.once("disconnect", () => this.settle())
    this.child.once("exit", (code, signal) => {
      const { detail, exitCode } = Child.describeExit(code, signal)
      this.exit(detail, exitCode)
    })
  }

  /** It is started for this worker, and waited for. */
  name(worker: string): void {
    this.worker = worker
    this.child.ref()
    this.child.channel?.ref()
  }

  /** Makes a worker of it: what it is to begin with. Throws a `RingFault` if the worker's endpoints are not to be had. */
  begin(links: Links, ties: ReadonlyArray<Ties<unknown>>): OwnerMirror.MirrorStart {
    const { pipe } = this
    this.phase = "init"
    const mirror = OwnerMirror.make(links, this.owner, (bytes) => pipe.write(bytes), ties)
    this.mirror = mirror
    pipe.on("drain", mirror.resume)
    return mirror.start
  }

  get alive(): boolean {
    return !Deferred.isDoneUnsafe(this.ended) && this.child.exitCode === null && this.child.signalCode === null
  }

  /** Brings into the `ControlBlock` of its owner what it has in hand, or had when it ended. */
  readonly look = (): void => this.mirror?.see(this.page.read())

  private receive(bytes: Uint8Array): void {
    try {
      this.mirror?.receive(bytes)
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
      case "Resolved":
        if (this.shared !== undefined) Resolutions.write(this.shared, report.found)
        return
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
    this.look()
    this.page.close()
    Deferred.doneUnsafe(this.imported, Effect.andThen(exit, Effect.interrupt))
    Deferred.doneUnsafe(this.ready, Effect.andThen(exit, Effect.interrupt))
    if (!Deferred.doneUnsafe(this.ended, exit)) return
    clearTimeout(this.patience)
    this.mirror?.close()
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
