import { existsSync } from "node:fs"
import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import { Book, type Page } from "./Book.ts"

interface State {
  readonly pages: Map<string, { -readonly [Field in keyof typeof Page.Type]: (typeof Page.Type)[Field] }>
  readonly slowMicros: number
  /** What it keeps and no snapshot has: a leak. */
  readonly hoard: Array<unknown>
}

const megabyte = 1_048_576

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
  init: ({ broken, brokenBy, slowMicros }) =>
    broken === "init" || (brokenBy !== undefined && existsSync(brokenBy))
      ? Effect.fail("told not to start")
      : Effect.sync((): State => ({ pages: new Map(), slowMicros: slowMicros ?? 0, hoard: [] })),
  handle: ({ hoard, pages, slowMicros }, { act, id, key, until = 0 }): void | Effect.Effect<void, string> => {
    switch (act) {
      case "exit":
        process.exit(3)
      case "throw":
        throw new RangeError(`told to by ${key}/${id}`)
      case "reject":
        Promise.reject(new RangeError(`rejected by ${key}/${id}`))
        return Effect.never
      case "crash":
        // As native code does.
        process.kill(process.pid, "SIGSEGV")
        for (;;) {}
      case "abort":
        process.abort()
      case "kill":
        process.kill(process.pid, "SIGKILL")
        for (;;) {}
      case "freeze":
        // All of it stands still, whatever its threads watch.
        process.kill(process.pid, "SIGSTOP")
        return Effect.never
      case "spin":
        for (;;) {}
      case "fail":
        return Effect.fail(`failed by ${key}/${id}`)
      case "flaky":
        if (Date.now() < until) throw new RangeError(`too early for ${key}/${id}`)
        break
      case "hoard":
        hoard.push(Array.from({ length: 20_000 }, (_, i) => ({ id, i })))
        break
      case "buffer":
        hoard.push(new Uint8Array(megabyte).fill(1))
        break
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
