/**
 * Mutants of `ring/`: each atomic operation dropped, weakened to a plain access, or swapped with its
 * neighbour, which may be a block. Works on the text, a line or a call at a time.
 */

export type Change = "dropped" | "weakened" | "after the next statement" | "before the previous statement"

export interface Mutant {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** The line as it was, trimmed. */
  readonly source: string
  readonly change: Change
  /** The whole file as it becomes. */
  readonly text: string
}

const call = /(?:[\w.]+\.)?seam\.(load|store|add|compareExchange|notify|wait|waitAsync)\(/g

interface Call {
  readonly operation: string
  readonly from: number
  readonly to: number
  readonly args: ReadonlyArray<string>
}

/** The calls in a line, outermost last; a call that goes on in the next line is an error. */
const callsIn = (line: string): ReadonlyArray<Call> => {
  const calls: Array<Call> = []
  for (const match of line.matchAll(call)) {
    const open = match.index + match[0].length
    const args: Array<string> = []
    let depth = 1
    let at = open
    let start = open
    for (; depth > 0; at++) {
      if (at === line.length) throw new Error(`a call that spans lines cannot be mutated: ${line.trim()}`)
      const c = line[at]
      if (c === "(" || c === "[") depth++
      else if (c === ")" || c === "]") depth--
      if ((c === "," && depth === 1) || depth === 0) {
        args.push(line.slice(start, at).trim())
        start = at + 1
      }
    }
    calls.push({ operation: match[1], from: match.index, to: at, args })
  }
  return calls
}

const replaced = (line: string, { from, to }: Call, by: string): string => line.slice(0, from) + by + line.slice(to)

/** What the thread would go on with if the operation had not happened. */
const dropped = (line: string, found: Call): string => {
  const whole = line.trim().length === found.to - found.from
  if (whole) return ""
  // `this.x = load(…)` without the load keeps the cached value.
  if (found.operation === "load" && /^\s*this\.\w+ = $/.test(line.slice(0, found.from)) && line.length === found.to) {
    return /constructor/.test(line) ? line : replaced(line, found, line.trim().split(" ")[0] + " ?? 0")
  }
  switch (found.operation) {
    case "compareExchange":
      return replaced(line, found, found.args[2])
    case "waitAsync":
      return replaced(line, found, `({ async: false, value: "not-equal" } as const)`)
    case "load":
      return replaced(line, found, "0")
    default:
      return replaced(line, found, "void 0")
  }
}

const weakened = (line: string, found: Call): string | undefined => {
  const [view, index, first, second] = found.args
  const cell = `${view}[${index}]`
  switch (found.operation) {
    case "load":
      return replaced(line, found, cell)
    case "store":
      return replaced(line, found, `(${cell} = ${first})`).replace(/^(\s*)\((.*)\)$/, "$1$2")
    case "add":
      return replaced(line, found, `${cell} += ${first}`)
    case "compareExchange":
      return replaced(line, found, `((seen) => (seen === ${first} ? ((${cell} = ${second}), seen) : seen))(${cell})`)
    default:
      return undefined
  }
}

const indent = (line: string): string => /^\s*/.exec(line)![0]
const isComment = (line: string): boolean => /^\s*(\*|\/)/.test(line)

/** A statement of its own, which may change places with its neighbour: where it begins and ends. */
interface Unit {
  readonly from: number
  readonly to: number
}

/** The statement that begins at a line; a block ends at its brace. */
const unitAt = (lines: ReadonlyArray<string>, from: number): Unit | undefined => {
  const line = lines[from]
  if (line === undefined || line.trim() === "" || isComment(line)) return undefined
  if (
    /^\s*(\}|return |throw |continue|break|case |export |private |static |\w+\(.*\{$|get |set |\||&|\?|:)/.test(line)
  ) {
    if (!/^\s*(if|for|while) \(.*\{$/.test(line)) return undefined
  }
  if (!line.endsWith("{")) return /[,(:]$|=>$/.test(line) ? undefined : { from, to: from + 1 }
  if (!/^\s*(if|for|while) \(/.test(line)) return undefined
  const end = lines.findIndex(
    (other, at) => at > from && indent(other) === indent(line) && other.trim().startsWith("}")
  )
  return end > 0 && lines[end].trim() === "}" ? { from, to: end + 1 } : undefined
}

/** The statement after or before another, comments in between passed over. */
const neighbour = (lines: ReadonlyArray<string>, unit: Unit, by: 1 | -1): Unit | undefined => {
  let at = by > 0 ? unit.to : unit.from - 1
  while (lines[at] !== undefined && isComment(lines[at])) at += by
  if (lines[at] === undefined) return undefined
  if (by < 0 && lines[at].trim() === "}") {
    const close = at
    do at--
    while (at >= 0 && (indent(lines[at]) !== indent(lines[close]) || lines[at].trim() === ""))
  }
  const found = unitAt(lines, at)
  return found !== undefined && indent(lines[found.from]) === indent(lines[unit.from]) ? found : undefined
}

const swapped = (lines: ReadonlyArray<string>, a: Unit, b: Unit): ReadonlyArray<string> => [
  ...lines.slice(0, a.from),
  ...lines.slice(b.from, b.to),
  ...lines.slice(a.to, b.from),
  ...lines.slice(a.from, a.to),
  ...lines.slice(b.to)
]

/** All mutants of a file. */
export const mutantsOf = (file: string, text: string): ReadonlyArray<Mutant> => {
  const lines = text.split("\n")
  const mutants: Array<Mutant> = []
  const add = (at: number, change: Change, by: ReadonlyArray<string>) => {
    const next = by.join("\n")
    if (next !== text && !mutants.some((mutant) => mutant.text === next)) {
      mutants.push({ file, line: at + 1, source: lines[at].trim(), change, text: next })
    }
  }
  lines.forEach((line, at) => {
    if (isComment(line)) return
    const calls = callsIn(line)
    for (const found of calls) {
      add(at, "dropped", lines.with(at, dropped(line, found)))
      const weak = weakened(line, found)
      if (weak !== undefined) add(at, "weakened", lines.with(at, weak))
    }
    const unit = calls.length === 0 ? undefined : unitAt(lines, at)
    if (unit === undefined) return
    const after = neighbour(lines, unit, 1)
    if (after !== undefined) add(at, "after the next statement", swapped(lines, unit, after))
    const before = neighbour(lines, unit, -1)
    if (before !== undefined) add(at, "before the previous statement", swapped(lines, before, unit))
  })
  return mutants
}
