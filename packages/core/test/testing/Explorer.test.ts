import { assert, describe, it } from "@effect/vitest"
import { explore, type ModelThread, type Operation, type Program, replay } from "../../src/testing/index.ts"

const once = (name: string, run: Operation<Record<string, number>>, more: Partial<ModelThread> = {}): ModelThread => {
  const operations: Record<string, Operation<Record<string, number>>> = { run }
  return { name, local: () => ({}), first: "run", operations, ...more }
}

const program = (...threads: ReadonlyArray<ModelThread>): Program => ({ memory: () => new ArrayBuffer(32), threads })

const publish = (swapped: boolean): Program =>
  program(
    once("W", (_, { memory: { i32, seam } }) => {
      if (swapped) seam.store(i32, 0, 1)
      i32[1] = 42
      if (!swapped) seam.store(i32, 0, 1)
      return undefined
    }),
    once("R", (_, { memory: { i32, seam } }) => {
      if (seam.load(i32, 0) === 1 && i32[1] !== 42) throw new Error("too early")
      return undefined
    })
  )

/** Dekker's entry: both store, then look at the other. In sequential consistency one sees the other. */
const dekker = (both: boolean): Program => ({
  ...program(
    ...[0, 1].map((me) =>
      once(`T${me}`, (local, { memory: { i32, seam } }) => {
        if (both || me === 0) seam.store(i32, me, 1)
        local.saw = seam.load(i32, 1 - me)
        if (!both && me === 1) seam.store(i32, me, 1)
        return undefined
      })
    )
  ),
  atEnd: ({ local }) => {
    const [a, b] = [local("T0"), local("T1")] as [{ saw: number }, { saw: number }]
    return a.saw + b.saw === 0 ? "neither saw the other" : undefined
  }
})

const increment = (atomic: boolean): Program => ({
  ...program(
    ...["A", "B", "C"].map((name) =>
      once(name, (_, { memory: { i32, seam } }) => {
        if (atomic) seam.add(i32, 0, 1)
        else seam.store(i32, 0, seam.load(i32, 0) + 1)
        return undefined
      })
    )
  ),
  atEnd: ({ i32 }) => (i32[0] === 3 ? undefined : `counted ${i32[0]}`)
})

describe("explore", () => {
  it("finds nothing in a correct program, and says that it looked everywhere", () => {
    for (const correct of [publish(false), dekker(true), increment(true)]) {
      const report = explore(correct)
      assert.isUndefined(report.failure)
      assert.isTrue(report.complete)
      assert.isAbove(report.states, 2)
    }
  })

  it("finds a data race", () => {
    assert.match(explore(publish(true)).failure?.message ?? "", /^data race on word 1/)
  })

  it("finds a lost update and a broken handshake, with schedules that replay to them", () => {
    for (const broken of [increment(false), dekker(false)]) {
      const { failure } = explore(broken)
      assert.isDefined(failure)
      assert.strictEqual(replay(broken, failure!.schedule).failure, failure!.message)
    }
  })

  const sleeper = once("S", (_, { memory: { i32, seam } }) => {
    seam.wait(i32, 0, 0)
    return undefined
  })

  it("finds a sleeper that nobody wakes, and is content when somebody does", () => {
    const waker = (store: boolean, more: Partial<ModelThread> = {}) =>
      once(
        "W",
        (_, { memory: { i32, seam } }) => {
          if (store) seam.store(i32, 0, 1)
          seam.notify(i32, 0)
          return undefined
        },
        more
      )
    assert.isUndefined(explore(program(sleeper, waker(true))).failure)
    assert.match(explore(program(sleeper, waker(false))).failure?.message ?? "", /stuck: S/)
    // The waker dies between its store and its notification.
    const mortal = explore(program(sleeper, waker(true, { mortal: true })))
    assert.match(mortal.failure?.message ?? "", /stuck: S/)
    assert.match(mortal.failure?.schedule ?? "", /!/)
    const heir = waker(true)
    const survived = explore(program(sleeper, waker(true, { mortal: true, successor: { ...heir, name: "H" } })))
    assert.isUndefined(survived.failure)
    assert.isAbove(survived.deaths, 0)
  })

  it("keeps objects with prototypes, and is not fooled by finally", () => {
    class Cursor {
      at = 0
      bump(by: number) {
        this.at += by
      }
    }
    const report = explore({
      ...program({
        name: "A",
        local: () => ({ cursor: new Cursor() }),
        first: "go",
        operations: {
          go: (local: { cursor: Cursor }, { memory: { i32, seam } }) => {
            try {
              local.cursor.bump(seam.add(i32, 0, 1))
            } catch {
              return "go"
            } finally {
              local.cursor.bump(10)
            }
            return seam.load(i32, 0) < 3 ? "go" : undefined
          }
        }
      }),
      atEnd: ({ local }) => {
        const { cursor } = local("A") as { cursor: Cursor }
        return cursor instanceof Cursor && cursor.at === 33 ? undefined : `cursor at ${cursor.at}`
      }
    })
    assert.isUndefined(report.failure)
  })

  it("reads back floats and bytes, and refuses what lies outside", () => {
    const report = explore(
      program(
        once("A", (_, { memory: { f64, i32, u8 } }) => {
          f64[1] = 0.1
          u8[4] = 255
          if (f64[1] !== 0.1 || i32[1] !== 255) throw new Error("not what was written")
          return undefined
        })
      )
    )
    assert.isUndefined(report.failure)
    const outside = explore(
      program(
        once("A", (_, { memory: { i32 } }) => {
          i32[8] = 1
          return undefined
        })
      )
    )
    assert.match(outside.failure?.message ?? "", /access to element 8 of 8/)
  })

  it("explores fewer schedules with a bound on preemptions", () => {
    const states = (preemptions?: number) => {
      const report = explore(dekker(true), preemptions === undefined ? {} : { preemptions })
      assert.isTrue(report.complete)
      return report.ends
    }
    // One after the other, either way round; and both at once.
    assert.strictEqual(states(0), 2)
    assert.strictEqual(states(), 3)
  })
})
