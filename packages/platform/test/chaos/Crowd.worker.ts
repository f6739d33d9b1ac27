/** Keeps the book of several keys at once, and ends after it has waited a little. */
import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import { Book, type Page } from "./Book.ts"

type Pages = Map<string, typeof Page.Type>

const note = (pages: Pages, key: string, id: number): void => {
  const { handled, lost, next, repeated } = pages.get(key) ?? { next: 0, handled: 0, lost: 0, repeated: 0 }
  pages.set(key, {
    key,
    next: Math.max(next, id + 1),
    handled: handled + 1,
    lost: lost + Math.max(0, id - next),
    repeated: repeated + (id < next ? 1 : 0)
  })
}

Book.toLayer({
  init: Effect.sync((): Pages => new Map()),
  concurrency: 8,
  handle: (pages, { act, id, key }) =>
    Effect.andThen(
      Effect.sleep("5 millis"),
      Effect.sync(() => {
        if (act === "exit") process.exit(3)
        if (act === "reject") void Promise.reject(new RangeError(`rejected by ${key}/${id}`))
        else note(pages, key, id)
      }).pipe(act === "reject" ? Effect.andThen(Effect.never) : (effect) => effect)
    ),
  Pages: (pages) => [...pages.values()],
  Echo: (_, { n }) => n,
  snapshot: (pages, owns) => [...pages.values()].filter(({ key }) => owns(key)),
  restore: (pages, saved) => {
    for (const page of saved) pages.set(page.key, page)
  },
  forget: (pages, owns) => {
    for (const key of pages.keys()) if (owns(key)) pages.delete(key)
  }
}).pipe(NodeWorkerEntry.launch)
