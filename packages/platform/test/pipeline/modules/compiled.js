/** What a compiler makes of a module: `compiled.ts` is not there any more. */
export { doubled } from "./plain.ts"
