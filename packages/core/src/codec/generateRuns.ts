/**
 * The loops of `ring/Run.ts` as generated JavaScript, with the code of one cell inside and with what is
 * constant for it put in: as functions of their own an engine compiles them for this schema alone.
 *
 * A frame of another length, where all have one, is left to the lane, which reads it by `read` and says
 * what is wrong with it.
 *
 * @since 0.1.0
 */
import type { Cell } from "./Plan.ts"

/** Names that the code of a cell uses: the views of `m`, and the word and the double at `o`. */
export const views = "const u8 = m.u8, i32 = m.i32, f64 = m.f64, view = m.view;"
export const places = "const w = o >> 2, d = o >> 3;"

/**
 * The code of a cell at `o`: statements that leave in `p` where the encoding ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface Body {
  /** Writes `v`. */
  readonly write: string
  /** Reads up to `e`; `value` then is the expression of what was read. */
  readonly read: string
  readonly value: string
}

/** `writeRun` and `readRun` of a cell; `bound` names its function for the upper bound of an encoding. */
export const runs = (cell: Cell, { bound, read, value, write }: Body & { readonly bound: string }): string => {
  const units = (bytes: string): string => `1 + ((${bytes} + 7) >>> 3)`
  const misfits = (units: string | number): string => `${units} > capacity - start || ${units} > ((end - position) | 0)`
  const fixed = 1 + ((cell.size + 7) >>> 3)
  const step = (units: string | number): string =>
    `position = (position + ${units}) | 0; sequence = (sequence + 1) | 0;`
  const [put, take] = cell.variable
    ? [
        `const v = messages[i], start = position & mask, units = ${units(`${bound}(v)`)};
if (${misfits("units")}) break;
const at = (dataUnit + start) << 1, o = (at << 2) + 8; ${places}
${write}
i32[at] = ((p - o) << 4) | kind; i32[at + 1] = sequence; ${step(units("(p - o)"))}`,
        `const start = position & mask, at = (dataUnit + start) << 1;
const head = i32[at], length = head >>> 4, units = ${units("length")};
if ((head & 15) !== kind || i32[at + 1] !== sequence || ${misfits("units")}) break;
const o = (at << 2) + 8, e = o + length; ${places}
if (length < ${cell.size}) read(m, o, e);
${read}
if (p !== e) trailing(p, e);
out[i] = ${value}; ${step("units")}`
      ]
    : [
        `const start = position & mask;
if (${misfits(fixed)}) break;
const v = messages[i], at = (dataUnit + start) << 1, o = (at << 2) + 8; ${places}
${write}
i32[at] = head; i32[at + 1] = sequence; ${step(fixed)}`,
        `const start = position & mask, at = (dataUnit + start) << 1;
if (i32[at] !== head || i32[at + 1] !== sequence || ${misfits(fixed)}) break;
const o = (at << 2) + 8, e = o + ${cell.size}; ${places}
${read}
out[i] = ${value}; ${step(fixed)}`
      ]
  const locals = `const m = r.memory; ${views} const { capacity, dataUnit, end } = r, mask = capacity - 1;
${cell.variable ? "" : `const head = ${cell.size << 4} | kind;`} let { position, sequence } = r, i = from;`
  const finish = "return i; } finally { r.position = position; r.sequence = sequence; } }"
  return `function writeRun(r, kind, messages, from, to) { ${locals}
try { for (; i < to; i++) { ${put} } ${finish}
function readRun(r, kind, out, from, to) { ${locals}
try { for (; i < to && position !== end; i++) { ${take} } ${finish}`
}
