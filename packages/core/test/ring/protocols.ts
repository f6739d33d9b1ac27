/**
 * Small models of what happens around the lanes: reserving, claiming, adopting, shutting, and looking
 * at statistics from outside.
 */
import type { ModelThread, Operation, Program } from "../../src/testing/index.ts"
import type { Ring } from "./models.ts"

interface Local {
  [key: string]: unknown
}

const thread = (
  name: string,
  operations: Readonly<Record<string, Operation<Local>>>,
  more: Partial<ModelThread> = {}
): ModelThread => ({ name, local: () => ({}), first: Object.keys(operations)[0], operations, ...more })

const meshMemory = (ring: Ring, senders: number, receivers: number, reserved: boolean) => () => {
  const mesh = ring.Mesh.Mesh.make(
    { senders, receivers, laneBytes: 64, laneMessages: 0, fingerprint: [0, 0], awaitSuccessor: true },
    (bytes) => new ArrayBuffer(bytes)
  )
  if (reserved) {
    for (let s = 0; s < senders; s++) mesh.reserve("sender")
    for (let r = 0; r < receivers; r++) mesh.reserve("receiver")
  }
  return mesh.memory.buffer as ArrayBuffer
}

/** Three threads reserve; a fourth must never see a reserved slot above the high-water mark. */
export const reserveModel = (ring: Ring): Program => {
  const reserve = (name: string) =>
    thread(name, {
      reserve: (_, { memory, note }) => {
        note(ring.Mesh.Mesh.over(memory).reserve("sender"))
        return undefined
      }
    })
  return {
    memory: meshMemory(ring, 3, 1, false),
    events: 3,
    threads: [
      reserve("A"),
      reserve("B"),
      reserve("C"),
      thread("Watch", {
        look: (_, { memory }) => {
          const mesh = ring.Mesh.Mesh.over(memory)
          for (let s = 2; s >= 0; s--) {
            if (mesh.state(s) !== ring.layout.EndpointState.Free && mesh.highWater <= s) {
              throw new Error(`slot ${s} is reserved above the mark`)
            }
          }
          return undefined
        }
      })
    ],
    atEnd: ({ notes }) => (notes.every((times) => times === 1) ? undefined : `slots taken ${notes.join(", ")} times`)
  }
}

/** Two threads want one endpoint: exactly one gets it, by whichever of the ways to it. */
export const contestModel = (ring: Ring, way: "claim" | "succeed" | "adopt" | "retire"): Program => {
  const { EndpointState } = ring.layout
  const endpoint = 1
  const take = (owner: number, adopter: number) =>
    thread(`T${owner}`, {
      take: (_, { memory, note }) => {
        const mesh = ring.Mesh.Mesh.over(memory)
        if (way === "adopt") {
          if (mesh.adopt(endpoint, adopter, owner)) note(0)
        } else if (way === "retire" && owner === 1) {
          if (mesh.retire(endpoint)) note(0)
        } else {
          try {
            mesh.claim(endpoint, owner)
            note(0)
          } catch (error) {
            if (!(error instanceof Error) || error.name !== "RingFault") throw error
          }
        }
        return undefined
      }
    })
  return {
    memory: () => {
      const memory = meshMemory(ring, 1, 3, true)()
      const mesh = ring.Mesh.Mesh.open(memory)
      if (way !== "claim") {
        mesh.claim(endpoint, 9)
        if (way === "adopt") mesh.release(endpoint, 9)
        else mesh.bury(9)
      }
      return memory
    },
    events: 1,
    threads: [take(1, 2), take(2, 3)],
    atEnd: ({ i32, notes }) => {
      const base = ring.layout.endpointIndex(endpoint)
      const state = ring.layout.stateOf(i32[base + ring.layout.Endpoint.state])
      const owner = ring.layout.ownerOf(i32[base + ring.layout.Endpoint.state])
      const bell = i32[base + ring.layout.Endpoint.bellOf]
      const generation = i32[base + ring.layout.Endpoint.generation]
      if (notes[0] !== 1) return `${notes[0]} threads have it`
      if (way === "adopt" && bell !== owner + 1) return "the bell is not the holder's"
      const before = way === "claim" ? 0 : 1
      if (state !== EndpointState.Closed && generation !== before + 1) return `generation ${generation}`
      return state === EndpointState.Closed && way !== "retire" ? "closed" : undefined
    }
  }
}

/** A sender and a receiver sleep; the owner shuts the mesh; both must learn of it. */
export const shutModel = (ring: Ring): Program => {
  const { Doorbell } = ring
  const sleeper = (name: string, attach: Operation<Local>): ModelThread =>
    thread(name, {
      attach,
      arm: (local) => {
        ;(local.port as { arm(): void }).arm()
        return "look"
      },
      look: (local, { memory }) => {
        const port = local.port as { status(): string; bell: number }
        if (port.status() === "closed") return undefined
        Doorbell.sleep(memory, port.bell)
        return "arm"
      }
    })
  return {
    memory: meshMemory(ring, 1, 1, true),
    threads: [
      sleeper("S", (local, { memory }) => {
        local.port = ring.SenderPort.SenderPort.attach(ring.Mesh.Mesh.over(memory), 0, 1)
        return "arm"
      }),
      sleeper("R", (local, { memory }) => {
        local.port = ring.ReceiverPort.ReceiverPort.attach(ring.Mesh.Mesh.over(memory), 0, 2)
        return "arm"
      }),
      thread("Owner", {
        shut: (_, { memory }) => {
          ring.Mesh.Mesh.over(memory).shut()
          return undefined
        }
      })
    ]
  }
}

/** One message goes through, an error is counted on both sides, and a third thread reads every statistic. */
export const watchModel = (ring: Ring): Program => {
  const { endpointIndex, Endpoint, LaneControl, laneControlIndex } = ring.layout
  const { EndpointState } = ring.layout
  const words = (i32: Int32Array) => {
    const lane = laneControlIndex(1, 1, 0)
    return [
      i32[lane + LaneControl.sent],
      i32[lane + LaneControl.received],
      i32[lane + LaneControl.read],
      i32[endpointIndex(0) + Endpoint.errors],
      i32[endpointIndex(1) + Endpoint.errors],
      i32[endpointIndex(0) + Endpoint.waits],
      i32[endpointIndex(1) + Endpoint.generation]
    ].join(" ")
  }
  return {
    memory: meshMemory(ring, 1, 1, true),
    threads: [
      thread("S", {
        go: (_, { memory }) => {
          const port = ring.SenderPort.SenderPort.attach(ring.Mesh.Mesh.over(memory), 0, 1)
          port.countError()
          port.countError()
          const before: number = port.depth
          if (before !== 0) throw new Error("a depth before the first message")
          if (port.lane()!.publish()) throw new Error("published nothing")
          port.reserve(8)
          port.commit(8, 2)
          const lane = port.lane()!
          const depth = (): number => port.depth
          if (depth() !== 1 || lane.isAcked(0)) throw new Error("acknowledged before it is published")
          port.publish()
          if (depth() < 0 || depth() > 1) throw new Error("the depth of one message is 0 or 1")
          port.arm()
          if (!lane.isAcked(0)) ring.Doorbell.sleep(memory, port.bell)
          if (!lane.isAcked(0) || depth() !== 0 || port.mesh.ackedIn(0, 0) !== 1)
            throw new Error("woken without an acknowledgement")
          return undefined
        }
      }),
      thread("R", {
        attach: (local, { memory }) => {
          local.port = ring.ReceiverPort.ReceiverPort.attach(ring.Mesh.Mesh.over(memory), 0, 2)
          return "take"
        },
        take: (local, { memory }) => {
          const port = local.port as ReturnType<typeof ring.ReceiverPort.ReceiverPort.attach>
          if (port.next() === 0) {
            ring.Doorbell.arm(memory, port.bell)
            if (port.next() === 0) ring.Doorbell.sleep(memory, port.bell)
            return "take"
          }
          port.advance()
          port.publishRead()
          port.countError()
          port.countError()
          port.ack()
          return undefined
        }
      }),
      thread("Watch", {
        look: (_, { memory }) => {
          const { i32, seam } = memory
          const lane = laneControlIndex(1, 1, 0)
          const load = (word: number) => seam.load(i32, word)
          const received = ring.Counter.read(memory, lane + LaneControl.received)
          const sent = ring.Counter.read(memory, lane + LaneControl.sent)
          if (received > 1 || sent > 1) throw new Error(`${sent} sent, ${received} received`)
          if (sent > 0 && load(lane + LaneControl.write) === 0) throw new Error("counted before it was published")
          load(lane + LaneControl.read)
          const mesh = ring.Mesh.Mesh.over(memory)
          if (mesh.ackedIn(0, 0) > 1 || mesh.producedIn(0, 0) > 1) throw new Error("more than one message")
          load(endpointIndex(0) + Endpoint.errors)
          load(endpointIndex(1) + Endpoint.errors)
          ring.Counter.read(memory, endpointIndex(0) + Endpoint.waits)
          if (load(endpointIndex(0) + Endpoint.generation) > 1) throw new Error("attached twice")
          return undefined
        }
      })
    ],
    atEnd: ({ i32 }) => {
      const end = words(i32)
      const state = ring.layout.stateOf(i32[endpointIndex(0) + Endpoint.state])
      if (state !== EndpointState.Attached) return `sender in state ${state}`
      return end === "1 1 2 2 2 1 1" ? undefined : `statistics ${end}`
    }
  }
}

/** The adopter of a closed endpoint is dead; while the owner buries it, another receiver tries to adopt. */
export const orphanModel = (ring: Ring): Program => {
  const { EndpointState, endpointIndex, Endpoint, ownerOf, stateOf } = ring.layout
  return {
    memory: () => {
      const memory = meshMemory(ring, 1, 2, true)()
      const mesh = ring.Mesh.Mesh.open(memory)
      mesh.claim(1, 8)
      mesh.release(1, 8)
      mesh.adopt(1, 2, 9)
      return memory
    },
    threads: [
      thread("Owner", {
        bury: (_, { memory }) => {
          ring.Mesh.Mesh.over(memory).bury(9)
          return undefined
        }
      }),
      thread("R", {
        adopt: (local, { memory }) => {
          local.done = ring.Mesh.Mesh.over(memory).adopt(1, 2, 7)
          return undefined
        }
      })
    ],
    atEnd: ({ i32, local }) => {
      const word = i32[endpointIndex(1) + Endpoint.state]
      const { done } = local("R") as { done: boolean }
      const expected = done ? EndpointState.Adopted : EndpointState.Closed
      return stateOf(word) === expected && ownerOf(word) === (done ? 7 : 0) ? undefined : `state ${word}`
    }
  }
}

/** What one thread alone can tell. */
export const soloModel = (ring: Ring): Program => {
  const { closedBy, Endpoint, EndpointState, laneControlIndex, LaneControl } = ring.layout
  const expect = (truth: boolean, what: string) => {
    if (!truth) throw new Error(what)
  }
  return {
    memory: () => {
      const { memory } = ring.Mesh.Mesh.make(
        { senders: 1, receivers: 1, laneBytes: 64, laneMessages: 3, fingerprint: [0, 0], awaitSuccessor: true },
        (bytes) => new ArrayBuffer(bytes)
      )
      // 2^31 messages have gone through, as numbers modulo 2^32 tell it.
      memory.i32[laneControlIndex(1, 1, 0) + LaneControl.ackedCount] = -0x80000000
      return memory.buffer as ArrayBuffer
    },
    threads: [
      thread("T", {
        refuse: (_, { memory }) => {
          const mesh = ring.Mesh.Mesh.over(memory)
          mesh.reserve("sender")
          mesh.claim(0, 5)
          expect(!mesh.retire(0) && mesh.state(0) === EndpointState.Attached, "the living are not retired")
          expect(!mesh.reserveSender(0), "the living are not replaced")
          mesh.release(0, 5)
          expect(mesh.endpoint(0, Endpoint.state) === closedBy(5), "a closed slot names its last thread")
          expect(mesh.reserveSender(0) && mesh.state(0) === EndpointState.Reserved, "a closed slot is taken again")
          return "fill"
        },
        fill: (_, { memory }) => {
          const mesh = ring.Mesh.Mesh.over(memory)
          const producer = mesh.producer(0, 0)
          const consumer = mesh.consumer(0, 0)
          for (let m = 0; m < 3; m++) {
            expect(producer.reserve(8) >= 0, `room for message ${m}`)
            producer.commit(8, 2)
          }
          expect(producer.reserve(8) === -1, "no room for a fourth message")
          producer.publish()
          expect(!consumer.roomy, "more than half is in use")
          consumer.next()
          consumer.advance()
          consumer.ack()
          expect(consumer.roomy, "half is free")
          return undefined
        }
      })
    ]
  }
}
