import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import * as Resolutions from "../../src/Resolutions.ts"

const fixture = (name: string): string => new URL(`./fixtures/resolving/${name}`, import.meta.url).href

const start = (resolutions: SharedArrayBuffer | undefined, name = "entry.ts"): Worker =>
  new Worker(Resolutions.bootstrap, { eval: true, workerData: { module: fixture(name), resolutions } })

/** What the module says of what it imported. */
const imported = async (thread: Worker): Promise<unknown> => (await once(thread, "message"))[0]

const stateOf = (resolutions: SharedArrayBuffer): number => Atomics.load(new Int32Array(resolutions, 0, 1), 0)

const read = (resolutions: SharedArrayBuffer): Record<string, Record<string, [url: string, format: string]>> =>
  JSON.parse(new TextDecoder().decode(new Uint8Array(resolutions, 8).slice()))

const write = (resolutions: SharedArrayBuffer, found: unknown): void => {
  const bytes = new TextEncoder().encode(JSON.stringify(found))
  resolutions.grow(8 + bytes.length)
  new Uint8Array(resolutions, 8).set(bytes)
  new Int32Array(resolutions).set([2, bytes.length])
}

/** Resolutions in which `entry.ts` finds `two.ts` where it asks for `./one.ts`. */
const misled = (): SharedArrayBuffer => {
  const resolutions = Resolutions.make()
  write(resolutions, { [fixture("entry.ts")]: { "./one.ts": [fixture("two.ts"), "module-typescript"] } })
  return resolutions
}

describe("Resolutions", () => {
  it("are written by the first thread that has imported the module", async () => {
    const resolutions = Resolutions.make()
    const thread = start(resolutions)
    assert.strictEqual(await imported(thread), "one")
    // Answered after the import has ended.
    thread.postMessage("./two.ts")
    assert.strictEqual(await imported(thread), "two")
    await thread.terminate()
    assert.strictEqual(stateOf(resolutions), 2)
    const found = read(resolutions)
    assert.deepStrictEqual(found[fixture("entry.ts")]["./one.ts"], [fixture("one.ts"), "module-typescript"])
    assert.strictEqual(found[fixture("entry.ts")]["node:worker_threads"][0], "node:worker_threads")
    assert.notProperty(found[fixture("entry.ts")], "./two.ts", "imports after the start are not written down")
  })

  it("are what later threads go by, until they have imported the module", async () => {
    const thread = start(misled())
    assert.strictEqual(await imported(thread), "two")
    thread.postMessage("./one.ts")
    assert.strictEqual(await imported(thread), "one")
    await thread.terminate()
  })

  it("leave what they do not have to be looked for", async () => {
    const resolutions = Resolutions.make()
    write(resolutions, { [fixture("other.ts")]: {} })
    const thread = start(resolutions)
    assert.strictEqual(await imported(thread), "one")
    await thread.terminate()
  })

  it("are not written by a thread whose import failed, which dies of it", async () => {
    const resolutions = Resolutions.make()
    const [error] = await once(start(resolutions, "broken.ts"), "error")
    assert.match(String(error), /missing\.ts/)
    assert.strictEqual(stateOf(resolutions), 0)
  })

  it("a thread may do without", async () => {
    const thread = start(undefined)
    assert.strictEqual(await imported(thread), "one")
    await thread.terminate()
  })
})
