import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Arrivals, conclude } from "../bench/channel/Arrivals.ts"
import { Gate, gateMemory } from "../bench/channel/Gate.ts"
import { type Traffic, trafficOf, type TrafficSpec } from "../bench/channel/traffic.ts"
import { median, timesFirst } from "../bench/harness/runSuite.ts"

const main = fileURLToPath(new URL("./bench/main.ts", import.meta.url))

const bench = (...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" })
  return { status, stderr, stdout, lines: stdout.split("\n").filter((line) => line !== "") }
}

describe("the benchmark's command line", () => {
  it("prints one JSON object a line, with the scenario's fields in order, and nothing else", () => {
    const { lines, status, stderr, stdout } = bench("trivial", "--json", "--quick", "--only", "loop")
    assert.strictEqual(status, 0, stderr)
    assert.isTrue(stdout.endsWith("\n"))
    const results = lines.map((line) => JSON.parse(line))
    assert.deepStrictEqual(
      results.map(({ scenario, subject }) => `${scenario} ${subject}`),
      ["trivial:loop one", "trivial:loop other", "trivial:loop-again one"]
    )
    for (const result of results) {
      assert.deepStrictEqual(Object.keys(result), [
        "scenario",
        "subject",
        "nsPerMessage",
        "messagesPerSecond",
        "timesFirst"
      ])
      assert.isAbove(result.nsPerMessage, 0)
      assert.approximately(result.nsPerMessage * result.messagesPerSecond, 1e9, 1e7)
    }
    assert.include(stderr, "absent is left out: it is not installed")
    assert.include(stderr, process.version)
    assert.notInclude(stderr, "run 1 of 1", "progress is for terminals")
  })

  it("prints an aligned table with ratios", () => {
    const { lines, status } = bench("trivial", "--quick", "--only", "trivial:rest")
    assert.strictEqual(status, 0)
    assert.strictEqual(lines[0], "trivial:rest")
    assert.match(lines[1], /subject +nsPerMessage +messagesPerSecond +min – max +× first/)
    assert.match(lines[2], /^ {2}one .* 1\.00$/)
  })

  it("prints Markdown with the machine", () => {
    const { status, stdout } = bench("trivial", "--quick", "--markdown", "--only", "rest")
    assert.strictEqual(status, 0)
    assert.include(stdout, `- Node: ${process.version}`)
    assert.include(stdout, "### `trivial:rest`")
    assert.match(stdout, /\| one \| [^|]+ \| [^|]+ \| [^|]+ \| 1\.00 \|/)
  })

  it("gives no result to a subject that lost, threw, died or disagreed, and ends with 1", () => {
    const { lines, status, stderr } = bench("faulty", "--json", "--quick", "--only", "loop")
    assert.strictEqual(status, 1)
    assert.deepStrictEqual(
      lines.map((line) => JSON.parse(line).subject),
      ["sound"]
    )
    assert.match(stderr, /faulty:loop · loses · run 1: expected (\d+) messages .* with 0 .*, but \d+ .* with 1 /)
    assert.match(stderr, /faulty:loop · throws · run 1: Error: seeded failure/)
    assert.match(stderr, /faulty:loop · dies · run 1: its process ended with code 3/)
    assert.match(stderr, /faulty:loop · disagrees · run 1: its result 41 is not the others' 42/)
  })

  it("gives no result where a metric is missing", () => {
    const { lines, status, stderr } = bench("faulty", "--json", "--quick", "--only", "field")
    assert.strictEqual(status, 1)
    assert.deepStrictEqual(lines, [])
    assert.include(stderr, "it measured no furlongs")
  })

  it.each([
    { args: ["nothing"], says: 'no suite "nothing"; there are faulty, threads, trivial' },
    { args: [], says: "name one suite: faulty, threads, trivial" },
    { args: ["trivial", "--only", "loop,nothing"], says: 'no scenario "trivial:nothing"; there are trivial:loop,' },
    { args: ["trivial", "--runs", "0"], says: "--runs 0: not a whole number of at least 1" },
    { args: ["trivial", "--frobnicate"], says: "--frobnicate" },
    { args: ["trivial", "--json", "--markdown"], says: "--json and --markdown exclude each other" }
  ])("refuses $args with one line", ({ args, says }) => {
    const { status, stderr, stdout } = bench(...args)
    assert.strictEqual(status, 1)
    assert.strictEqual(stdout, "")
    assert.include(stderr, says)
    assert.strictEqual(stderr.trimEnd().split("\n").length, 1)
  })
})

describe("the channel's subjects", () => {
  it.each(["flow", "echo"])("%s: every message arrives, and the process ends", (scenario) => {
    const { lines, status, stderr } = bench("threads", "--json", "--quick", "--only", scenario)
    assert.strictEqual(status, 0, stderr)
    assert.isAbove(lines.length, 2)
  })
})

describe("median", () => {
  it("is the middle, or the mean of the two in the middle", () => {
    assert.strictEqual(median([5, 1, 3]), 3)
    assert.strictEqual(median([5, 1, 3, 4]), 3.5)
    assert.strictEqual(median([10, 9, 2]), 9)
  })
})

describe("timesFirst", () => {
  it("compares round by round: what slows a whole round down changes nothing", () => {
    assert.strictEqual(timesFirst([110, 220, 1100], [100, 200, 1000]), 1.1)
    assert.strictEqual(timesFirst([110, 130, 150], [100, 100, 100]), 1.3)
  })
})

const specs: ReadonlyArray<TrafficSpec> = [
  { kind: "float" },
  { kind: "record" },
  { kind: "bytes", size: 1024 },
  { kind: "bytes", size: 1024, moved: true }
]

/** Copies, for traffic may use one array again and again. */
const copy = (message: unknown): unknown => (message instanceof Uint8Array ? message.slice() : message)

const breakOne = (message: unknown): unknown => {
  if (typeof message === "number") return message + 0.5
  if (message instanceof Uint8Array) return message.subarray(1)
  return { ...(message as object), value: -1 }
}

describe("Arrivals", () => {
  const verdict = (receivers: number, traffic: Traffic<unknown>, change: (messages: Array<unknown>) => void) => {
    const messages = Array.from({ length: 100 }, (_, i) => copy(traffic.make(0, i)))
    change(messages)
    const [one, all] = [new Arrivals(traffic, 1, receivers, 0), new Arrivals(traffic, 1, receivers, 0)]
    for (const message of messages) one.check(message)
    for (let at = 0; at < messages.length; at += 30) all.batch(messages.slice(at, at + 30))
    const { arrived, expected } = conclude([100], [one.report()])
    assert.strictEqual(conclude([100], [all.report()]).arrived, arrived)
    return arrived === expected
  }

  const faults: ReadonlyArray<readonly [string, (messages: Array<unknown>) => void]> = [
    ["the loss of the first message", (messages) => messages.shift()],
    ["the loss of one in the middle", (messages) => messages.splice(50, 1)],
    ["the loss of the last", (messages) => messages.pop()],
    ["a message that came twice", (messages) => messages.splice(50, 0, messages[50])],
    ["one twice in place of another", (messages) => messages.splice(50, 1, messages[49])],
    ["two that changed places", (messages) => messages.splice(50, 2, messages[51], messages[50])],
    ["a damaged one", (messages) => messages.splice(50, 1, breakOne(messages[50]))]
  ]

  for (const spec of specs) {
    const traffic = trafficOf(spec)
    const name = `${spec.kind}${"moved" in spec ? ", moved" : ""}`
    for (const receivers of [1, 2]) {
      it(`${name}, ${receivers} receivers: accepts what was sent`, () => {
        assert.isTrue(verdict(receivers, traffic, () => {}))
      })
      it.each(faults)(`${name}, ${receivers} receivers: notices %s`, (_, change) => {
        assert.isFalse(verdict(receivers, traffic, change))
      })
    }
    it(`${name}: a batch has the same messages`, () => {
      const arrivals = new Arrivals(traffic, 2, 1, 0)
      const { message, transfer } = traffic.pack(1, 0, traffic.batch)
      arrivals.batch(traffic.unpack(structuredClone(message, { transfer })))
      const { arrived, expected } = conclude([0, traffic.batch], [arrivals.report()])
      assert.strictEqual(arrived, expected)
    })
  }

  it("adds up several receivers", () => {
    const traffic = trafficOf({ kind: "float" })
    const parts = [new Arrivals(traffic, 2, 2, 0), new Arrivals(traffic, 2, 2, 0)]
    for (let i = 0; i < 100; i++) {
      parts[i % 2].check(traffic.make(0, i))
      parts[(i >> 2) % 2].check(traffic.make(1, i))
    }
    const reports = parts.map((part) => part.report())
    const whole = conclude([100, 100], reports)
    assert.strictEqual(whole.arrived, whole.expected)
    const short = conclude([100, 101], reports)
    assert.notStrictEqual(short.arrived, short.expected)
  })
})

describe("Gate", () => {
  it("lets the window pass, and goes on when the other side took enough", () => {
    const memory = gateMemory(2)
    const sender = new Gate(memory, 1, 16)
    const receiver = new Gate(memory, 1, 16)
    for (let i = 0; i < 16; i++) sender.pass()
    receiver.took()
    receiver.took()
    sender.pass()
    assert.strictEqual(new Int32Array(memory)[32], 2)
  })
})
