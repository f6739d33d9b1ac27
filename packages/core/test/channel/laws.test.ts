import { describe, it } from "@effect/vitest"
import type { ChannelOptionsInput } from "../../src/channel/ChannelOptions.ts"
import * as ChannelLaws from "../../src/testing/laws/ChannelLaws.ts"
import { flavours, type FlavourName, inProcess } from "./subjects.ts"

const variants: Record<string, { readonly options: ChannelOptionsInput; readonly messages?: number }> = {
  "as it comes": { options: {} },
  "the smallest ring": { options: { capacityBytes: 64 } },
  "one message": { options: { capacity: 1 }, messages: 200 },
  "a small ring, acknowledged after": { options: { capacity: 7, capacityBytes: 1024, ack: "after" } },
  "a small ring, acknowledged in batches": { options: { capacity: 16, ack: "batch" } },
  unbounded: { options: { unbounded: true, capacity: 8 } },
  "unbounded, acknowledged after": { options: { unbounded: true, capacityBytes: 64, ack: "after" } },
  spin: { options: { wait: "spin", capacity: 16 } },
  yield: { options: { wait: "yield", capacity: 16 } },
  park: { options: { wait: "park", capacity: 16 } },
  // Both halves in one thread that sleeps as a whole: it wakes every 100 ms only.
  block: { options: { wait: "block" }, messages: 8 }
}

for (const flavour of Object.keys(flavours) as Array<FlavourName>) {
  describe.each(Object.entries(variants))(`${flavour}: %s`, (_, { messages = 500, options }) => {
    for (const law of ChannelLaws.all(inProcess(flavour, options, messages))) {
      it.live(law.name, () => law.run)
    }
  })
}
