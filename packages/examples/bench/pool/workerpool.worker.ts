/**
 * The worker of `workerpool.ts`.
 *
 * @since 0.1.0
 */
import { worker } from "workerpool"
import { ask, take, thread } from "./Tasks.ts"

worker({ ask, take, thread })
