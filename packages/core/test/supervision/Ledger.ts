/** A worker that keeps an exact account of what it was sent, and fails when told to. */
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Worker from "../../src/worker/Worker.ts"

export const Entry = Schema.Struct({
  key: Schema.String,
  id: Schema.Int,
  act: Schema.optionalKey(Schema.Literals(["throw", "fail", "late", "hang", "stubborn", "slow", "patient"])),
  /** Whether nobody fails of it but the worker that has it first. */
  here: Schema.optionalKey(Schema.Boolean)
})

const Account = Schema.Struct({ key: Schema.String, count: Schema.Int, last: Schema.Int, disorders: Schema.Int })

const definition = {
  message: Entry,
  requests: [
    Rpc.make("Account", { payload: { key: Schema.String }, success: Account }),
    Rpc.make("Break", { success: Schema.Void }),
    Rpc.make("Wait", { payload: { millis: Schema.Number }, success: Schema.Void })
  ],
  key: (entry: typeof Entry.Type) => entry.key
} as const

/** What goes on outside the workers: tries that are allowed to succeed, by key and id. */
export const world = {
  allowed: new Set<string>(),
  tries: new Map<string, number>(),
  firsts: new Map<string, object>(),
  inits: 0,
  /** How often state left a worker. */
  departures: 0,
  /** How often a worker that has given state away dies as it saves what is left. */
  unsaved: 0,
  reset() {
    this.allowed.clear()
    this.tries.clear()
    this.firsts.clear()
    this.inits = 0
    this.departures = 0
    this.unsaved = 0
  }
}

const nameOf = (entry: typeof Entry.Type): string => `${entry.key}/${entry.id}`

type State = Map<string, typeof Account.Type>

const apply = (state: State, { id, key }: typeof Entry.Type): void => {
  const account = state.get(key) ?? { key, count: 0, last: -1, disorders: 0 }
  state.set(key, {
    key,
    count: account.count + 1,
    last: id,
    disorders: account.disorders + (id > account.last ? 0 : 1)
  })
}

const isSpared = (name: string, { here }: typeof Entry.Type, worker: object): boolean => {
  if (here !== true) return world.allowed.has(name)
  if (!world.firsts.has(name)) world.firsts.set(name, worker)
  return world.firsts.get(name) !== worker
}

/** @param worker the state of the worker, where `state` is not that */
const handle = (state: State, entry: typeof Entry.Type, worker: object = state): void | Effect.Effect<void, string> => {
  const name = nameOf(entry)
  const tries = (world.tries.get(name) ?? 0) + 1
  world.tries.set(name, tries)
  if (entry.act !== undefined && !isSpared(name, entry, worker)) {
    switch (entry.act) {
      case "throw":
        throw new RangeError(`told to by ${name}, try ${tries}`)
      case "fail":
        return Effect.fail(`told to by ${name}, try ${tries}`)
      case "late":
        return Effect.andThen(Effect.sleep("20 millis"), Effect.fail(`told to by ${name}, try ${tries}`))
      case "hang":
        return Effect.never
      case "stubborn":
        return Effect.uninterruptible(Effect.sleep("300 millis"))
      case "patient":
        return Effect.andThen(
          Effect.sleep("120 millis"),
          Effect.sync(() => apply(state, entry))
        )
      case "slow":
        return Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => apply(state, entry))
        )
    }
  }
  apply(state, entry)
}

const empty = (key: string): typeof Account.Type => ({ key, count: 0, last: -1, disorders: 0 })

const handlers = {
  init: Effect.sync((): State => {
    world.inits += 1
    return new Map()
  }),
  handle: (state: State, entry: typeof Entry.Type) => handle(state, entry),
  Account: (state: State, { key }: { readonly key: string }) => state.get(key) ?? empty(key),
  Wait: (_: State, { millis }: { readonly millis: number }) => Effect.sleep(millis),
  Break: () => {
    throw new TypeError("broken on request")
  }
}

/** Without `state`: what it counted is gone with it. */
export class Forgetful extends Worker.Service<Forgetful>()("Forgetful", definition) {}

export const forgetful = Forgetful.toLayer(handlers)

export class Ledger extends Worker.Service<Ledger>()("Ledger", { ...definition, state: Schema.Array(Account) }) {}

const stateHandlers = {
  snapshot: (state: State, owns: (key: string) => boolean) => {
    if (world.departures > 0 && world.unsaved > 0) {
      world.unsaved -= 1
      throw new Error("it cannot be saved")
    }
    return [...state.values()].filter(({ key }) => owns(key))
  },
  restore: (state: State, accounts: ReadonlyArray<typeof Account.Type>) => {
    for (const account of accounts) state.set(account.key, account)
  },
  forget: (state: State, owns: (key: string) => boolean) => {
    world.departures += 1
    for (const key of state.keys()) if (owns(key)) state.delete(key)
  }
}

export const ledger = Ledger.toLayer({ ...handlers, ...stateHandlers })

export class Crowd extends Worker.Service<Crowd>()("Crowd", { ...definition, state: Schema.Array(Account) }) {}

/** Handles several keys at once. */
export const crowd = Crowd.toLayer({ ...handlers, ...stateHandlers, concurrency: 8 })

export class Batches extends Worker.Service<Batches>()("Batches", { ...definition, state: Schema.Array(Account) }) {}

export const batches = Batches.toLayer({
  ...handlers,
  ...stateHandlers,
  /** All or nothing: what one of them would fail of, none of them has an effect of. */
  handleBatch: (state: State, entries: ReadonlyArray<typeof Entry.Type>): ReturnType<typeof handle> => {
    for (const entry of entries) {
      const result = handle(new Map(), entry, state)
      if (result !== undefined) return result
    }
    for (const entry of entries) apply(state, entry)
  }
})
