/** A suite whose subjects fail in every way that the harness must notice, but the first. */
import type { Suite } from "../../bench/harness/Suite.ts"
import type { LoopArgs } from "./subjects/loop.ts"

const module = new URL("./subjects/loop.ts", import.meta.url)
const subject = (name: string, args: LoopArgs) => ({ name, module, args: { agreement: "42", ...args } })

export const suite: Suite = {
  name: "faulty",
  scenarios: [
    {
      name: "faulty:loop",
      about: "A loop.",
      fields: ["nsPerMessage"],
      subjects: [
        subject("sound", {}),
        subject("loses", { lose: 1000 }),
        subject("throws", { fail: "seeded failure" }),
        subject("dies", { die: 3 }),
        subject("disagrees", { agreement: "41" })
      ]
    },
    { name: "faulty:field", about: "A loop.", fields: ["furlongs"], subjects: [subject("sound", {})] }
  ]
}
