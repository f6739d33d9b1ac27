/** The benchmarks' command line over the suites of this folder. */
import { bench } from "../../bench/harness/cli.ts"

await bench(process.argv.slice(2), new URL("./", import.meta.url))
