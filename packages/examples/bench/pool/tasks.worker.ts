/**
 * The worker of `piscina` and `tinypool`: tasks by name.
 *
 * @since 0.1.0
 */
export { ask, take, thread } from "./Tasks.ts"
