/**
 * Pipelines that other threads can find: by the module that defines them, their name, and the
 * arguments that they are made with. A thread makes the same graph again, and runs its part of it;
 * so nothing of a stage has to be sent anywhere, and stages may be closures.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "../codec/Codec.ts"
import { erase, type Fault, type Node, node } from "./Graph.ts"
import { make, type Pipeline, type PipelineError } from "./PipelineStream.ts"

/**
 * What threads look for among the exports of a module.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyDefinition {
  readonly "~pipeline": string
  /** The graph for encoded arguments, and what its last stage gives. */
  readonly graph: (args: Uint8Array) => { readonly node: Node; readonly output: string }
  readonly layer: Layer.Layer<never, unknown>
}

/**
 * A pipeline to be made: from a stream, and from arguments.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<in In, in Args, out Out, out E, out R, out Side> extends AnyDefinition {
  <E2, R2>(source: Stream.Stream<In, E2, R2>, args: Args): Pipeline<Out, E | E2 | PipelineError, R | R2, Side>
}

/** What a path such as `$.stages[3].name` leads to. */
const valueAt = (value: unknown, path: string): unknown =>
  (path.match(/[^.[\]]+/g) ?? [])
    .slice(1)
    .reduce((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], value)

/** The arguments in bytes, or why they cannot be. */
const encodeArgs = <Args>(name: string, schema: Schema.Codec<Args, unknown>, args: Args): Uint8Array | Fault => {
  try {
    return Codec.encode(Codec.make(schema), args)
  } catch (cause) {
    if (!(cause instanceof Codec.CodecError)) throw cause
    const { detail, path } = cause
    return { option: `${name}.args${path.slice(1)}`, value: valueAt(args, path), allowed: detail }
  }
}

/**
 * Defines a pipeline for threads. `build` is called in each of them, so it must make the same graph
 * whenever it is given the same arguments. `layer` provides what the stages need, in each worker.
 *
 * Arguments that do not fit their schema make a pipeline that fails with `InvalidConfig` when it is run; `build` is
 * not called with them. What `build` throws where the pipeline is made is thrown there.
 *
 * ```ts
 * export const delays = Pipeline.define("delays", {
 *   in: Schema.String,
 *   args: Schema.Struct({ parallelism: Schema.Int }),
 *   build: (lines, { parallelism }) => lines.pipe(Pipeline.via(Parse, { parallelism }))
 * })
 * // elsewhere
 * delays(lines, { parallelism: 2 }).pipe(Stream.runForEach(print), Effect.provide(threads))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const define = <In, Out, E, R, Side, Args = void, Provided = never>(
  name: string,
  options: {
    readonly in: Schema.Codec<In, unknown>
    /** What `build` is given besides the source; nothing if absent. */
    readonly args?: Schema.Codec<Args, unknown> | undefined
    readonly build: (source: Pipeline<In>, args: Args) => Pipeline<Out, E, R, Side>
    readonly layer?: Layer.Layer<Provided, unknown> | undefined
  }
): Definition<In, Args, Out, E, Exclude<R, Provided>, Side> => {
  const schema = options.args ?? (Schema.Void as unknown as Schema.Codec<Args, unknown>)
  const sourceOf = (stream: Stream.Stream<unknown, unknown, unknown>): Pipeline<In> =>
    make(node({ name: "stream", kind: "stream", output: erase(options.in), origin: { _tag: "Stream", stream } }))
  const definition = (source: Stream.Stream<In, unknown, unknown>, args: Args) => {
    const encoded = encodeArgs(name, schema, args)
    if (!(encoded instanceof Uint8Array)) return make(node({ name, kind: "none", faults: [encoded] }))
    const { node: root, output, route } = options.build(sourceOf(source), args)
    return make(root, { output, route }, { name, args: encoded, layer })
  }
  const layer = (options.layer ?? Layer.empty) as Layer.Layer<never, unknown>
  return Object.assign(definition, {
    "~pipeline": name,
    graph: (args: Uint8Array) => options.build(sourceOf(Stream.never), Codec.decode(Codec.make(schema), args)),
    layer
  })
}
