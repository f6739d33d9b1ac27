import { run } from "./traffic.ts"
const [policy, mode] = process.argv.slice(2)
const before = process.cpuUsage()
const r = await run({ policy, mode, workers: 2, batch: 256, steps: 0 } as any, { warmUpMillis: 1000, measureMillis: 100 })
void r
const a = process.cpuUsage()
const out = await run({ policy, mode, workers: 2, batch: 256, steps: 0 } as any, { warmUpMillis: 500, measureMillis: 2500 })
const b = process.cpuUsage(a)
const count = Number(out.expected.split("; ")[0].split(" ")[0]) + Number(out.expected.split("; ")[1].split(" ")[0])
console.log(policy, mode, ((b.user + b.system) * 1000 / count).toFixed(0), "cpu ns/message", out.expected === out.arrived)
