/**
 * Models of the block through which a worker is commanded, and which tells what it has in hand.
 */
import type { ByteMemory } from "../../src/ring/ByteMemory.ts"
import type { ControlBlock } from "../../src/ring/ControlBlock.ts"
import type { ModelThread, Operation, Program } from "../../src/testing/index.ts"
import type { Ring } from "./models.ts"
import { staged } from "./stages.ts"

interface Mourning {
  busy: boolean
  settled: boolean
}

/** What the worker of `controlModel` notes of each frame. */
const Noted = { begun: 0, settled: 1, ended: 2 } as const

interface Commanding {
  question: number
  seen: number
}

/**
 * An owner pauses, asks, resumes and stops a worker that takes one frame after the other in hand. The worker may
 * die at any step, and whoever mourns it looks at what it had in hand.
 */
export const controlModel = (ring: Ring, mortal: boolean): Program => {
  const { Command, ControlBlock, Status } = ring.ControlBlock
  const frames = 3
  /** The snapshot that the owner says it has. */
  const last = 7
  /** A word that the block does not use. */
  const dead = 20
  const over = (memory: ByteMemory): ControlBlock => new ControlBlock(memory)
  const isDead = ({ i32, seam }: ByteMemory) => seam.load(i32, dead) !== 0

  /** An operation that waits until the worker is there, or has died. */
  const waiting = (
    name: string,
    then: string,
    isThere: (control: ControlBlock, local: Commanding) => boolean
  ): Readonly<Record<string, Operation<Commanding>>> => ({
    [name]: (local, { memory }) => (isThere(over(memory), local) || isDead(memory) ? then : name)
  })

  const owner: ModelThread<Commanding> = {
    name: "Owner",
    local: () => ({ question: 0, seen: 0 }),
    first: "watch",
    operations: {
      watch: (_, { memory }) => {
        const { handled, late } = over(memory)
        if (handled > frames || late < 0 || late > 1) throw new Error(`${handled} handled, ${late} late`)
        return "pause"
      },
      pause: (_, { memory }) => {
        over(memory).command = Command.Pause
        return "paused"
      },
      ...waiting("paused", "look", ({ status }) => status === Status.Paused || status === Status.Stopped),
      look: (local, { memory }) => {
        const { handled } = over(memory)
        if (handled < local.seen || handled > frames) throw new Error(`${handled} handled, after ${local.seen}`)
        local.seen = handled
        return "ask"
      },
      ask: (local, { memory }) => {
        const before = local.question
        local.question = over(memory).ping()
        if (local.question !== before + 1) throw new Error(`question ${local.question} after ${before}`)
        return local.question < 2 ? "ask" : "keep"
      },
      keep: (_, { memory }) => {
        over(memory).kept = last
        return "answered"
      },
      ...waiting("answered", "stop", (control, { question }) => control.answered(question)),
      stop: (_, { memory }) => {
        over(memory).command = Command.Stop
        return "stopped"
      },
      ...waiting("stopped", "end", ({ status }) => status === Status.Stopped),
      end: (_, { memory }) => {
        const control = over(memory)
        if (isDead(memory)) return undefined
        if (control.statusName !== "Stopped") throw new Error(`stopped and ${control.statusName}`)
        return undefined
      }
    }
  }

  interface Working {
    handled: number
  }
  const worker: ModelThread<Working> = {
    name: "Worker",
    local: () => ({ handled: 0 }),
    first: "start",
    operations: {
      start: (_, { memory }) => {
        over(memory).status = Status.Running
        return "turn"
      },
      turn: (local, { memory }) => {
        const control = over(memory)
        const { kept } = control
        if (kept !== 0 && kept !== last) throw new Error(`${kept} kept`)
        // By a hint before every other frame, as a worker does before all but a few.
        if (local.handled % 2 === 1 && local.handled < frames && !control.calls) return "take"
        if (control.asked) return "pong"
        switch (control.command) {
          case Command.Pause:
            return control.status === Status.Paused ? "turn" : "pause"
          case Command.Stop:
            return local.handled < frames ? "take" : "stop"
          default:
            return local.handled < frames ? "take" : "turn"
        }
      },
      pong: (_, { memory }) => {
        const control = over(memory)
        control.pong()
        return "turn"
      },
      pause: (_, { memory }) => {
        over(memory).status = Status.Paused
        return "turn"
      },
      take: (local, { memory, note }) => {
        over(memory).begin(5, 100 + local.handled)
        note(Noted.begun)
        return "handle"
      },
      handle: (_, { memory, note }) => {
        const control = over(memory)
        control.late += 1
        if (control.late !== 1) throw new Error(`${control.late} are late`)
        control.settle()
        note(Noted.settled)
        control.late -= 1
        return "rest"
      },
      rest: (local, { memory, note }) => {
        const control = over(memory)
        local.handled += 1
        control.handled = local.handled
        note(Noted.ended)
        control.rest()
        return "turn"
      },
      stop: (_, { memory }) => {
        const control = over(memory)
        if (control.kept !== last) throw new Error(`${control.kept} kept when stopped`)
        control.status = Status.Stopped
        return undefined
      }
    }
  }

  const mourner: ModelThread<Mourning> = {
    name: "Mourner",
    local: () => ({ busy: false, settled: false }),
    first: "look",
    operations: {
      look: (local, { memory }) => {
        const control = over(memory)
        const { busy, handled, lane, number, settled } = control
        if (busy && (lane !== 5 || number - 100 < handled - 1 || number - 100 > handled)) {
          throw new Error(`frame ${number} of lane ${lane} in hand with ${handled} handled`)
        }
        local.busy = busy
        local.settled = settled
        control.clear()
        memory.seam.store(memory.i32, dead, 1)
        return undefined
      }
    }
  }

  return {
    memory: () => new ArrayBuffer(256),
    events: 3,
    threads: [owner, mortal ? { ...worker, mortal, successor: mourner } : worker],
    atEnd: ({ died, i32, local, notes }) => {
      const control = new ControlBlock({ i32, seam: Atomics } as unknown as ByteMemory)
      if (control.busy || control.settled || control.late !== 0) return "something is in hand in the end"
      if (died() === undefined) {
        const all = notes.every((times) => times === frames) && control.handled === frames
        return all ? undefined : `${notes.join(", ")} frames begun, settled and ended, ${control.handled} counted`
      }
      const { busy, settled } = local("Mourner") as Mourning
      if (notes[Noted.begun] > notes[Noted.ended] && !busy) return "a frame was in hand, and nobody knows"
      if (notes[Noted.settled] > notes[Noted.ended] && !settled) return "a frame was settled, and nobody knows"
      return undefined
    }
  }
}

/** What a look finds, by the names that the block gives it; `since` only where somebody is blamed. */
interface Gauges {
  readonly heap: number
  readonly buffers: number
  readonly heapLimit: number
  readonly crowded: boolean
  readonly allowed: number
  readonly blamed: number
  readonly since: number
}

/**
 * A worker measures its heap, is crowded for a while, and blames a key group. Its owner looks once at any time, once
 * when the worker has ended or died, and clears the block.
 *
 * The law beyond that of `staged`: whoever finds a group blamed finds its `since`, and `clear` leaves nothing.
 */
export const gaugesModel = (ring: Ring, mortal: boolean): Program => {
  const { ControlBlock } = ring.ControlBlock
  /** Words that the block does not use: whether the worker is gone, and how many stages have begun and are over. */
  const gone = 20
  const begun = 21
  const over = 22
  const group = 0

  const nothing: Gauges = { heap: 0, buffers: 0, heapLimit: 0, crowded: false, allowed: 0, blamed: -1, since: 0 }
  const measured: Gauges = { ...nothing, heap: 3072, buffers: 1024, heapLimit: 8192 }
  const stages: ReadonlyArray<{ readonly does: (control: ControlBlock) => void; readonly leaves: Gauges }> = [
    { does: () => {}, leaves: nothing },
    // The use is rounded up, the bound down.
    { does: (control) => control.measured(2049, 1, 9215), leaves: measured },
    { does: (control) => (control.crowded = true), leaves: { ...measured, crowded: true } },
    { does: (control) => (control.crowded = false), leaves: measured },
    { does: (control) => (control.allowed = 50), leaves: { ...measured, allowed: 50 } },
    { does: (control) => control.blame(group, 4), leaves: { ...measured, allowed: 50, blamed: group, since: 4 } }
  ]
  const found = (control: ControlBlock): Gauges => {
    const { allowed, blamed, buffers, crowded, heap, heapLimit } = control
    return { heap, buffers, heapLimit, crowded, allowed, blamed, since: blamed < 0 ? 0 : control.since }
  }

  // Without a group there is no `since` to tell of.
  const silent = (name: keyof Gauges, { blamed }: Gauges) => name === "since" && blamed < 0
  const { look, writer } = staged(stages, (memory) => new ControlBlock(memory), found, { begun, over }, silent)

  const leave: Operation<object> = (_, { memory: { i32, seam } }) => {
    seam.store(i32, gone, 1)
    seam.notify(i32, gone)
    return undefined
  }

  const worker = writer("Worker", { leave }, "leave")
  const mourner: ModelThread = { name: "Mourner", local: () => ({}), first: "leave", operations: { leave } }

  const owner: ModelThread = {
    name: "Owner",
    local: () => ({}),
    first: "glance",
    operations: {
      glance: (_, world) => {
        look(world)
        return "await"
      },
      await: (_, { memory: { i32, seam } }) => {
        seam.wait(i32, gone, 0)
        return "look"
      },
      look: (_, world) => {
        look(world)
        return "clear"
      },
      clear: (_, { memory }) => {
        const control = new ControlBlock(memory)
        control.clear()
        const gauges = { ...found(control), since: control.since }
        for (const name of Object.keys(nothing) as ReadonlyArray<keyof Gauges>) {
          if (gauges[name] !== nothing[name]) throw new Error(`${name} is ${gauges[name]} after it was cleared`)
        }
        return undefined
      }
    }
  }

  return {
    memory: () => new ArrayBuffer(256),
    threads: [owner, mortal ? { ...worker, mortal, successor: mourner } : worker]
  }
}
