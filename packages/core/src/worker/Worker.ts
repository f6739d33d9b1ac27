/**
 * The contract of a worker: what it is sent, what it answers, and by which key. Both sides import
 * it; the implementation is a Layer made by `toLayer`, in the module that a backend starts.
 *
 * Nothing here knows where a worker runs: the same contract and implementation serve the fiber,
 * thread and process backends.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { Input } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"
import type { Stream } from "effect/Stream"
import type { Emit } from "./Emit.ts"

export type { Emit } from "./Emit.ts"

/**
 * What a key may be: what a partitioner hashes.
 *
 * @category models
 * @since 0.1.0
 */
export type Key = string | number | bigint

/**
 * The contract as a value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Contract<
  out Name extends string,
  in out M,
  out Requests extends Rpc.Any,
  in out Init,
  in out Snapshot,
  in out Output = never
> {
  readonly workerName: Name
  readonly message: Schema.Codec<M, unknown>
  readonly requests: ReadonlyArray<Requests>
  readonly initData: Schema.Codec<Init, unknown>
  /** What of a worker's state can leave it; undefined if nothing can. */
  readonly state: Schema.Codec<Snapshot, unknown> | undefined
  /** What its handlers emit; undefined if they emit nothing. */
  readonly output: Schema.Codec<Output, unknown> | undefined
  readonly key: (message: M) => Key
}

/**
 * Any contract, where its types do not matter.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyContract = Contract<string, unknown, Rpc.Any, unknown, unknown, unknown>

/**
 * What a plain handler or an effectful one may return.
 */
type Result<A, E, R> = A | Effect.Effect<A, E, R>

/**
 * The answer to a request: its success, an Effect of it, or for a streaming request a Stream.
 */
type Answer<Request extends Rpc.Any, R> =
  Rpc.Success<Request> extends Stream<infer A, infer E, infer _>
    ? Stream<A, E | Rpc.Error<Request>, R>
    : Result<Rpc.Success<Request>, Rpc.Error<Request>, R>

/**
 * One handler for each request, by its tag.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestHandlers<State, Requests extends Rpc.Any, R, Output = never> = {
  readonly [Request in Requests as Request["_tag"]]: (
    state: State,
    payload: Rpc.Payload<Request>,
    emit: Emit<Output>
  ) => Answer<Request, R>
}

/**
 * How state leaves a worker and comes back: for a move of key groups to another worker, and for a
 * successor after a panic.
 *
 * @category models
 * @since 0.1.0
 */
export interface StateHandlers<in State, in out Snapshot> {
  /** A copy of the state of the keys that `owns` is true for. Called between two messages. */
  readonly snapshot: (state: State, owns: (key: Key) => boolean) => Snapshot
  /** Adds what `snapshot` gave, perhaps in another worker. Its keys are new to this state. */
  readonly restore: (state: State, snapshot: Snapshot) => void
  /** Forgets the keys that `owns` is true for: they live elsewhere now. */
  readonly forget: (state: State, owns: (key: Key) => boolean) => void
}

/**
 * What a worker does. Handlers are plain functions or return Effects.
 *
 * Messages and requests are handled in the order they came; one at a time unless `concurrency`
 * says otherwise, and then still one at a time for each key.
 *
 * A handler that throws, or an Effect that fails, panics the worker; only a request's own declared
 * error goes back to who asked.
 *
 * Each is given `emit` last, for the outputs that the contract declares.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handlers<in out State, in M, in Init, out RI, out RH, out RT, out RS, out Output = never> {
  /** Makes the state. May acquire resources: they are released after `shutdown`. */
  readonly init: Effect.Effect<State, unknown, RI> | ((data: Init) => Effect.Effect<State, unknown, RI>)
  /** Handles one message. */
  readonly handle?: ((state: State, message: M, emit: Emit<Output>) => Result<void, unknown, RH>) | undefined
  /** Handles many messages at once; used instead of `handle` if both are given. */
  readonly handleBatch?:
    | ((state: State, messages: ReadonlyArray<M>, emit: Emit<Output>) => Result<void, unknown, RH>)
    | undefined
  /** Most messages of a batch; default 256. */
  readonly batchSize?: number | undefined
  /** How long an incomplete batch waits for more messages; by default it does not. */
  readonly batchWithin?: Input | undefined
  /** Most Effects of `handle` and of requests that run at once, each of another key; default 1. */
  readonly concurrency?: number | undefined
  /** Runs between messages, every so often. */
  readonly tick?:
    | {
        readonly every: Input
        readonly run: (state: State, emit: Emit<Output>) => Result<void, unknown, RT>
      }
    | undefined
  /** Runs once, after the last message. */
  readonly shutdown?: ((state: State, emit: Emit<Output>) => Result<void, unknown, RS>) | undefined
}

/**
 * An implementation, its dependencies provided: what a backend runs. `Self` is the contract's class.
 *
 * @category models
 * @since 0.1.0
 */
export interface Implementation<in out Self> {
  readonly "~implementation": (_: Self) => Self
}

/**
 * An implementation as the runtime sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyImplementation {
  readonly contract: AnyContract
  readonly handlers: Handlers<unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown> &
    Partial<StateHandlers<unknown, unknown>>
  readonly requests: Readonly<Record<string, (state: unknown, payload: unknown, emit: Emit<unknown>) => unknown>>
  readonly context: Context.Context<never>
}

/**
 * The contracts that modules of this thread implement.
 *
 * @category models
 * @since 0.1.0
 */
export const implemented = new Set<AnyContract>()

const ImplementationKey: Context.Service<Implementation<unknown>, AnyImplementation> = Context.Service(
  "shared-nothing/worker/Implementation"
)

/**
 * The implementation in a context that `toLayer` provided.
 *
 * @category accessors
 * @since 0.1.0
 */
export const implementation: Effect.Effect<AnyImplementation, never, Implementation<unknown>> = ImplementationKey

/**
 * A contract's class.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceClass<
  Self,
  Name extends string,
  M,
  Requests extends Rpc.Any,
  Init,
  Snapshot,
  Output = never
> extends Contract<Name, M, Requests, Init, Snapshot, Output> {
  new (_: never): {}
  /**
   * The implementation as a Layer. What its Effects need beyond a `Scope` is the Layer's own
   * requirement, to be provided where the worker starts. A contract with `state` asks for
   * `snapshot`, `restore` and `forget` too.
   */
  toLayer<State, RI = never, RH = never, RT = never, RS = never, RR = never>(
    handlers: Handlers<State, M, Init, RI, RH, RT, RS, Output> &
      RequestHandlers<State, Requests, RR, Output> &
      ([Snapshot] extends [never] ? {} : StateHandlers<State, Snapshot>)
  ): Layer.Layer<Implementation<Self>, never, Exclude<RI | RH | RT | RS | RR, Scope>>
}

/**
 * Declares a worker's contract:
 *
 * ```ts
 * class Tally extends Worker.Service<Tally>()("Tally", {
 *   message: Schema.Struct({ word: Schema.String, count: Schema.Int }),
 *   requests: [Rpc.make("Top", { payload: { n: Schema.Int }, success: Schema.Array(Entry) })],
 *   key: (message) => message.word
 * }) {}
 * ```
 *
 * The name identifies the worker to its backend; `key` places a message and is the unit of order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Service =
  <Self>() =>
  <
    const Name extends string,
    M,
    const Requests extends ReadonlyArray<Rpc.Any> = readonly [],
    Init = void,
    Snapshot = never,
    Output = never
  >(
    name: Name,
    definition: {
      readonly message: Schema.Codec<M, unknown>
      readonly requests?: Requests | undefined
      /** What `init` is given, the same for each worker of a pool. */
      readonly initData?: Schema.Codec<Init, unknown> | undefined
      /** What of a worker's state can move to another worker, or be restored after a panic. */
      readonly state?: Schema.Codec<Snapshot, unknown> | undefined
      /** What its handlers emit, for whoever reads the pool's `outputs`. */
      readonly output?: Schema.Codec<Output, unknown> | undefined
      readonly key: (message: NoInfer<M>) => Key
    }
  ): ServiceClass<Self, Name, M, Requests[number], Init, Snapshot, Output> => {
    // A class, so that a contract is declared by extending it, and is the type of itself.
    // oxlint-disable-next-line typescript/no-extraneous-class
    class Service {
      static readonly workerName = name
      static readonly message = definition.message
      static readonly requests = definition.requests ?? []
      static readonly initData = definition.initData ?? Schema.Void
      static readonly state = definition.state
      static readonly output = definition.output
      static readonly key = definition.key
      static toLayer(handlers: Record<string, unknown> | undefined) {
        const contract = this as unknown as AnyContract
        implemented.add(contract)
        // What is no object has no handlers: a life that is to begin with it is refused by name.
        const requests = Object.fromEntries(contract.requests.map(({ _tag }) => [_tag, handlers?.[_tag]]))
        return Layer.effect(
          ImplementationKey,
          Effect.map(Effect.context<never>(), (context) => ({
            contract,
            handlers: handlers as unknown as AnyImplementation["handlers"],
            requests: requests as AnyImplementation["requests"],
            context
          }))
        )
      }
    }
    return Service as unknown as ServiceClass<Self, Name, M, Requests[number], Init, Snapshot, Output>
  }
