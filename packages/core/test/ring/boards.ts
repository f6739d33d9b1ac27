/**
 * Models of the two boards beside the lanes that senders look at: the table that they route by, and what is refused.
 */
import type { ByteMemory } from "../../src/ring/ByteMemory.ts"
import type { ModelThread, Operation, Program } from "../../src/testing/index.ts"
import type { Ring } from "./models.ts"
import { staged } from "./stages.ts"

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
  const find = (board: Board): Notices => ({
    any: board.any,
    isThere: board.isThere(place),
    worker: board.ofWorker(place) > 0,
    group: board.ofGroup(group) > 0
  })
  const { look, writer } = staged(stages, Refusals.over, find, { begun, over })
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
    threads: [writer("Owner"), sender]
  }
}
