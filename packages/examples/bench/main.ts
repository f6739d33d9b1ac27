/**
 * `npm run -s bench -- <suite>`: every module in this folder is a suite; see docs/benchmarks.md.
 *
 * @since 0.1.0
 */
import { bench } from "./harness/cli.ts"

await bench(process.argv.slice(2), new URL("./", import.meta.url))
