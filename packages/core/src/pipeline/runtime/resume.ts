/**
 * Does for the last entry of a ledger what the subtask that wrote it may not have lived to do, before a
 * successor attaches: acknowledges what was read, and publishes what was written.
 *
 * Nobody holds these ends of the lanes now, so nobody else stores these cursors. They only move
 * forward: where the predecessor had done it all, nothing is left to do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ReceiverHandle, SenderHandle } from "../../channel/Handle.ts"
import { openMesh } from "../../channel/opening.ts"
import type { InvalidConfig } from "../../errors/Errors.ts"
import { LaneControl, laneControlIndex } from "../../ring/layout.ts"
import type { Mesh } from "../../ring/Mesh.ts"
import type { Mark } from "../../ring/ReceiverPort.ts"
import type { Entry } from "../../worker/ties/Ledger.ts"
import type { Frame } from "./Frame.ts"

const where = "Pipeline: resume"

const isAhead = (position: number, of: number): boolean => ((position - of) | 0) > 0

const acknowledge = (mesh: Mesh, receiver: number, marks: ReadonlyArray<Mark>): void => {
  const { i32, seam } = mesh.memory
  for (let sender = 0; sender < marks.length; sender++) {
    const { count, position } = marks[sender]
    const control = laneControlIndex(mesh.senders, mesh.receivers, sender * mesh.receivers + receiver)
    if (!isAhead(position, seam.load(i32, control + LaneControl.acked))) continue
    seam.store(i32, control + LaneControl.ackedCount, count)
    seam.store(i32, control + LaneControl.acked, position)
  }
  mesh.ringAll()
}

const publish = (mesh: Mesh, sender: number, position: number): void => {
  const { i32, seam } = mesh.memory
  const write = laneControlIndex(mesh.senders, mesh.receivers, sender * mesh.receivers) + LaneControl.write
  if (isAhead(position, seam.load(i32, write))) seam.store(i32, write, position)
  mesh.ring(mesh.receiverEndpoint(0))
}

/** Settles the lanes of an entry: those of the mailbox, and those of all outlets in their order. */
export const settle = (
  { marks, written }: Entry,
  mailbox: ReceiverHandle<Frame> | null,
  outlets: ReadonlyArray<ReadonlyArray<SenderHandle<Frame>>>
): Effect.Effect<void, InvalidConfig> =>
  Effect.gen(function* () {
    if (mailbox !== null) {
      acknowledge(yield* openMesh(where, "ReceiverHandle", mailbox), mailbox.slot, marks)
    }
    for (const [at, handle] of outlets.flat().entries()) {
      if (handle.slot < 0) continue
      publish(yield* openMesh(where, "SenderHandle", handle), handle.slot, written[at].position)
    }
  })
