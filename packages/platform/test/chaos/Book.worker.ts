import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import { Book, type Page } from "./Book.ts"

interface State {
  readonly pages: Map<string, { -readonly [Field in keyof typeof Page.Type]: (typeof Page.Type)[Field] }>
  readonly slowMicros: number
}

const spin = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end) {}
}

/** Six ways to ask for more memory than there is. */
const exhaust = (shape: string): void => {
  const kept: Array<unknown> = []
  switch (shape) {
    case "grow":
      for (;;) kept.push(kept.length, {})
    case "strings":
      for (let i = 0; ; i++) kept.push(`${i}`.repeat(10_000))
    case "maps":
      for (let i = 0; ; i++) kept.push(new Map([[i, { i }]]))
    case "buffers":
      for (;;) kept.push(new Uint8Array(16_777_216).fill(1))
    case "nest":
      for (let inner: unknown = {}; ;) inner = { inner, more: [inner] }
    case "closures":
      for (let i = 0; ; i++) {
        const big = new Array(1000).fill(i)
        kept.push(() => big)
      }
  }
}

Book.toLayer({
  init: ({ broken, slowMicros }) =>
    broken === "init"
      ? Effect.fail(new Error("told not to start"))
      : Effect.sync((): State => ({ pages: new Map(), slowMicros: slowMicros ?? 0 })),
  handle: ({ pages, slowMicros }, { act, id, key }): void | Effect.Effect<void, Error> => {
    switch (act) {
      case "exit":
        process.exit(3)
      case "throw":
        throw new RangeError(`told to by ${key}/${id}`)
      case "reject":
        Promise.reject(new RangeError(`rejected by ${key}/${id}`))
        return Effect.never
      case "spin":
        for (;;) {}
      case "fail":
        return Effect.fail(new Error(`failed by ${key}/${id}`))
      case undefined:
        break
      default:
        exhaust(act)
    }
    if (slowMicros > 0) spin(slowMicros / 1000)
    let page = pages.get(key)
    if (page === undefined) pages.set(key, (page = { key, next: 0, handled: 0, lost: 0, repeated: 0 }))
    page.handled += 1
    if (id < page.next) page.repeated += 1
    else {
      page.lost += id - page.next
      page.next = id + 1
    }
  },
  Pages: ({ pages }) => [...pages.values()],
  Echo: (_, { n }) => n,
  snapshot: ({ pages }, owns) => [...pages.values()].filter(({ key }) => owns(key)),
  restore: ({ pages }, saved) => {
    for (const page of saved) pages.set(page.key, { ...page })
  },
  forget: ({ pages }, owns) => {
    for (const key of pages.keys()) if (owns(key)) pages.delete(key)
  }
}).pipe(NodeWorkerEntry.launch)
