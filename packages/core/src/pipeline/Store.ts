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

interface Entry<S> {
  state: S
  usedAt: number
}

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

  get(key: K, now: number): S | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    if (now - entry.usedAt >= this.ttl) {
      this.drop(key, entry)
      return undefined
    }
    return entry.state
  }

  set(key: K, state: S, now: number): void {
    const entry = this.entries.get(key)
    if (entry === undefined) {
      this.entries.set(key, { state, usedAt: now })
      if (this.entries.size > this.maxKeys) this.dropOldest()
      return
    }
    entry.state = state
    if (!this.ordered) return
    if (now > entry.usedAt) entry.usedAt = now
    this.entries.delete(key)
    this.entries.set(key, entry)
  }

  delete(key: K): void {
    this.entries.delete(key)
  }

  /** Drops every key that was not used since `now - ttl`. */
  expire(now: number): void {
    if (this.ttl === Infinity) return
    for (const [key, entry] of this.entries) {
      if (now - entry.usedAt < this.ttl) return
      this.drop(key, entry)
    }
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
