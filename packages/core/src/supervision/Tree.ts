/**
 * Who stands under whom: what is made within a program of a supervisor is printed below it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * What is made within one program, by its description.
 *
 * @category models
 * @since 0.1.0
 */
export type Branch = Set<Effect.Effect<string>>

/**
 * The program that runs; undefined outside of any.
 *
 * @category services
 * @since 0.1.0
 */
export const Branch: Context.Reference<Branch | undefined> = Context.Reference<Branch | undefined>(
  "shared-nothing/supervision/Branch",
  { defaultValue: () => undefined }
)

/**
 * Has whoever supervises the current program print `description`, until the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const grow = (description: Effect.Effect<string>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(Branch, (branch) =>
    branch === undefined
      ? Effect.void
      : Effect.acquireRelease(
          Effect.sync(() => void branch.add(description)),
          () => Effect.sync(() => branch.delete(description))
        )
  )

/**
 * What grows on a branch, indented.
 *
 * @category converting
 * @since 0.1.0
 */
export const print = (branch: Branch): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(Effect.all(branch), (descriptions) =>
    descriptions.flatMap((description) => description.split("\n").map((line) => `    ${line}`))
  )
