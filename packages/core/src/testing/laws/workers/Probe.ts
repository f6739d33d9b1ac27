/**
 * The workers that the laws are run with: each keeps a book of what it handled, and notes at once
 * what came out of order, twice, or after something that never came.
 *
 * The book of a key travels with the key when it moves, faults too, so what a worker saw is known
 * wherever its keys are now.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { PoolHandle } from "../../../pool/PoolHandle.ts"
import * as PoolClient from "../../../pool/PoolClient.ts"
import * as Worker from "../../../worker/Worker.ts"

/**
 * What travels: message number `sequence` of sender `from` for a key, and what to do with it beyond
 * noting it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Parcel = Schema.Struct({
  key: Schema.String,
  from: Schema.Int,
  sequence: Schema.Int,
  /** `wait` until another message opens the gate; `yield` to others first; `panic`; `spin` for ever. */
  act: Schema.optionalKey(Schema.Literals(["wait", "open", "yield", "panic", "spin"])),
  note: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Parcel = typeof Parcel.Type

const Entry = Schema.Struct({
  key: Schema.String,
  /** For each sender, the number of its next message. */
  next: Schema.Array(Schema.Tuple([Schema.Int, Schema.Int])),
  /** How many messages were handled. */
  count: Schema.Int,
  faults: Schema.Array(Schema.String)
})

/**
 * The book of one key.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = typeof Entry.Type

/**
 * @category errors
 * @since 0.1.0
 */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

interface Page {
  count: number
  readonly next: Map<number, number>
  readonly faults: Array<string>
}

/** How much of the order of everything is remembered. */
const remembered = 4096

class Book {
  readonly pages = new Map<string, Page>()
  /** Everything, in the order it was handled. */
  readonly order: Array<string> = []
  readonly greeting: string
  readonly gate = Deferred.makeUnsafe<void>()
  running = 0
  most = 0
  ticks = 0
  readonly batches: Array<number> = []

  constructor(greeting = "") {
    this.greeting = greeting
  }

  note({ from, key, note, sequence }: Parcel): void {
    let page = this.pages.get(key)
    if (page === undefined) this.pages.set(key, (page = { count: 0, next: new Map(), faults: [] }))
    const expected = page.next.get(from) ?? 0
    if (sequence !== expected) page.faults.push(`${key}: message ${sequence} of sender ${from}, not ${expected}`)
    page.next.set(from, sequence + 1)
    page.count += 1
    if (this.order.length < remembered) this.order.push(note ?? `${key} ${from}.${sequence}`)
  }

  get entries(): ReadonlyArray<Entry> {
    return this.entriesOf(() => true)
  }

  entriesOf(owns: (key: string) => boolean): ReadonlyArray<Entry> {
    return Array.from(this.pages, ([key, page]) => ({ ...page, key, next: [...page.next] })).filter(({ key }) =>
      owns(key)
    )
  }

  add(entries: ReadonlyArray<Entry>): void {
    for (const { count, faults, key, next } of entries) {
      const known = this.pages.get(key)
      const all = known === undefined ? [...faults] : [...faults, ...known.faults, `${key}: its state came twice`]
      this.pages.set(key, { count, next: new Map(next), faults: all })
    }
  }

  forget(owns: (key: string) => boolean): void {
    for (const key of this.pages.keys()) if (owns(key)) this.pages.delete(key)
  }

  take(parcel: Parcel): Effect.Effect<void> | undefined {
    switch (parcel.act) {
      case "panic":
        throw new RangeError(`told to by ${parcel.key}`)
      case "spin":
        for (;;) {}
      case "wait":
        return Effect.map(Deferred.await(this.gate), () => this.note(parcel))
      case "yield":
        return Effect.map(Effect.yieldNow, () => this.note(parcel))
      case "open":
        Deferred.doneUnsafe(this.gate, Effect.void)
    }
    this.note(parcel)
    return undefined
  }
}

const Report = Rpc.make("Report", { success: Schema.Array(Entry) })
const Order = Rpc.make("Order", { success: Schema.Array(Schema.String) })

const reports = {
  Report: (book: Book) => book.entries,
  Order: (book: Book) => book.order
}

const moving = {
  snapshot: (book: Book, owns: (key: Worker.Key) => boolean) => book.entriesOf(owns),
  restore: (book: Book, entries: ReadonlyArray<Entry>) => book.add(entries),
  forget: (book: Book, owns: (key: Worker.Key) => boolean) => book.forget(owns)
}

const keyOf = (parcel: Parcel): string => {
  if (parcel.key === "") throw new TypeError("no key")
  return parcel.key
}

/**
 * Handles one message at a time, and answers in every way that there is.
 *
 * @category workers
 * @since 0.1.0
 */
export class Probe extends Worker.Service<Probe>()("Probe", {
  message: Parcel,
  initData: Schema.Struct({
    greeting: Schema.String,
    init: Schema.optionalKey(Schema.Literals(["fail", "throw", "never"])),
    shutdown: Schema.optionalKey(Schema.Literals(["throw"]))
  }),
  state: Schema.Array(Entry),
  requests: [
    Report,
    Order,
    Rpc.make("Greeting", { success: Schema.String }),
    Rpc.make("Echo", { payload: { value: Schema.String }, success: Schema.String, error: Refused }),
    Rpc.make("Numbers", { payload: { count: Schema.Int }, success: Schema.Int, error: Refused, stream: true }),
    Rpc.make("Misfit", { success: Schema.Int }),
    Rpc.make("Break", { payload: { how: Schema.Literals(["throw", "fail", "die"]) } }),
    Rpc.make("Never"),
    Rpc.make("Spin")
  ],
  key: keyOf
}) {}

const broken: Record<string, () => Effect.Effect<void>> = {
  throw: () => {
    throw new TypeError("broken on request")
  },
  // What no type would allow: an error that the request does not declare.
  fail: () => Effect.fail(new Refused({ why: "undeclared" })) as unknown as Effect.Effect<void>,
  die: () => Effect.die(new TypeError("broken on request"))
}

/**
 * @category workers
 * @since 0.1.0
 */
export const probe = Probe.toLayer({
  init: ({ greeting, init, shutdown }) => {
    if (init === "throw") throw new TypeError("thrown in init")
    if (init === "fail") return Effect.fail(new Refused({ why: "failed in init" }))
    return Effect.as(init === "never" ? Effect.never : Effect.void, { book: new Book(greeting), shutdown })
  },
  handle: ({ book }, parcel) => book.take(parcel),
  shutdown: ({ shutdown }) => {
    if (shutdown === "throw") throw new TypeError("thrown in shutdown")
  },
  Report: ({ book }) => book.entries,
  Order: ({ book }) => book.order,
  Greeting: ({ book }) => book.greeting,
  Echo: (_, { value }) =>
    Effect.andThen(
      Effect.yieldNow,
      value === "no" ? Effect.fail(new Refused({ why: "no is no answer" })) : Effect.succeed(value)
    ),
  Numbers: (_, { count }) =>
    count < 0 ? Stream.fail(new Refused({ why: "less than nothing" })) : Stream.take(Stream.range(0, 2 ** 30), count),
  Misfit: () => "seven" as unknown as number,
  Break: (_, { how }) => broken[how](),
  Never: () => Effect.never,
  Spin: () => {
    for (;;) {}
  },
  snapshot: ({ book }, owns) => book.entriesOf(owns),
  restore: ({ book }, entries) => book.add(entries),
  forget: ({ book }, owns) => book.forget(owns)
})

/**
 * Handles up to 16 messages at a time, ticks, and keeps a journal of its life in another pool.
 *
 * @category workers
 * @since 0.1.0
 */
export class Batcher extends Worker.Service<Batcher>()("Batcher", {
  message: Parcel,
  initData: Schema.Struct({ journal: Schema.optionalKey(PoolHandle<Parcel>()) }),
  requests: [
    Report,
    Order,
    Rpc.make("Batches", { success: Schema.Array(Schema.Int) }),
    Rpc.make("Ticks", { success: Schema.Int })
  ],
  key: keyOf
}) {}

/**
 * @category workers
 * @since 0.1.0
 */
export const batcher = Batcher.toLayer({
  init: ({ journal }) =>
    Effect.gen(function* () {
      const client = journal === undefined ? undefined : yield* PoolClient.connect(Probe, journal)
      let sequence = 0
      const write = (note: string) =>
        client === undefined
          ? Effect.void
          : Effect.orDie(client.send({ key: "journal", from: 0, sequence: sequence++, note }))
      yield* Effect.addFinalizer(() => write("released"))
      yield* write("init")
      return { book: new Book(), write }
    }),
  handleBatch: ({ book, write }, parcels) => {
    book.batches.push(parcels.length)
    for (const parcel of parcels) book.note(parcel)
    return write(`batch of ${parcels.length}`)
  },
  batchSize: 16,
  tick: {
    every: "2 millis",
    run: ({ book }) => {
      book.ticks += 1
    }
  },
  shutdown: ({ book, write }) => write(`shutdown after ${book.batches.reduce((sum, size) => sum + size, 0)}`),
  Report: ({ book }) => reports.Report(book),
  Order: ({ book }) => reports.Order(book),
  Batches: ({ book }) => book.batches,
  Ticks: ({ book }) => book.ticks
})

/**
 * Waits for batches to fill, and runs requests of several keys at once.
 *
 * @category workers
 * @since 0.1.0
 */
export class Patient extends Worker.Service<Patient>()("Patient", {
  message: Parcel,
  requests: [Report, Rpc.make("Batches", { success: Schema.Array(Schema.Int) })],
  key: keyOf
}) {}

/**
 * @category workers
 * @since 0.1.0
 */
export const patient = Patient.toLayer({
  init: Effect.sync(() => new Book()),
  handleBatch: (book, parcels) => {
    book.batches.push(parcels.length)
    for (const parcel of parcels) book.note(parcel)
  },
  batchWithin: "300 millis",
  concurrency: 4,
  Report: reports.Report,
  Batches: (book) => book.batches
})

/**
 * Handles messages of up to four keys at once.
 *
 * @category workers
 * @since 0.1.0
 */
export class Crowd extends Worker.Service<Crowd>()("Crowd", {
  message: Parcel,
  state: Schema.Array(Entry),
  requests: [Report, Order, Rpc.make("Most", { success: Schema.Int })],
  key: keyOf
}) {}

/**
 * @category workers
 * @since 0.1.0
 */
export const crowd = Crowd.toLayer({
  init: Effect.sync(() => new Book()),
  handle: (book, parcel) => {
    const effect = book.take(parcel)
    if (effect === undefined) return undefined
    book.running += 1
    book.most = Math.max(book.most, book.running)
    return Effect.map(effect, () => {
      book.running -= 1
    })
  },
  concurrency: 4,
  ...reports,
  Most: (book) => book.most,
  ...moving
})

/**
 * Sends what it is sent on to another pool, by key.
 *
 * @category workers
 * @since 0.1.0
 */
export class Relay extends Worker.Service<Relay>()("Relay", {
  message: Parcel,
  initData: Schema.Struct({ to: PoolHandle<Parcel>() }),
  requests: [Rpc.make("Passed", { success: Schema.Int })],
  key: keyOf
}) {}

/**
 * @category workers
 * @since 0.1.0
 */
export const relay = Relay.toLayer({
  init: ({ to }) => Effect.map(PoolClient.connect(Probe, to), (client) => ({ client, passed: 0 })),
  handleBatch: (state, parcels) =>
    Effect.map(state.client.sendAll(parcels), () => {
      state.passed += parcels.length
    }),
  Passed: (state) => state.passed
})
