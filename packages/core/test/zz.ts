import { Mesh } from "../src/ring/Mesh.ts"
import { SenderPort } from "../src/ring/SenderPort.ts"
import { ReceiverPort } from "../src/ring/ReceiverPort.ts"
import { FrameWriter } from "../src/channel/FrameWriter.ts"
import { FrameReader } from "../src/channel/FrameReader.ts"
import * as Codec from "../src/codec/Codec.ts"
import * as Schema from "effect/Schema"
const mesh = Mesh.make({ senders: 1, receivers: 1, laneBytes: 1 << 16, laneMessages: 65536, fingerprint: [0, 0], awaitSuccessor: false })
mesh.reserve("sender"); mesh.reserve("receiver")
const w = new FrameWriter(SenderPort.attach(Mesh.open(mesh.memory.buffer), 0, 1))
const r = new FrameReader(ReceiverPort.attach(Mesh.open(mesh.memory.buffer), 0, 1))
const cpu = () => { const u = process.cpuUsage(); return u.user + u.system }
const bench = (name: string, codec: any, values: any[]) => {
  let tw = 0, tr = 0, n = 0
  const R = 16
  for (let round = 0; round < 40000; round++) {
    if (round === 5000) { tw = tr = n = 0 }
    let a = performance.now()
    if (process.argv[3]) { const lane = (w as any).port.lane(); let k = 0; while (k < values.length) { k = lane.put(codec, 2, values, k, values.length); if (k < values.length) { if (!w.write(codec, values[k], 2)) throw 1; k++ } } } else for (let i = 0; i < values.length; i++) if (!w.write(codec, values[i], 2)) throw 1
    w.publish()
    let b = performance.now()
    let out: any[] = process.argv[4] ? scratch : []; let n_ = 0
    while (r.next() !== 0) { if (process.argv[3]) { const k = r.take(codec, 2, out, n_, 1024); if (k > 0) { n_ += k; continue } } out[n_++] = r.read(codec); r.advance() }
    if (process.argv[4]) out = out.slice(0, n_); r.port.publishRead(); r.port.ack()
    let c = performance.now()
    ws.push(b - a); rs.push(c - b)
    n += values.length
  }
  const med = (x: number[]) => x.sort((p, q) => p - q)[x.length >> 2] * 1e6 / values.length
  console.log(name, "write", med(ws).toFixed(1), "read", med(rs).toFixed(1))
}
const scratch: any[] = []; const ws: number[] = [], rs: number[] = []
const f = Codec.make(Schema.Number)
const which = process.argv[2]
if (which !== "rec") bench("f64", f, Array.from({ length: 512 }, (_, i) => i + 0.5))
const rec = Codec.make(Schema.Struct({ id: Schema.Int, key: Schema.String, value: Schema.Number }))
if (which !== "f64") bench("record", rec, Array.from({ length: 512 }, (_, i) => ({ id: i, key: "key-" + (1000 + i % 1000), value: i * 0.5 })))
