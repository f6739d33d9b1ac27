/**
 * The seam through which every file of `ring/` reaches shared memory.
 *
 * Production code runs on the global `Atomics`; the interleaving explorer runs the same code on
 * its own `Seam`, which makes each access a scheduling point. Nothing outside `ring/` may
 * touch `Atomics`.
 *
 * All accesses are sequentially consistent: JavaScript offers no weaker atomic order.
 *
 * @since 0.1.0
 */

/**
 * The operations of `Atomics` that rings use, on 32-bit words.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seam {
  load(view: Int32Array, index: number): number
  store(view: Int32Array, index: number, value: number): number
  add(view: Int32Array, index: number, value: number): number
  compareExchange(view: Int32Array, index: number, expected: number, replacement: number): number
  notify(view: Int32Array, index: number, count?: number): number
  wait(view: Int32Array, index: number, value: number, timeout?: number): "ok" | "not-equal" | "timed-out"
  waitAsync(
    view: Int32Array,
    index: number,
    value: number,
    timeout?: number
  ):
    | { readonly async: false; readonly value: "not-equal" | "timed-out" }
    | { readonly async: true; readonly value: Promise<"ok" | "timed-out"> }
  /** Tells the processor that the thread spins. Engines before 2025 have none. */
  pause?(): void
}

/**
 * The platform's own `Atomics`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const native: Seam = Atomics as unknown as Seam
