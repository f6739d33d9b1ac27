/**
 * Where the elements of a source's subtask come from.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { detailOf, PipelineFailed } from "../PipelineFailed.ts"
import { type Chain, nameOf } from "../plan/Plan.ts"
import { type Receive, receiveStream } from "./runSubtask.ts"

/**
 * What subtask `index` of a source receives: the whole of a stream, or every so many-th of the
 * splits, one after the other. The failure of a stream is its own; that of a split names the source.
 */
export const receiveSource = (
  chain: Chain,
  index: number,
  context: Context.Context<never>
): Effect.Effect<Receive<unknown>, never, Scope.Scope> => {
  const { origin } = chain.nodes[0]
  if (origin === undefined) return Effect.die(new Error(`${nameOf(chain)} has no input and is no source`))
  const stream =
    origin._tag === "Stream"
      ? origin.stream
      : Stream.mapError(
          Stream.unwrap(
            Effect.map(origin.splits, (splits) =>
              Stream.flatMap(
                Stream.fromIterable(splits.filter((_, at) => at % chain.parallelism === index)),
                origin.read
              )
            )
          ),
          (cause) => new PipelineFailed({ stage: chain.nodes[0].name, phase: "source", detail: detailOf(cause), cause })
        )
  return receiveStream(Stream.provideContext(stream as Stream.Stream<unknown, unknown>, context))
}
