/**
 * Workers of one contract behind one partitioner: a message goes to the worker that its key is
 * placed at, through that worker's mailbox, and waits there for its turn.
 *
 * - **Ordering**: messages of one key that one fiber sends are handled in the order they were sent.
 * - **Blocking**: a full mailbox makes whoever sends to it wait; other workers are not affected.
 * - **Closing**: closing the scope stops intake, lets the workers drain their mailboxes and shut
 *   down, and kills those that take longer than `shutdownTimeout`, naming them in a warning.
 *   Every request is settled.
 *
 * An idle pool does not keep the process alive; one with work does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { SenderHandle } from "../channel/Handle.ts"
import * as Codec from "../codec/Codec.ts"
import { InvalidConfig, type Timeout, type WorkerPanicked } from "../errors/Errors.ts"
import * as Options from "../errors/Options.ts"
import * as Partitioner from "../partition/Partitioner.ts"
import { ByteMemory } from "../ring/ByteMemory.ts"
import { maxBytes, totalBytes } from "../ring/layout.ts"
import type { Mesh } from "../ring/Mesh.ts"
import { mismatchPhase } from "../worker/Panic.ts"
import { checkContract } from "../worker/HandlerOptions.ts"
import * as Wire from "../worker/Wire.ts"
import type { AnyContract, Contract, Key } from "../worker/Worker.ts"
import { Workers } from "../worker/Workers.ts"
import { check as checkDecisions, decides } from "../supervision/checks.ts"
import { Circuits } from "../supervision/Circuits.ts"
import { DeadLetters } from "../supervision/DeadLetter.ts"
import { EventLog } from "../supervision/EventLog.ts"
import type { Breaker, Decisions, Supervision } from "../supervision/Supervision.ts"
import * as Tree from "../supervision/Tree.ts"
import { Breaking } from "./Breaking.ts"
import { Care } from "./Care.ts"
import { Member, type MemberHooks } from "./Member.ts"
import { Outputs } from "./Outputs.ts"
import { Pending } from "./Pending.ts"
import { Spares } from "./Spares.ts"
import { Placement } from "./Placement.ts"
import type { WorkerPool } from "./PoolApi.ts"
import { mailboxOf, outputBytesOf, PoolOptions, type PoolOptionsInput } from "./PoolOptions.ts"
import { PoolRuntime } from "./PoolRuntime.ts"
import { SignalLane } from "./SignalLane.ts"

export type * from "./PoolApi.ts"
export { failures, type WorkerFailure } from "./Failures.ts"
export { connect, type PoolClient } from "./PoolClient.ts"
export { PoolHandle } from "./PoolHandle.ts"
export type { WorkerSender } from "./WorkerSender.ts"
export { config, OverflowPolicy, PoolOptions, Profile } from "./PoolOptions.ts"

const invalid = (option: string, value: unknown) => (cause: unknown) =>
  new InvalidConfig({
    option,
    value,
    allowed: cause instanceof Error ? cause.message : String(cause)
  })

const isMismatch = (error: InvalidConfig | WorkerPanicked | Timeout): error is WorkerPanicked =>
  error._tag === "WorkerPanicked" && error.phase === mismatchPhase

/** Fails with `error` if there is not enough memory; whatever else is thrown is a defect. */
const allocate = <A>(error: InvalidConfig, make: () => A): Effect.Effect<A, InvalidConfig> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(make())
    } catch (cause) {
      if (cause instanceof RangeError) return Effect.fail(error)
      throw cause
    }
  })

const encodeInit = (schema: Schema.Codec<unknown, unknown>, value: unknown) => {
  const codec = Codec.make(schema)
  const memory = new ByteMemory(new ArrayBuffer((codec.bound(value) + 15) & ~7))
  const bytes = codec.write(memory, 0, value)
  return { initData: memory.u8.slice(0, bytes), initAttachments: memory.attachments }
}

/**
 * Starts a pool: its workers start side by side and end with the scope. Fails if one does not start.
 *
 * ```ts
 * const pool = yield* WorkerPool.make(Tally, { size: 4, partitioner: Partitioner.consistentHash() })
 * yield* pool.sendAll(messages)
 * const top = yield* pool.ask("the", "Top", { n: 10 })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <
  Name extends string,
  M,
  Requests extends Rpc.Any,
  Init,
  Snapshot,
  Output = never
>(
  contract: Contract<Name, M, Requests, Init, Snapshot, Output>,
  settings?: PoolOptionsInput & {
    readonly partitioner?: Partitioner.Partitioner<Key> | undefined
    /** The argument of each worker's `init`. */
    readonly initData?: Init | undefined
    /** What is done about failures; by default a worker that panics stays stopped. */
    readonly supervision?: Supervision | undefined
  }
): Effect.fn.Return<WorkerPool<M, Requests, Output>, InvalidConfig | WorkerPanicked | Timeout, Workers | Scope.Scope> {
  const { initData, partitioner = Partitioner.hash(), supervision, ...input } = settings ?? {}
  const options = yield* Options.decode(PoolOptions, "WorkerPool", input)
  const any = contract as unknown as AnyContract
  yield* checkContract("WorkerPool.contract", any)
  const tags = new Set(any.requests.map(({ _tag }) => _tag))
  if (supervision !== undefined) yield* checkDecisions("WorkerPool.supervision", supervision, tags)
  const workers = yield* Workers
  const wire = yield* Effect.try({
    try: () => Wire.compile(any),
    catch: invalid("WorkerPool.contract", contract.workerName)
  })
  const init = yield* Effect.try({
    try: () => encodeInit(any.initData, initData),
    catch: invalid("WorkerPool.initData", initData)
  })
  const name = options.name ?? contract.workerName
  const size = options.size ?? workers.parallelism
  const places = options.maxSize ?? Math.max(4 * size, 8)
  if (places < size) {
    return yield* new InvalidConfig({ option: "WorkerPool.maxSize", value: places, allowed: `at least size, ${size}` })
  }
  const decisions: Decisions = supervision ?? { measures: [] }
  const mailbox = { ...mailboxOf(options, decides(decisions)), fingerprint: wire.message.fingerprint }

  const lanes = mailbox.priorities + mailbox.clients
  const memoryOf = (allowed: string) =>
    new InvalidConfig({
      option: "WorkerPool.capacityBytes",
      value: mailbox.laneBytes,
      allowed: `${allowed}: ${places} mailboxes (maxSize) of ${lanes} lanes (priorities and clients) each`
    })
  if (totalBytes(lanes, 1, mailbox.laneBytes) > maxBytes) {
    return yield* memoryOf(`such that capacityBytes × (priorities + clients) is at most ${maxBytes} bytes`)
  }

  // A scope of its own, so that a pool that fails to start leaves nothing; and another for the lives of
  // its workers, which begin at any time and must not end before the pool has let them drain.
  const scope = yield* Scope.fork(yield* Effect.scope)
  const lives = yield* Scope.make()
  const leave = <A, E>(start: Effect.Effect<A, E>) =>
    Effect.onError(start, (cause) => Scope.close(scope, Exit.failCause(cause)))
  const pending = yield* leave(
    allocate(memoryOf("as much as there is memory for"), () => new Pending(name, places, mailbox.wait))
  )
  const { output } = wire
  const outputs =
    output === undefined
      ? undefined
      : yield* leave(
          allocate(
            memoryOf("as much as there is memory for, outputs besides"),
            () => new Outputs(name, places, (place) => `${name}/${place}`, output, outputBytesOf(options), mailbox.wait)
          )
        )
  const signals = new Map<Member, SignalLane>()
  const spares = new Spares(
    workers,
    { contract: any, config: options.worker, startMillis: options.startTimeout },
    decisions.spares ?? 0,
    lives
  )
  const hooks: MemberHooks = {
    scope: lives,
    onStart: (member) => {
      pool.onStart(member)
      care.started(member)
    },
    onRefuse: (member, millis) => {
      placement.refusals.refuseWorker(all.indexOf(member), millis)
      if (millis === 0) pool.onAdmit(member)
    },
    recovers: (member) => care.recovers(member),
    onCallOff: (member) => pool.ending.onCallOff(member),
    recover: (member, panic) => care.recover(member, panic),
    onEnd: (member, panic) => pool.ending.onEnd(member, panic),
    start: (member) => {
      const place = all.indexOf(member)
      const way = (channel: string, { memory }: Mesh): SenderHandle<unknown> => ({
        _tag: "SenderHandle",
        channel: `${name}: ${channel}`,
        memory: memory.buffer as SharedArrayBuffer,
        slot: place,
        wait: mailbox.wait,
        unbounded: false
      })
      const started = spares.spawn({
        contract: any,
        links: {
          workerId: member.id,
          mailbox: member.mailbox.receiver,
          replies: way("replies", pending.mesh),
          outputs: outputs === undefined ? undefined : way("outputs", outputs.mesh),
          signals: signals.get(member)?.receiver,
          fingerprints: wire.fingerprints,
          control: member.control.buffer,
          urgent: mailbox.priorities - 1,
          settled: member.settled,
          safeguard: care.safeguardOf(member),
          ...init
        },
        config: options.worker,
        index: place,
        startMillis: options.startTimeout,
        shutdownMillis: options.shutdownTimeout
      })
      return Effect.catchIf(started, isMismatch, ({ detail }) =>
        Effect.fail(
          new InvalidConfig({
            option: `contract ${contract.workerName}: ${detail}`,
            value: member.id,
            allowed: "the same schemas where the pool is made and in the worker's module"
          })
        )
      )
    }
  }
  const all: Array<Member> = []
  const background = (effect: Effect.Effect<void>) => void Fiber.runIn(Effect.runFork(effect), lives)
  // What fails from here on leaves nothing behind; closing twice is harmless.
  yield* Scope.addFinalizer(
    scope,
    Effect.andThen(
      Effect.sync(() => {
        for (const member of all) member.mailbox.close()
        for (const lane of signals.values()) lane.close()
        pending.close()
      }),
      Scope.close(lives, Exit.void)
    )
  )
  yield* leave(
    allocate(memoryOf("as much as there is memory for"), () => {
      while (all.length < places) {
        const id = `${name}/${all.length}`
        const member = new Member(id, wire, { ...mailbox, name: id }, hooks)
        all.push(member)
        if (wire.streams) signals.set(member, new SignalLane(`${id}: signals`, background))
      }
    })
  )
  const placement = yield* leave(
    Effect.mapError(
      Placement.make(partitioner, options.keyGroups, options.clients, all, size),
      ({ allowed, option, value }) =>
        new InvalidConfig({
          option: option === "groups" ? "WorkerPool.keyGroups" : `WorkerPool.partitioner.${option}`,
          value,
          allowed
        })
    )
  )
  if (decisions.groupBreaker?.whileOpen === "failover" && !placement.grouped) {
    return yield* leave(
      Effect.fail(
        new InvalidConfig({
          option: "Supervision.circuitBreaker.whileOpen",
          value: "failover",
          allowed: `wait or fail, for key groups by ${placement.assignment.partitioner}: it does not place keys by their hash alone`
        })
      )
    )
  }
  const events = yield* EventLog.make
  const letters = yield* DeadLetters.make(decisions.deadLetters ?? 1024)
  const kindOf = (breaker: Breaker | undefined) =>
    breaker === undefined
      ? Effect.undefined
      : Effect.map(Scope.provide(Circuits.make(breaker, events), scope), (circuits) => ({ ...breaker, circuits }))
  const breaking = new Breaking(
    yield* kindOf(decisions.breaker),
    yield* kindOf(decisions.groupBreaker),
    options.keyGroups,
    placement.refusals,
    {
      placeOf: (group) => placement.placeOf(group),
      homeOf: (group) => placement.homeOf(group),
      away: (member, group, mayHave) => pool.detours.away(member, group, mayHave),
      home: (member, group, from) => pool.detours.home(member, group, from)
    },
    lives
  )
  const care: Care = new Care(decisions, any, events, letters, lives, breaking, {
    members: () => placement.members,
    failover: (member) => pool.failover.away(member),
    failback: (member) => pool.failover.back(member),
    recycle: (member) => Effect.orElseSucceed(pool.renew(member), () => false),
    reroute: (request) => pool.reroute(request),
    handBack: (member, handed) => pool.handBack(member, handed),
    onGiveUp: (member, error) => pool.ending.onGiveUp(member, error),
    onEscalate: (error) => pool.ending.onEscalate(error)
  })
  const pool = new PoolRuntime(name, workers.isolation, any, options, all, placement, pending, wire, care, lives, {
    outputs,
    signals
  })
  pending.onReport = (place, status, reader) => care.reports.take(all[place], status, reader)
  pending.onStray = (place, id) => signals.get(all[place])?.left(id)
  yield* Effect.forkIn(pending.run, scope)
  // Last, so first to run: the fiber above must see the drain through.
  yield* Scope.addFinalizer(scope, Effect.andThen(pool.close, Scope.close(lives, Exit.void)))
  yield* Effect.forEach(placement.members, (member) => member.start, { concurrency: "unbounded", discard: true }).pipe(
    Effect.catchTag(["WorkerAlreadyRunning", "WorkerNotRunning"], Effect.die),
    leave
  )
  spares.refill()
  yield* Tree.grow(pool.describe)
  return pool as unknown as WorkerPool<M, Requests, Output>
})
