/**
 * Models of the two boards beside the lanes: the table that senders route by, and the words through which a worker
 * is commanded.
 */
import type { ByteMemory } from "../../src/ring/ByteMemory.ts"
import type { ControlBlock } from "../../src/ring/ControlBlock.ts"
import type { ModelThread, Operation, Program } from "../../src/testing/index.ts"
import type { Ring } from "./models.ts"

interface Sending {
  sent: number
  worker: number
}

interface Owning {
  version: number
  final: number
}

/**
 * Two senders route by a group that the owner takes from worker 0, holds, and gives to worker 1 once it has
 * `settled`. What a worker has received is a word of its own, and so is whether a sender is gone.
 *
 * The law: from `settled` on nothing more comes to worker 0, and everything sent came to one of the two.
 */
export const routingModel = (ring: Ring, messages: number, mortal: boolean): Program => {
  const { held, RoutingTable } = ring.RoutingTable
  const senders = 2
  /** The version once the table is filled. */
  const first = 2
  // Behind the group: what workers 0 and 1 received, and which senders are gone.
  const groups = 1 + 2 + senders
  const wordOf = ({ buffer }: { readonly buffer: ArrayBufferLike }, group: number): number =>
    (buffer.byteLength >>> 2) - groups + group
  const received = (memory: ByteMemory, worker: number) => wordOf(memory, 1 + worker)
  const gone = (memory: ByteMemory, sender: number) => wordOf(memory, 3 + sender)
  const over = (memory: ByteMemory) => RoutingTable.over(memory)

  const sender = (slot: number): Readonly<Record<string, Operation<Sending>>> => ({
    enter: (local, { memory }) => {
      if (local.sent === messages) return undefined
      over(memory).enter(slot)
      return "route"
    },
    route: (local, { memory }) => {
      local.worker = over(memory).workerOf(0)
      return local.worker === held ? "leave" : "send"
    },
    send: (local, { memory }) => {
      memory.seam.add(memory.i32, received(memory, local.worker), 1)
      local.sent += 1
      return "leave"
    },
    leave: (local, { memory }) => {
      over(memory).leave(slot)
      local.worker = 0
      return "enter"
    }
  })

  const isThere = (memory: ByteMemory) => (slot: number) => memory.seam.load(memory.i32, gone(memory, slot)) === 0

  const owner: ModelThread<Owning> = {
    name: "Owner",
    local: () => ({ version: 0, final: -1 }),
    first: "hold",
    operations: {
      hold: (local, { memory }) => {
        local.version = over(memory).change([[0, held]])
        if (local.version !== first + 1) throw new Error(`version ${local.version} after ${first}`)
        return "settle"
      },
      settle: (local, { memory }) => (over(memory).settled(local.version, isThere(memory)) ? "look" : "settle"),
      look: (local, { memory }) => {
        local.final = memory.seam.load(memory.i32, received(memory, 0))
        return "give"
      },
      give: (local, { memory }) => {
        const version = over(memory).change([[0, 1]])
        if (version !== local.version + 1) throw new Error(`version ${version} after ${local.version}`)
        return undefined
      }
    }
  }

  return {
    memory: () => {
      const table = RoutingTable.make(groups, senders, (bytes) => new ArrayBuffer(bytes))
      table.change([[0, 0]])
      return table.buffer as unknown as ArrayBuffer
    },
    threads: [
      owner,
      ...Array.from({ length: senders }, (_, slot): ModelThread => {
        const thread: ModelThread<Sending> = {
          name: `S${slot}`,
          local: () => ({ sent: 0, worker: 0 }),
          first: "enter",
          operations: sender(slot)
        }
        if (!mortal) return thread
        const mourner: ModelThread = {
          name: `S${slot} is gone`,
          local: () => ({}),
          first: "tell",
          operations: {
            tell: (_, { memory }) => {
              memory.seam.store(memory.i32, gone(memory, slot), 1)
              return undefined
            }
          }
        }
        return { ...thread, mortal, successor: mourner }
      })
    ],
    atEnd: ({ died, i32, local }) => {
      const [before, after] = [i32[received(i32 as never, 0)], i32[received(i32 as never, 1)]]
      const { final } = local("Owner") as Owning
      if (before !== final) return `worker 0 had ${final} messages when it was settled, and ${before} in the end`
      const total = before + after
      const all = senders * messages
      return died() === undefined && total !== all ? `${total} of ${all} messages came` : undefined
    }
  }
}

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
 * The law: a look finds each word as one of the stages leaves it, from the last one that was over before the look to
 * the last one that had begun after it; whoever finds a group blamed finds its `since`; and `clear` leaves nothing.
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
  const names = Object.keys(nothing) as ReadonlyArray<keyof Gauges>

  const found = (control: ControlBlock): Gauges => {
    const { allowed, blamed, buffers, crowded, heap, heapLimit } = control
    return { heap, buffers, heapLimit, crowded, allowed, blamed, since: blamed < 0 ? 0 : control.since }
  }

  const look = ({ memory }: { readonly memory: ByteMemory }): void => {
    const control = new ControlBlock(memory)
    const first = memory.seam.load(memory.i32, over)
    const gauges = found(control)
    const last = memory.seam.load(memory.i32, begun)
    const possible = stages.slice(first, last + 1)
    for (const name of names) {
      // Without a group there is no `since` to tell of.
      if (name === "since" && gauges.blamed < 0) continue
      if (!possible.some(({ leaves }) => leaves[name] === gauges[name])) {
        throw new Error(`${name} is ${gauges[name]} in stages ${first} to ${last}`)
      }
    }
  }

  const leave: Operation<object> = (_, { memory: { i32, seam } }) => {
    seam.store(i32, gone, 1)
    seam.notify(i32, gone)
    return undefined
  }

  const worker: ModelThread<{ stage: number }> = {
    name: "Worker",
    local: () => ({ stage: 1 }),
    first: "work",
    operations: {
      work: (local, { memory }) => {
        memory.seam.store(memory.i32, begun, local.stage)
        stages[local.stage].does(new ControlBlock(memory))
        memory.seam.store(memory.i32, over, local.stage)
        local.stage += 1
        return local.stage < stages.length ? "work" : "leave"
      },
      leave
    }
  }
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
        for (const name of names) {
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

/** What a sender finds on the board: who is there, and whether something is refused, however long. */
interface Notices {
  readonly isThere: boolean
  readonly worker: boolean
  readonly group: boolean
  readonly any: boolean
}

/**
 * An owner has a worker come, refuses it and a key group, takes them again, and has it leave. A sender looks once at any
 * time, and once when all is over.
 *
 * The law: a look finds each notice as one of the stages leaves it, from the last one that was over before the look to
 * the last one that had begun after it.
 */
export const refusalsModel = (ring: Ring): Program => {
  const { Refusals } = ring.Refusals
  const millis = 1_000_000
  // Behind the board of one place and one group: the stages that have begun and are over.
  const begun = 4
  const over = 5
  const place = 0
  const group = 0

  type Board = ReturnType<typeof Refusals.over>
  const away: Notices = { isThere: false, worker: false, group: false, any: false }
  const there: Notices = { ...away, isThere: true }
  const refused: Notices = { ...there, worker: true, any: true }
  const stages: ReadonlyArray<{ readonly does: (board: Board) => void; readonly leaves: Notices }> = [
    { does: () => {}, leaves: away },
    { does: (board) => board.come(place), leaves: there },
    { does: (board) => board.refuseWorker(place, millis), leaves: refused },
    { does: (board) => board.refuseGroup(group, millis), leaves: { ...refused, group: true } },
    { does: (board) => board.refuseGroup(group, 0), leaves: refused },
    { does: (board) => board.refuseWorker(place, 0), leaves: there },
    { does: (board) => board.leave(place), leaves: away }
  ]
  const names = Object.keys(away) as ReadonlyArray<keyof Notices>

  const look = ({ memory }: { readonly memory: ByteMemory }): void => {
    const board = Refusals.over(memory)
    const first = memory.seam.load(memory.i32, over)
    const found: Notices = {
      any: board.any,
      isThere: board.isThere(place),
      worker: board.ofWorker(place) > 0,
      group: board.ofGroup(group) > 0
    }
    const last = memory.seam.load(memory.i32, begun)
    const possible = stages.slice(first, last + 1)
    for (const name of names) {
      if (!possible.some(({ leaves }) => leaves[name] === found[name])) {
        throw new Error(`${name} is ${found[name]} in stages ${first} to ${last}`)
      }
    }
  }

  const owner: ModelThread<{ stage: number }> = {
    name: "Owner",
    local: () => ({ stage: 1 }),
    first: "work",
    operations: {
      work: (local, { memory }) => {
        memory.seam.store(memory.i32, begun, local.stage)
        stages[local.stage].does(Refusals.over(memory))
        memory.seam.store(memory.i32, over, local.stage)
        local.stage += 1
        return local.stage < stages.length ? "work" : undefined
      }
    }
  }
  const sender: ModelThread = {
    name: "Sender",
    local: () => ({}),
    first: "glance",
    operations: {
      glance: (_, world) => {
        look(world)
        return undefined
      }
    }
  }
  return {
    memory: () => {
      const memory = new Int32Array(6)
      memory.set(new Int32Array(Refusals.make(1, 1).buffer))
      return memory.buffer
    },
    threads: [owner, sender]
  }
}
