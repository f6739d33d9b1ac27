/**
 * Stages that hold state by key. Their input must be keyed: `Pipeline.keyBy` comes before.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import type * as Schema from "effect/Schema"
import * as Codec from "../codec/Codec.ts"
import { millisOf } from "../errors/Options.ts"
import type { Aggregate } from "./Aggregate.ts"
import { atLeastOne, duration, longerThanNone, number } from "./checks.ts"
import { type AnySchema, erase, type Fault, type Node } from "./Graph.ts"
import { GlobalOperator } from "./operators/globalWindows.ts"
import { type ProcessContext, type ProcessHandlers, ProcessOperator } from "./operators/process.ts"
import { SessionOperator } from "./operators/sessionWindows.ts"
import { SlidingOperator } from "./operators/slidingWindows.ts"
import { HoppingOperator, type WindowFunctions } from "./operators/windows.ts"
import { type KeyedStage, stageNode, type StageOptions } from "./StageNode.ts"
import type { States } from "./State.ts"
import { describe, faultsOf, timeOf, type Window, type WindowBounds } from "./Window.ts"

export type { ProcessContext } from "./operators/process.ts"

const keyed = <In, K, Out, Side>(node: Node): KeyedStage<In, K, Out, never, Side> => ({ keyed: true, node })

type SchemasOf<Side> = { readonly [Name in keyof Side]: Schema.Codec<Side[Name], unknown> }

const eraseAll = (schemas: object | undefined): Record<string, AnySchema> =>
  Object.fromEntries(Object.entries(schemas ?? {}).map(([name, schema]) => [name, schema as AnySchema]))

interface Saving<S> {
  readonly save: ((state: S) => unknown) | undefined
  readonly load: (saved: unknown) => S
}

/** A state to bytes by its schema, and back. */
const savingOf = <S>(schema: Schema.Codec<S, unknown>): Saving<S> => {
  const codec = Codec.make(schema)
  return {
    save: (state) => Codec.encode(codec, state),
    load: (saved) => Codec.decode(codec, saved as Uint8Array)
  }
}

/**
 * A process with state of its own for each key. `handle` and `onTimer` give the next state;
 * `undefined` leaves the state as it is, so a mutable one may be changed in place.
 *
 * State that was not used for `ttl` is dropped, by event time where elements have one; `maxKeys`
 * bounds the keys of each subtask, and the one unused for longest makes place. `onEvict` is told.
 *
 * @category constructors
 * @since 0.1.0
 */
export const process = <In, Out, S, K extends string | number | bigint, Side = {}>(
  name: string,
  options: Omit<StageOptions<In, Out>, "retries"> & {
    readonly handle: (state: S, element: In, context: ProcessContext<K, Out, Side>) => S | void
    readonly onTimer?: ((state: S, context: ProcessContext<K, Out, Side>) => S | void) | undefined
    /** How the state that `init` makes is saved; absent, it must be plain data. */
    readonly snapshot?: Schema.Codec<S, unknown> | undefined
    readonly side?: SchemasOf<Side> | undefined
    readonly ttl?: DurationInput | undefined
    readonly maxKeys?: number | undefined
    readonly onEvict?: ((key: K, state: S) => void) | undefined
  } & (
      | { readonly init: (key: K) => S; readonly state?: undefined }
      /** Containers, instead of a state that `init` makes. */
      | { readonly state: States<S>; readonly init?: undefined }
    )
): KeyedStage<In, K, Out, never, Side> => {
  const { maxKeys, onEvict, state } = options
  const ttl = millisOf(options.ttl ?? Infinity)
  const faults: Array<Fault> = []
  let saving: Saving<S> = { save: state?.save, load: (state?.load as Saving<S>["load"]) ?? ((saved) => saved as S) }
  for (const fault of state?.faults ?? []) faults.push({ ...fault, option: `${name}.${fault.option}` })
  try {
    if (options.snapshot !== undefined) saving = savingOf(options.snapshot)
  } catch (cause) {
    if (!(cause instanceof Codec.CodecError)) throw cause
    faults.push({ option: `${name}.snapshot`, value: cause.path, allowed: cause.detail })
  }
  faults.push(...duration(`${name}.ttl`, options.ttl ?? Infinity, longerThanNone))
  faults.push(...number(`${name}.maxKeys`, maxKeys ?? Infinity, atLeastOne))
  // The graph holds processes of all types.
  const handlers = {
    init: options.init ?? state?.init,
    moment: state?.moment,
    handle: options.handle,
    onTimer: options.onTimer,
    ...saving
  } as unknown as ProcessHandlers
  const evict = onEvict as unknown as ((key: string | number | bigint, state: unknown) => void) | undefined
  return keyed(
    stageNode(
      name,
      "process",
      options,
      (context) => new ProcessOperator(context, handlers, { ttl, maxKeys, onEvict: evict }),
      // Timers have times of their own.
      { keyed: true, time: options.onTimer === undefined ? "keeps" : "gives", faults, sides: eraseAll(options.side) }
    )
  )
}

/**
 * An aggregate of each window of each key. Elements that come after their windows were closed go
 * to the side output `late`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const window = <In, Out, K extends string | number | bigint, Acc, Total>(
  name: string,
  options: Omit<StageOptions<In, Out>, "retries"> & {
    readonly window: Window
    readonly aggregate: Aggregate<In, Acc, Total>
    readonly result: (key: K, total: Total, bounds: WindowBounds) => Out
  }
): KeyedStage<In, K, Out, never, { readonly late: In }> => {
  const { aggregate } = options
  const functions = {
    init: aggregate.init,
    add: aggregate.add,
    merge: aggregate.merge,
    result: aggregate.result,
    emit: options.result,
    save: aggregate.save,
    load: aggregate.load ?? ((saved: unknown) => saved)
  } as unknown as WindowFunctions
  const { window } = options
  return keyed(
    stageNode(
      name,
      `window (${describe(window)})`,
      options,
      (context) => {
        switch (window._tag) {
          case "Hopping":
            return new HoppingOperator(context, window, functions)
          case "Session":
            return new SessionOperator(context, window, functions)
          case "Sliding":
            return new SlidingOperator(context, window.size, functions)
          case "Global":
            return new GlobalOperator(context, window, functions)
        }
      },
      { keyed: true, time: timeOf(window), faults: faultsOf(name, window), sides: { late: erase(options.in) } }
    )
  )
}
