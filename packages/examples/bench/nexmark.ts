/**
 * The suite of NEXMark: each query as a pipeline, and as two rivals that are written by hand.
 *
 * @since 0.1.0
 */
import { queries, type QueryName } from "../src/nexmark/queries.ts"
import type { Scenario, Subject, Suite } from "./harness/Suite.ts"
import type { NexmarkArgs } from "./nexmark/Args.ts"
import type { PostArgs } from "./nexmark/postMessage.ts"

const module = (file: string): URL => new URL(`./nexmark/${file}.ts`, import.meta.url)

const subject = (name: string, file: string, args: NexmarkArgs | PostArgs): Subject => ({
  name,
  module: module(file),
  args: { ...args }
})

const about: { readonly [Name in QueryName]: string } = {
  q0: "Pass through: every event to the main thread.",
  q1: "Currency conversion: every bid to the main thread, its price in euros.",
  q2: "Selection: bids on one auction in 123.",
  q3: "Local item suggestion: people and auctions joined, for all time.",
  q4: "Average price for a category: winning bids, then their mean.",
  q5: "Hot items: the auctions with the most bids of 10 seconds, every 2 seconds.",
  q6: "Average selling price by seller: winning bids, then the mean of the last ten.",
  q7: "Highest bid of each 10 seconds.",
  q8: "New users: people and auctions joined within 10 seconds.",
  q9: "Winning bids.",
  q11: "User sessions: bids without a pause of 10 seconds.",
  q12: "Bids of each bidder in 10 seconds of the machine's clock."
}

const scenario = (query: QueryName): Scenario => ({
  name: `nexmark:${query}`,
  about: about[query],
  fields: ["nsPerEvent", "eventsPerSecond"],
  subjects: [
    subject("shared-nothing 2 workers", "sharedNothing", { query, workers: 2 }),
    subject("shared-nothing 1 worker", "sharedNothing", { query, workers: 1 }),
    subject("Effect Stream, one thread", "effectStream", { query, workers: 1 }),
    subject("postMessage, events from the main thread", "postMessage", { query, workers: 2, source: "main" }),
    subject("postMessage, 2 threads make events", "postMessage", { query, workers: 2, source: "threads" })
  ],
  patience: 4
})

/**
 * @category suites
 * @since 0.1.0
 */
export const suite: Suite = {
  name: "nexmark",
  scenarios: (Object.keys(queries) as Array<QueryName>).map(scenario)
}
