/**
 * State by key, with a time to live and a bound on the number of keys. Keys are kept in the order
 * of their last use, which is the insertion order of a `Map` whose entries are put back when used;
 * so both what is too old and what is too much is at its beginning.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface StoreOptions<K, S> {
  /** Milliseconds of event time, or of processing time if there is none, after which an unused key is dropped. */
  readonly ttl?: number | undefined
  /** Most keys; the one unused for longest makes place. */
  readonly maxKeys?: number | undefined
  /** Told what is dropped. */
  readonly onEvict?: ((key: K, state: S) => void) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Entry<S> {
  state: S
  usedAt: number
}

/**
 * What a store has, as plain data if its states are.
 *
 * @category models
 * @since 0.1.0
 */
export type Entries<K, S> = ReadonlyMap<K, { readonly state: S; readonly usedAt: number }>

/**
 * @category models
 * @since 0.1.0
 */
export class Store<K, S> {
  private readonly entries = new Map<K, Entry<S>>()
  private readonly ttl: number
  private readonly maxKeys: number
  private readonly onEvict: ((key: K, state: S) => void) | undefined
  private readonly ordered: boolean

  constructor(options: StoreOptions<K, S> = {}) {
    this.ttl = options.ttl ?? Infinity
    this.maxKeys = options.maxKeys ?? Infinity
    this.onEvict = options.onEvict
    // Without a bound nobody asks for the order of use, and keeping it costs two Map operations a message.
    this.ordered = this.ttl < Infinity || this.maxKeys < Infinity
  }

  get size(): number {
    return this.entries.size
  }

  /** Whether the age of an entry matters: what is given as `now` does not otherwise. */
  get ages(): boolean {
    return this.ttl < Infinity
  }

  get(key: K, now: number): S | undefined {
    return this.entry(key, now)?.state
  }

  /** The entry of a key, for `use`; undefined if it has none, or is too old. */
  entry(key: K, now: number): Entry<S> | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined || now - entry.usedAt < this.ttl) return entry
    this.drop(key, entry)
    return undefined
  }

  set(key: K, state: S, now: number): void {
    const entry = this.entries.get(key)
    if (entry !== undefined) return this.use(key, entry, state, now)
    this.entries.set(key, { state, usedAt: now })
    if (this.entries.size > this.maxKeys) this.dropOldest()
  }

  /** As `set`, for an entry that was just found. */
  use(key: K, entry: Entry<S>, state: S, now: number): void {
    entry.state = state
    if (!this.ordered) return
    if (now > entry.usedAt) entry.usedAt = now
    this.entries.delete(key)
    this.entries.set(key, entry)
  }

  delete(key: K): void {
    this.entries.delete(key)
  }

  clear(): void {
    this.entries.clear()
  }

  /** Drops every key that was not used since `now - ttl`. */
  expire(now: number): void {
    if (this.ttl === Infinity) return
    for (const [key, entry] of this.entries) {
      if (now - entry.usedAt < this.ttl) return
      this.drop(key, entry)
    }
  }

  /** All entries, those unused for longest first. */
  snapshot(): Entries<K, S> {
    return this.entries
  }

  restore(entries: Entries<K, S>): void {
    for (const [key, { state, usedAt }] of entries) this.entries.set(key, { state, usedAt })
  }

  *[Symbol.iterator](): Generator<[K, S]> {
    for (const [key, { state }] of this.entries) yield [key, state]
  }

  private dropOldest(): void {
    for (const [key, entry] of this.entries) return this.drop(key, entry)
  }

  private drop(key: K, entry: Entry<S>): void {
    this.entries.delete(key)
    this.onEvict?.(key, entry.state)
  }
}
