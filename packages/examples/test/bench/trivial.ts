/** A suite whose subjects are all right, but one that is not available. */
import { Unavailable, type Suite } from "../../bench/harness/Suite.ts"

const module = new URL("./subjects/loop.ts", import.meta.url)
const fields = ["nsPerMessage", "messagesPerSecond"]

export const suite: Suite = {
  name: "trivial",
  scenarios: [
    {
      name: "trivial:loop",
      about: "A loop.",
      fields,
      subjects: [
        { name: "one", module },
        { name: "other", module },
        { name: "absent", module, prepare: () => Promise.reject(new Unavailable("it is not installed")) }
      ]
    },
    { name: "trivial:loop-again", about: "The same.", fields, subjects: [{ name: "one", module }] },
    { name: "trivial:rest", about: "The same.", fields, subjects: [{ name: "one", module }] }
  ]
}
