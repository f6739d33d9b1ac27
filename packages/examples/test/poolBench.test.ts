import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { outcomeOf as flightsOutcome, type Row } from "../bench/flights/job.ts"
import { type Drive, type PoolArgs, subject } from "../bench/pool/Subject.ts"
import { answerTo, make, makeBatch, outcomeOf, type Phase, Tally, tallyOf } from "../bench/pool/Tally.ts"

const main = fileURLToPath(new URL("../bench/main.ts", import.meta.url))

const bench = (suite: string, only: string) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, suite, "--json", "--quick", "--only", only], {
    encoding: "utf8"
  })
  assert.strictEqual(status, 0, stderr)
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
}

describe("the suites", { timeout: 240_000 }, () => {
  it("pool: every subject answers and handles all of it", () => {
    const results = bench("pool", "ask,send,broadcast,spawn")
    const named = (scenario: string) =>
      results.filter((result) => result.scenario === scenario).map((result) => result.subject)
    const all = [
      "shared-nothing",
      "piscina",
      "tinypool",
      "poolifier",
      "workerpool",
      "Effect RpcWorker",
      "postMessage by hand"
    ]
    for (const scenario of ["pool:ask", "pool:send", "pool:spawn"]) assert.deepStrictEqual(named(scenario), all)
    assert.deepStrictEqual(named("pool:broadcast"), ["shared-nothing", "postMessage by hand", "BroadcastChannel"])
    for (const result of results.filter(({ scenario }) => scenario === "pool:ask")) {
      assert.deepStrictEqual(Object.keys(result), [
        "scenario",
        "subject",
        "nsPerRequest",
        "requestsPerSecond",
        "timesFirst"
      ])
    }
  })

  it("pool: partition goes by its own name", () => {
    const subjects = bench("pool", "partition").map((result) => `${result.scenario} ${result.subject}`)
    assert.deepStrictEqual(subjects, ["partition hash", "partition consistentHash", "partition Effect HashRing"])
  })

  it("flights: one line a subject, and they agree", () => {
    const results = bench("flights", "flights")
    assert.deepStrictEqual(
      results.map((result) => result.subject),
      ["shared-nothing 2 workers", "shared-nothing 1 worker", "one thread"]
    )
    for (const result of results) {
      assert.deepStrictEqual(Object.keys(result), [
        "scenario",
        "subject",
        "ms",
        "rowsPerSecond",
        "peakRssMiB",
        "timesFirst"
      ])
      assert.approximately((result.rowsPerSecond * result.ms) / 1000, 3_000_000, 30_000)
    }
  })
})

describe("Tally", () => {
  const verdict = (change: (messages: Array<ReturnType<typeof make>>) => void): boolean => {
    const messages = makeBatch(0, 100)
    const sent = new Tally()
    for (let i = 0; i < 100; i++) sent.add(i)
    change(messages)
    const { arrived, expected } = outcomeOf([{ sent: sent.report(), arrived: tallyOf(messages) }], {})
    return arrived === expected
  }

  it("accepts what was sent", () => {
    assert.isTrue(verdict(() => {}))
  })

  it.each<readonly [string, (messages: Array<ReturnType<typeof make>>) => void]>([
    ["a loss", (messages) => messages.splice(50, 1)],
    ["a message that came twice", (messages) => messages.splice(50, 0, messages[50])],
    ["one twice in place of another", (messages) => messages.splice(50, 1, messages[49])],
    ["two that changed places", (messages) => messages.splice(50, 2, messages[51], messages[50])],
    ["a damaged one", (messages) => messages.splice(50, 1, { ...messages[50], value: -1 })]
  ])("notices %s", (_, change) => {
    assert.isFalse(verdict(change))
  })

  it("notices a wrong answer", () => {
    const tally = new Tally()
    tally.answered(7, answerTo(make(7)))
    assert.strictEqual(tally.report().faults, 0)
    tally.answered(7, answerTo(make(8)))
    tally.answered(7, answerTo({ ...make(7), key: "another" }))
    assert.strictEqual(tally.report().faults, 2)
  })

  it("begins anew after a report", () => {
    const tally = new Tally()
    tally.take(make(5))
    tally.report()
    tally.take(make(0))
    assert.deepStrictEqual(tally.report(), { count: 1, sum: 0, faults: 0 })
  })
})

describe("subject", () => {
  const load = { warmUpMillis: 0, measureMillis: 0 }
  const args: PoolArgs = { mode: "send", workers: 2, batch: 1, steps: 0 }
  const sums = { count: 10, sum: 45, faults: 0 }
  const phase: Phase = { sent: sums, arrived: sums }

  /** A pool that needs 20 ms for ten messages, whatever its size, and remembers what was opened and closed. */
  const pools = (log: Array<string>, arrived: Phase = phase) =>
    subject(async ({ workers }) => {
      log.push(`open ${workers}`)
      const drive: Drive = async () => {
        const from = performance.now()
        while (performance.now() - from < 20);
        return arrived
      }
      return {
        ask: drive,
        send: drive,
        meet: async () => new Set([1]),
        close: async () => log.push(`close ${workers}`)
      }
    })

  it("measures time for each message, and closes", async () => {
    const log: Array<string> = []
    const { metrics } = await pools(log)(args, load)
    assert.isAtLeast(metrics["nsPerMessage"], 2e6)
    assert.deepStrictEqual(log, ["open 2", "close 2"])
  })

  it("compares with one worker alone: two that are no faster are half as efficient", async () => {
    const log: Array<string> = []
    const { metrics } = await pools(log)({ ...args, mode: "scaling" }, load)
    assert.isAbove(metrics["efficiency"], 0.1)
    assert.isBelow(metrics["efficiency"], 0.9)
    assert.deepStrictEqual(log, ["open 1", "close 1", "open 2", "close 2"])
  })

  it("tells a thread that never answered, and a message that never came", async () => {
    const spawned = await pools([])({ ...args, mode: "spawn" }, load)
    assert.strictEqual(spawned.expected, "2 threads")
    assert.strictEqual(spawned.arrived, "1 threads")
    const lost: Phase = { sent: sums, arrived: { ...sums, count: 9 } }
    const { arrived, expected } = await pools([], lost)(args, load)
    assert.notStrictEqual(arrived, expected)
  })

  it("refuses what a pool cannot do", async () => {
    const failure = await pools([])({ ...args, mode: "broadcast" }, load).catch((cause: unknown) => cause)
    assert.match(String(failure), /it has no broadcast/)
  })
})

describe("the digest of flights", () => {
  const rows: ReadonlyArray<Row> = [
    ["ATL", 0, 3, 1, 20, 17],
    ["ATL", 86_400_000, 2, 0, -4, 3],
    ["ORD", 0, 1, 0, 0, 0]
  ]
  const digest = (rows: ReadonlyArray<Row>) => flightsOutcome({ workers: 1, passes: 1 }, 1, 3_000_000, rows).agreement

  it("does not depend on the order of groups", () => {
    assert.strictEqual(digest(rows), digest(rows.toReversed()))
  })

  it("depends on each number", () => {
    for (let field = 1; field < 6; field++) {
      const changed = rows.map((row, i) => (i === 1 ? row.with(field, 999) : row) as Row)
      assert.notStrictEqual(digest(rows), digest(changed))
    }
  })
})
