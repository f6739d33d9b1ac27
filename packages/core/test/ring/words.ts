/**
 * Models of the two handshakes that live in single words: the bell and the counter.
 */
import type { ModelThread, Operation, Program } from "../../src/testing/index.ts"
import type { Ring } from "./models.ts"

/** Ringers that each add one to a word and ring; the sleeper leaves when it has seen them all. */
export const bellModel = (ring: Ring, ringers: number, mortal: boolean, async = false): Program => {
  const { Doorbell } = ring
  const bell = 0
  const work = 1
  const operations: Readonly<Record<string, Operation<object>>> = {
    work: (_, { memory: { i32, seam } }) => {
      seam.add(i32, work, 1)
      return "ring"
    },
    ring: (_, { memory }) => {
      Doorbell.ring(memory, bell)
      return undefined
    }
  }
  return {
    memory: () => new ArrayBuffer(8),
    threads: [
      {
        name: "Sleeper",
        local: () => ({}),
        first: "look",
        operations: {
          look: (_, { memory: { i32, seam } }) => (seam.load(i32, work) >= ringers ? undefined : "arm"),
          arm: (_, { memory }) => {
            Doorbell.arm(memory, bell)
            if (memory.seam.load(memory.i32, work) >= ringers) {
              Doorbell.disarm(memory, bell)
              return undefined
            }
            if (!async) Doorbell.sleep(memory, bell)
            else if (Doorbell.sleepAsync(memory, bell) === undefined && Doorbell.isArmed(memory, bell)) {
              throw new Error("no sleep although nobody rang")
            }
            return "look"
          }
        }
      },
      ...Array.from({ length: ringers }, (_, i): ModelThread => ({
        name: `Ringer${i}`,
        local: () => ({}),
        first: "work",
        operations,
        mortal,
        successor: {
          name: `Heir${i}`,
          local: () => ({}),
          first: "look",
          operations: {
            // The work may be done and the ring lost, or neither: then one is missing.
            look: (_, { memory: { i32, seam } }) => {
              seam.add(i32, work, 1)
              return "wake"
            },
            wake: (_, { memory }) => {
              Doorbell.wake(memory, bell)
              return undefined
            }
          }
        }
      }))
    ]
  }
}

/**
 * A writer counts across the edges of the two words, dies, and its successor counts on; a reader looks
 * on. A reader is exact only within 2^31 counts: over more, it is `late` and begins before the last step.
 */
export const counterModel = (
  ring: Ring,
  from: number,
  steps: ReadonlyArray<number>,
  mortal: boolean,
  late = false
): Program => {
  const gate = 2
  const { Counter } = ring
  const values = [from, ...steps]
  interface Writing {
    value: number
  }
  const count: Operation<Writing> = (local, { memory }) => {
    const next = values[values.indexOf(local.value) + 1]
    if (next === undefined) return undefined
    if (late && next === last) {
      memory.seam.store(memory.i32, gate, 1)
      memory.seam.notify(memory.i32, gate)
    }
    Counter.publish(memory, 0, next, local.value)
    local.value = next
    return "count"
  }
  const last = values[values.length - 1]
  return {
    memory: () => {
      const memory = new ArrayBuffer(16)
      new Int32Array(memory).set([from | 0, Math.floor(from / 0x80000000)])
      return memory
    },
    threads: [
      {
        name: "W",
        local: (): Writing => ({ value: from }),
        first: "count",
        operations: { count },
        mortal,
        successor: {
          name: "W'",
          local: (): Writing => ({ value: 0 }),
          first: "resume",
          operations: {
            resume: (local: Writing, { memory }) => {
              local.value = Counter.resume(memory, 0)
              if (!values.includes(local.value)) throw new Error(`resumed at ${local.value}`)
              return "count"
            },
            count
          }
        }
      },
      {
        name: "R",
        local: () => ({ seen: from, looks: 0 }),
        first: late ? "wait" : "look",
        operations: {
          wait: (local: { seen: number; looks: number }, { memory }) => {
            memory.seam.wait(memory.i32, gate, 0)
            local.seen = values[values.length - 2]
            return "look"
          },
          look: (local: { seen: number; looks: number }, { memory }) => {
            const value = Counter.read(memory, 0)
            if (!values.includes(value) || value < local.seen) throw new Error(`read ${value} after ${local.seen}`)
            local.seen = value
            local.looks += 1
            return local.looks < 3 ? "look" : undefined
          }
        }
      }
    ],
    atEnd: ({ i32 }) => {
      const value = Counter.read({ i32, seam: Atomics } as unknown as Parameters<typeof Counter.read>[0], 0)
      return value === last ? undefined : `ended at ${value}`
    }
  }
}
