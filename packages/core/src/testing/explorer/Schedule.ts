/**
 * A schedule as text: which thread takes how many steps, in order. `S*3 R*1 S*2!` is three steps of
 * S, one of R, two of S, and then S dies. `S*0!` dies without a step.
 *
 * @since 0.1.0
 */
import type { ModelThread } from "./Program.ts"

/** One scheduling decision: `slot` steps, and dies afterwards, or dies without a step. */
export interface Choice {
  readonly slot: number
  readonly step: boolean
  readonly die: boolean
}

/** A choice as a number, for the explorer's stack. */
export const encode = (slot: number, step: boolean, die: boolean): number =>
  (slot << 2) | (step ? 1 : 0) | (die ? 2 : 0)

export const decode = (choice: number): Choice => ({
  slot: choice >> 2,
  step: (choice & 1) !== 0,
  die: (choice & 2) !== 0
})

export const format = (choices: ReadonlyArray<number>, threads: ReadonlyArray<ModelThread>): string => {
  const runs: Array<string> = []
  let count = 0
  choices.forEach((code, i) => {
    const { die, slot, step } = decode(code)
    if (step) count++
    const next = i + 1 < choices.length ? decode(choices[i + 1]) : undefined
    if (!die && next?.slot === slot) return
    runs.push(`${threads[slot].name}*${count}${die ? "!" : ""}`)
    count = 0
  })
  return runs.join(" ")
}

export const parse = (schedule: string, threads: ReadonlyArray<ModelThread>): Array<number> => {
  const choices: Array<number> = []
  for (const run of schedule.split(" ").filter((run) => run !== "")) {
    const [, name, count, dies] = /^(.*)\*(\d+)(!?)$/.exec(run) ?? []
    const slot = threads.findIndex((thread) => thread.name === name)
    if (slot < 0) throw new Error(`the schedule names ${run}, but there are ${threads.map((t) => t.name).join(", ")}`)
    for (let i = 1; i < Number(count); i++) choices.push(encode(slot, true, false))
    if (Number(count) > 0 || dies === "!") choices.push(encode(slot, Number(count) > 0, dies === "!"))
  }
  return choices
}
