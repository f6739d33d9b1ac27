/**
 * Values by keys, within the state of one key of a pipeline.
 *
 * @since 0.1.0
 */
import { type Entries, Store } from "../Store.ts"
import type { Container, Moment } from "./containers.ts"

/**
 * The entry that was set longest ago goes when there are too many, and each when it is too old.
 *
 * @category models
 * @since 0.1.0
 */
export class MapState<in out K, in out V> implements Container {
  private readonly store: Store<K, V>
  private readonly moment: Moment

  constructor(
    moment: Moment,
    options: {
      readonly ttl: number
      readonly max?: number | undefined
      readonly onEvict?: ((key: K, value: V) => void) | undefined
    }
  ) {
    this.moment = moment
    this.store = new Store({ ttl: options.ttl, maxKeys: options.max, onEvict: options.onEvict })
  }

  get(key: K): V | undefined {
    return this.store.get(key, this.moment.time)
  }

  has(key: K): boolean {
    return this.store.entry(key, this.moment.time) !== undefined
  }

  set(key: K, value: V): void {
    this.store.expire(this.moment.time)
    this.store.set(key, value, this.moment.time)
  }

  delete(key: K): void {
    this.store.delete(key)
  }

  /** All entries, the one that was set longest ago first. */
  entries(): ReadonlyArray<readonly [K, V]> {
    this.store.expire(this.moment.time)
    return [...this.store]
  }

  get size(): number {
    this.store.expire(this.moment.time)
    return this.store.size
  }

  clear(): void {
    this.store.clear()
  }

  save(): unknown {
    return this.store.snapshot()
  }

  load(saved: Entries<K, V>): void {
    this.store.restore(saved)
  }
}
