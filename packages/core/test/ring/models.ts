/**
 * The models of `ring/` that the explorer runs: what a correct user of lanes, meshes, bells and counters does, in
 * operations small enough that threads forget what no longer matters.
 *
 * Messages are told apart by lane and number, so a successor learns from the lanes alone where its
 * predecessor stood. They are written and read as channels do: with `put` and `take`, and what a batch
 * cannot do one by one. Accepted means published; a receiver acknowledges after handling.
 */
import type * as ControlBlockModule from "../../src/ring/ControlBlock.ts"
import type * as RefusalsModule from "../../src/ring/Refusals.ts"
import type * as CounterModule from "../../src/ring/Counter.ts"
import type * as DoorbellModule from "../../src/ring/Doorbell.ts"
import type * as LayoutModule from "../../src/ring/layout.ts"
import type { LaneProducer } from "../../src/ring/LaneProducer.ts"
import type { Decoder, Encoder } from "../../src/ring/Run.ts"
import type * as MeshModule from "../../src/ring/Mesh.ts"
import type { ReceiverPort } from "../../src/ring/ReceiverPort.ts"
import type * as ReceiverPortModule from "../../src/ring/ReceiverPort.ts"
import type * as RoutingTableModule from "../../src/ring/RoutingTable.ts"
import type { SenderPort } from "../../src/ring/SenderPort.ts"
import type * as SenderPortModule from "../../src/ring/SenderPort.ts"
import type { ModelThread, Operation, Program } from "../../src/testing/index.ts"

/** The modules under test: the sources as they are, or a mutant of them. */
export interface Ring {
  readonly ControlBlock: typeof ControlBlockModule
  readonly Refusals: typeof RefusalsModule
  readonly Counter: typeof CounterModule
  readonly Doorbell: typeof DoorbellModule
  readonly layout: typeof LayoutModule
  readonly Mesh: typeof MeshModule
  readonly ReceiverPort: typeof ReceiverPortModule
  readonly RoutingTable: typeof RoutingTableModule
  readonly SenderPort: typeof SenderPortModule
}

export const load = async (folder: URL): Promise<Ring> => {
  const of = (name: string) => import(new URL(`${name}.ts`, folder).href)
  return {
    ControlBlock: await of("ControlBlock"),
    Refusals: await of("Refusals"),
    Counter: await of("Counter"),
    Doorbell: await of("Doorbell"),
    layout: await of("layout"),
    Mesh: await of("Mesh"),
    ReceiverPort: await of("ReceiverPort"),
    RoutingTable: await of("RoutingTable"),
    SenderPort: await of("SenderPort")
  }
}

export interface MeshModel {
  readonly senders: number
  readonly receivers: number
  /** Messages of each sender. */
  readonly messages: number
  /** Payload bytes of every message. */
  readonly bytes: number
  /** Messages between two calls of `publish`, and between two calls of `ack`. */
  readonly batch: number
  readonly laneMessages?: number
  /** Every message by `reserve`, `commit`, `next` and `advance`, none by `put` and `take`. */
  readonly oneByOne?: boolean
  /** How many of the first senders go before all others. */
  readonly urgent?: number
  /** Who may die. */
  readonly mortal?: "senders" | "receivers" | "all" | `S${number}` | `R${number}`
  /** Receiver 0 closes after handling so many messages, with one more read but not acknowledged. */
  readonly leaves?: number
  /** Whether the words that count are modelled. Default true. */
  readonly statistics?: boolean
  /** The owner retires the endpoint of receiver 0 when it died; default: a successor comes. */
  readonly retires?: boolean
}

interface Sending {
  port: SenderPort | undefined
  sent: number
  pending: number
  offset: number
}

interface Receiving {
  port: ReceiverPort | undefined
  /** Payload due next in each lane, by sender and receiver; undefined until the first. */
  due: Array<number | undefined>
  handled: number
  unacked: number
  over: boolean
}

const laneBytes = 64
/** A sender's lanes, which it keeps to itself. */
const lanesOf = (port: SenderPort): ReadonlyArray<LaneProducer> => Reflect.get(port, "lanes")
/** The receiver slot that each lane of a receiver belongs to. */
const heldOf = (port: ReceiverPort): ReadonlyArray<number> => Reflect.get(port, "held")

/** The only kind of frame. */
const kind = 2

/** A message is a word at the beginning of its payload. */
const encoderOf = (bytes: number): Encoder<number> => ({
  fixedSize: bytes,
  bound: () => bytes,
  write: (memory, offset, value) => {
    memory.i32[offset >>> 2] = value
    return offset + bytes
  }
})

const decoder: Decoder<number> = { read: (memory, offset) => memory.i32[offset >>> 2] }

/**
 * How often a port waited is history that nothing depends on: with it, states that are alike would
 * be explored once for each count. The same goes for what is `left` of a receiver's quantum of 256,
 * and for what its last `take` `reached`.
 */
const forget = (port: SenderPort | ReceiverPort): void => {
  Reflect.set(port, "waits", 0)
}

const forgetTurn = (port: ReceiverPort): void => {
  Reflect.set(port, "left", 256)
  port.reached = 0
}

export const meshModel = (ring: Ring, model: MeshModel): Program => {
  const { Mesh } = ring.Mesh
  const { receivers, senders } = model
  const lanes = senders * receivers
  const lane = (s: number, r: number) => s * receivers + r
  const event = (s: number, r: number, number: number) => lane(s, r) * model.messages + number
  const payload = (s: number, r: number, number: number) => (lane(s, r) + 1) * 1000 + number
  const { EndpointState } = ring.layout
  const encoder = encoderOf(model.bytes)
  const laneWord = (l: number, word: number) => ring.layout.laneControlIndex(senders, receivers, l) + word

  const sender = (slot: number, owner: number): Readonly<Record<string, Operation<Sending>>> => ({
    attach: (local, { memory }) => {
      const port = ring.SenderPort.SenderPort.attach(Mesh.over(memory), slot, owner)
      local.port = port
      forget(port)
      for (const lane of lanesOf(port)) local.sent += (lane.lastSequence + 1) | 0
      return "send"
    },
    send: (local) => {
      if (local.sent === model.messages) return "close"
      const port = local.port!
      const lane = port.lane()
      if (model.oneByOne || lane === undefined) return "reserve"
      const next = (lane.lastSequence + 1) | 0
      const many = Math.min(model.batch - local.pending, model.messages - local.sent)
      const messages = Array.from({ length: many }, (_, i) => payload(slot, port.target, next + i))
      const put = lane.put(encoder, kind, messages, 0, many)
      local.sent += put
      local.pending += put
      if (local.pending === model.batch) return "publish"
      return put === many ? "send" : "reserve"
    },
    reserve: (local) => {
      local.offset = local.port!.reserve(model.bytes)
      if (local.offset >= 0) return "write"
      const lane = lanesOf(local.port!)[local.port!.target]
      if (Reflect.get(lane, "write") === Reflect.get(lane, "acked")) throw new Error("full although all space is free")
      return "full"
    },
    write: (local, { memory }) => {
      const port = local.port!
      const number = (port.lane()!.lastSequence + 1) | 0
      encoder.write(memory, local.offset, payload(slot, port.target, number))
      port.commit(model.bytes, kind)
      local.offset = 0
      local.sent += 1
      local.pending += 1
      return local.pending === model.batch ? "publish" : "send"
    },
    publish: (local) => {
      local.port!.publish()
      local.pending = 0
      return "send"
    },
    full: (local) => {
      local.port!.publish()
      local.offset = 0
      local.pending = 0
      return "arm"
    },
    arm: (local) => {
      local.port!.arm()
      forget(local.port!)
      return "status"
    },
    status: (local) => {
      const status = local.port!.status()
      if (status !== "open") throw new Error(`sender ${slot} found the mesh ${status}`)
      return "again"
    },
    again: (local) => (local.port!.reserve(model.bytes) >= 0 ? "disarm" : "sleep"),
    disarm: (local) => {
      local.port!.disarm()
      return "send"
    },
    sleep: (local, { memory }) => {
      ring.Doorbell.sleep(memory, local.port!.bell)
      return "send"
    },
    close: (local) => {
      local.port!.close()
      local.port = undefined
      return undefined
    }
  })

  /** The last look before a sleep: as a receiver takes it, or, where lanes are urgent, as one that waits for one lane does. */
  const isDry = (port: ReceiverPort): boolean =>
    model.urgent === undefined ? port.next() === 0 : heldOf(port).every((_, laneIndex) => port.isEmpty(laneIndex))

  const receiver = (slot: number, owner: number): Readonly<Record<string, Operation<Receiving>>> => ({
    attach: (local, { memory }) => {
      local.port = ring.ReceiverPort.ReceiverPort.attach(Mesh.over(memory), slot, owner)
      local.port.urgent = model.urgent ?? 0
      forget(local.port)
      return "receive"
    },
    receive: (local, { memory, note }) => {
      const port = local.port!
      if (port.next() === 0) return "flush"
      const s = port.sender
      const r = heldOf(port)[port.laneIndex]
      const values: Array<number> = []
      const room = model.batch - local.unacked
      if (model.oneByOne || port.take(decoder, kind, values, 0, room) === 0) {
        values.push(decoder.read(memory, port.lane.offset, 0))
        port.advance()
      }
      forgetTurn(port)
      for (const value of values) {
        const number = value - payload(s, r, 0)
        const due = local.due[lane(s, r)]
        if (number < 0 || number >= model.messages || (due !== undefined && due !== number)) {
          throw new Error(`receiver ${slot} read ${value} in lane ${s}→${r}, where number ${due ?? "any"} was due`)
        }
        local.due[lane(s, r)] = number + 1
        if (local.handled === model.leaves && slot === 0) return "leave"
        note(event(s, r, number))
        local.handled += 1
        local.unacked += 1
      }
      return local.unacked < model.batch ? "receive" : "ack"
    },
    ack: (local) => {
      local.port!.publishRead()
      local.port!.ack()
      local.unacked = 0
      return "receive"
    },
    flush: (local) => {
      if (local.unacked > 0) {
        local.port!.ack()
        local.unacked = 0
      }
      return "arm"
    },
    arm: (local) => {
      local.port!.arm()
      forget(local.port!)
      return "status"
    },
    status: (local) => {
      local.over = local.port!.status() === "closed" && othersLeft(local.port!, slot)
      return "again"
    },
    again: (local) => (isDry(local.port!) ? "scout" : "disarm"),
    scout: (local) => (local.port!.scout() ? "disarm" : local.over ? "leave" : "sleep"),
    disarm: (local) => {
      local.port!.disarm()
      local.over = false
      return "receive"
    },
    sleep: (local, { memory }) => {
      ring.Doorbell.sleep(memory, local.port!.bell)
      return "receive"
    },
    leave: (local) => {
      local.port!.close()
      local.port = undefined
      return undefined
    }
  })

  /** Where receiver 0 leaves early or is retired, the others go only once one has what it left behind. */
  const othersLeft = (port: ReceiverPort, slot: number): boolean =>
    slot === 0 || (model.leaves === undefined && !model.retires) || heldOf(port).includes(0)

  /** What the owner does when it learns of a death, and then what the successor does. */
  const heir = <L extends object>(
    victim: ModelThread<L>,
    endpoint: number,
    owner: number,
    operations: Readonly<Record<string, Operation<L>>>
  ): ModelThread<L> => ({
    name: `${victim.name}'`,
    local: victim.local,
    first: "bury",
    operations: {
      ...operations,
      bury: (_, { memory }) => {
        const mesh = Mesh.over(memory)
        mesh.bury(owner)
        const state = mesh.state(endpoint)
        if (state !== EndpointState.Dead && state !== EndpointState.Reserved) return undefined
        if (endpoint >= senders && model.retires && state === EndpointState.Dead) {
          mesh.retire(endpoint)
          return undefined
        }
        return "attach"
      }
    }
  })

  /** The words that count, and that nothing depends on. */
  const statistics = (): ReadonlyArray<number> => {
    const { Endpoint, endpointIndex, LaneControl } = ring.layout
    const { read, received, sent } = LaneControl
    const inLane = [read, received, received + 1, sent + 1]
    const inEndpoint = [Endpoint.waits, Endpoint.waits + 1, Endpoint.generation]
    return [
      ...Array.from({ length: lanes }, (_, l) => inLane.map((word) => laneWord(l, word))),
      ...Array.from({ length: senders + receivers }, (_, e) => inEndpoint.map((word) => endpointIndex(e) + word))
    ].flat()
  }

  const threads: Array<ModelThread> = []
  for (let s = 0; s < senders; s++) {
    const mortal = model.mortal === "senders" || model.mortal === "all" || model.mortal === `S${s}`
    const thread: ModelThread<Sending> = {
      name: `S${s}`,
      local: () => ({ port: undefined, sent: 0, pending: 0, offset: 0 }),
      first: "attach",
      operations: sender(s, s + 1)
    }
    threads.push(mortal ? { ...thread, mortal, successor: heir(thread, s, s + 1, sender(s, s + 101)) } : thread)
  }
  for (let r = 0; r < receivers; r++) {
    const mortal = model.mortal === "receivers" || model.mortal === "all" || model.mortal === `R${r}`
    const owner = senders + r + 1
    const thread: ModelThread<Receiving> = {
      name: `R${r}`,
      local: () => ({
        port: undefined,
        due: Array.from({ length: lanes }, () => undefined),
        handled: 0,
        unacked: 0,
        over: false
      }),
      first: "attach",
      operations: receiver(r, owner)
    }
    threads.push(
      mortal ? { ...thread, mortal, successor: heir(thread, senders + r, owner, receiver(r, owner + 100)) } : thread
    )
  }

  return {
    memory: () => {
      const mesh = Mesh.make(
        {
          senders,
          receivers,
          laneBytes,
          laneMessages: model.laneMessages ?? 0,
          fingerprint: [0, 0],
          awaitSuccessor: true
        },
        (bytes) => new ArrayBuffer(bytes)
      )
      for (let s = 0; s < senders; s++) mesh.reserve("sender")
      for (let r = 0; r < receivers; r++) mesh.reserve("receiver")
      // What the first wait would store, so that it changes nothing; see `forget`.
      for (let e = 0; e < senders + receivers; e++) {
        mesh.memory.i32[ring.layout.endpointIndex(e) + ring.layout.Endpoint.waits] = 1
      }
      return mesh.memory.buffer as ArrayBuffer
    },
    threads,
    events: lanes * model.messages,
    observed: Array.from({ length: lanes }, (_, l) => laneWord(l, ring.layout.LaneControl.sent)),
    idle: model.statistics === false ? statistics() : [],
    atEnd: ({ died, i32, notes }) => {
      let twice = 0
      for (let s = 0; s < senders; s++) {
        let accepted = 0
        for (let r = 0; r < receivers; r++) {
          const control = ring.layout.laneControlIndex(senders, receivers, lane(s, r))
          const sent = i32[control + ring.layout.LaneControl.sent]
          accepted += sent
          for (let m = 0; m < model.messages; m++) {
            const times = notes[event(s, r, m)]
            if (m < sent ? times === 0 : times > 0)
              return `message ${m} of ${sent} in lane ${s}→${r} was handled ${times} times`
            if (times > 1) twice += times - 1
          }
        }
        if (accepted !== model.messages) return `sender ${s} counted ${accepted} messages of ${model.messages}`
      }
      // What was handled and not yet acknowledged when a receiver died is handled again.
      const allowed = died()?.startsWith("R") ? model.batch : 0
      return twice > allowed ? `${twice} messages handled twice` : undefined
    },
    wordName: (word) => wordName(ring, senders, receivers, word)
  }
}

const wordName = (ring: Ring, senders: number, receivers: number, word: number): string => {
  const { Endpoint, endpointIndex, Header, laneControlIndex, LaneControl, laneDataOffset } = ring.layout
  const nameIn = (words: Readonly<Record<string, number>>, at: number) =>
    Object.entries(words).find(([, w]) => w === at)?.[0] ?? String(at)
  if (word < endpointIndex(0)) return `header.${nameIn(Header, word)}`
  for (let e = 0; e < senders + receivers; e++) {
    const at = word - endpointIndex(e)
    if (at < 32) return `${e < senders ? `S${e}` : `R${e - senders}`}.${nameIn(Endpoint, at)}`
  }
  for (let l = 0; l < senders * receivers; l++) {
    const at = word - laneControlIndex(senders, receivers, l)
    if (at < 64) return `lane${l}.${nameIn(LaneControl, at)}`
  }
  const data = word - (laneDataOffset(senders, receivers, laneBytes, 0) >>> 2)
  return `data${Math.floor(data / (laneBytes >>> 2))}[${data % (laneBytes >>> 2)}]`
}
