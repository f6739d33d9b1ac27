/**
 * The explorer against a reference that leaves nothing out: random little programs, all their
 * interleavings and deaths one by one, and the same ends.
 */
import { assert, describe, it } from "@effect/vitest"
import { explore, type ModelThread, type Program, replay } from "../../src/testing/index.ts"

type Instruction = readonly [
  name: "load" | "store" | "add" | "cas" | "wait" | "notify" | "read" | "write",
  word: number,
  a: number,
  b: number
]
type Code = ReadonlyArray<ReadonlyArray<Instruction>>

const words = 3

const random =
  (seed: number) =>
  (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) | 0
    return (seed >>> 9) % below
  }

/** Some threads, each some instructions; a plain word of its own for each, so that there are no races. */
const generate = (seed: number): Code => {
  const pick = random(seed)
  const names = ["load", "store", "add", "cas", "wait", "notify", "store", "load", "read", "write"] as const
  return Array.from({ length: 2 + pick(2) }, (_, thread) =>
    Array.from({ length: 2 + pick(3) }, (): Instruction => {
      const name = names[pick(names.length)]
      const word = name === "read" || name === "write" ? words + thread : pick(words)
      return [name, word, pick(3), pick(3)]
    })
  )
}

interface Ends {
  readonly ends: ReadonlySet<string>
  readonly stuck: boolean
}

const end = (memory: ArrayLike<number>, seen: ReadonlyArray<ReadonlyArray<number> | undefined>): string =>
  `${Array.from(memory).join(",")} | ${seen.map((values) => values?.join(",") ?? "dead").join(" | ")}`

/** Every interleaving, by brute force. */
const reference = (code: Code, mortal: boolean): Ends => {
  const ends = new Set<string>()
  const visited = new Set<string>()
  let stuck = false
  interface Thread {
    at: number
    parked: boolean
    dead: boolean
    seen: Array<number>
  }
  const visit = (memory: Array<number>, threads: Array<Thread>, deaths: number): void => {
    const key = JSON.stringify([memory, threads, deaths])
    if (visited.has(key)) return
    visited.add(key)
    let moved = false
    threads.forEach((thread, t) => {
      if (thread.dead || thread.at === code[t].length) return
      if (deaths > 0)
        visit(
          [...memory],
          threads.map((other, u) => (u === t ? { ...other, dead: true } : other)),
          deaths - 1
        )
      if (thread.parked) return
      moved = true
      const m = [...memory]
      const ts = threads.map((other) => ({ ...other, seen: [...other.seen] }))
      const me = ts[t]
      const [name, word, a, b] = code[t][thread.at]
      let result = m[word]
      if (name === "store" || name === "write") m[word] = result = a
      if (name === "add") m[word] += a
      if (name === "cas" && m[word] === a) m[word] = b
      if (name === "notify") {
        ts.forEach((other, u) => {
          if (!other.parked || other.dead || code[u][other.at][1] !== word) return
          other.parked = false
          other.seen.push(1)
          other.at++
        })
        result = 0
      }
      if (name === "wait") {
        if (m[word] === a) {
          me.parked = true
          return visit(m, ts, deaths)
        }
        result = 0
      }
      me.seen.push(result)
      me.at++
      visit(m, ts, deaths)
    })
    if (moved) return
    if (threads.some((thread) => thread.parked && !thread.dead)) stuck = true
    else
      ends.add(
        end(
          memory,
          threads.map((thread) => (thread.dead ? undefined : thread.seen))
        )
      )
  }
  visit(
    Array(words + 3).fill(0),
    code.map(() => ({ at: 0, parked: false, dead: false, seen: [] })),
    mortal ? 1 : 0
  )
  return { ends, stuck }
}

interface Local {
  at: number
  seen: Array<number>
}

/** @param lone an operation an instruction, or all in one */
const programOf = (code: Code, mortal: boolean, lone: boolean, ends: Set<string>): Program => ({
  memory: () => new ArrayBuffer((words + 3) * 4),
  threads: code.map((instructions, t): ModelThread<Local> => ({
    name: `T${t}`,
    local: () => ({ at: 0, seen: [] }),
    first: "run",
    mortal,
    operations: {
      run: (local, { memory: { i32, seam } }) => {
        const end = lone ? local.at + 1 : instructions.length
        while (local.at < end) {
          const [name, word, a, b] = instructions[local.at]
          local.at++
          if (name === "load") local.seen.push(seam.load(i32, word))
          else if (name === "store") local.seen.push(seam.store(i32, word, a))
          else if (name === "add") local.seen.push(seam.add(i32, word, a))
          else if (name === "cas") local.seen.push(seam.compareExchange(i32, word, a, b))
          else if (name === "wait") local.seen.push(seam.wait(i32, word, a) === "ok" ? 1 : 0)
          else if (name === "read") local.seen.push(i32[word])
          else if (name === "write") local.seen.push((i32[word] = a))
          else {
            seam.notify(i32, word)
            local.seen.push(0)
          }
        }
        return local.at < instructions.length ? "run" : undefined
      }
    }
  })),
  atEnd: ({ i32, died, local }) => {
    ends.add(
      end(
        i32,
        code.map((_, t) => (died() === `T${t}` ? undefined : (local(`T${t}`) as Local).seen))
      )
    )
    return undefined
  }
})

describe("explore, against brute force", () => {
  for (const mortal of [false, true]) {
    it(`reaches the same ends of 400 programs ${mortal ? "with a death anywhere" : "without deaths"}`, () => {
      let stuck = 0
      let several = 0
      for (let seed = 1; seed <= 400; seed++) {
        const code = generate(seed * 7919)
        const expected = reference(code, mortal)
        const ends = new Set<string>()
        const program = programOf(code, mortal, seed % 2 === 0, ends)
        const report = explore(program, { reduce: true })
        assert.strictEqual(report.failure !== undefined, expected.stuck, `seed ${seed}: ${report.failure?.message}`)
        if (report.failure !== undefined) {
          stuck++
          assert.strictEqual(replay(program, report.failure.schedule).failure, report.failure.message)
          continue
        }
        if (expected.ends.size > 1) several++
        // The explorer's deaths are those right after a visible step: the same ends, seen from outside.
        assert.deepStrictEqual([...ends].sort(), [...expected.ends].sort(), `seed ${seed}`)
      }
      assert.isAbove(stuck, 20)
      assert.isAbove(several, 100)
    })
  }
})
