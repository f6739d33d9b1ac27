/**
 * Pools of tasks: rivals whose workers are handed a task and answer it, wherever it lands. They place
 * no keys and know no messages without an answer, so `send` is tasks of many messages each, which
 * the worker checks and answers with what it saw.
 *
 * @since 0.1.0
 */
import { threadId } from "node:worker_threads"
import { type OpenPool, type PoolArgs, timer } from "./Subject.ts"
import { answerTo, burn, type Entry, inFlight, make, makeBatch, type Sums, Tally, tallyOf } from "./Tally.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Batch {
  readonly messages: ReadonlyArray<Entry>
  readonly steps: number
}

/**
 * The functions of a worker.
 *
 * @category running
 * @since 0.1.0
 */
export const ask = (message: Entry): number => answerTo(message)

export const take = ({ messages, steps }: Batch): Sums => {
  if (steps > 0) for (const message of messages) burn(message.id, steps)
  return tallyOf(messages)
}

export const thread = (): number => threadId

/**
 * The same functions, through a pool.
 *
 * @category models
 * @since 0.1.0
 */
export interface TaskPool {
  readonly ask: (message: Entry) => Promise<number>
  readonly take: (batch: Batch) => Promise<Sums>
  readonly thread: () => Promise<number>
  readonly close: () => Promise<unknown>
}

/** Batches on their way for each worker: enough that it never waits for the next. */
const batchesAhead = 8

/** Tasks in which every thread shows itself once it is there. */
const meeting = 16

/**
 * @category constructors
 * @since 0.1.0
 */
export const openTasks = (pool: TaskPool, { batch, steps, workers }: PoolArgs): OpenPool => ({
  ask: async (until) => {
    const over = timer(until)
    const sent = new Tally()
    const arrived = new Tally()
    let next = 0
    const loop = async (): Promise<void> => {
      while (!over()) {
        const index = next++
        sent.add(index)
        arrived.answered(index, await pool.ask(make(index)))
      }
    }
    await Promise.all(Array.from({ length: inFlight }, loop))
    return { sent: sent.report(), arrived: arrived.report() }
  },
  send: async (until) => {
    const sent = new Tally()
    const arrived = new Tally()
    let next = 0
    const loop = async (): Promise<void> => {
      while (performance.now() < until) {
        const messages = makeBatch(next, batch)
        for (let i = 0; i < batch; i++) sent.add(next++)
        arrived.merge(await pool.take({ messages, steps }))
      }
    }
    await Promise.all(Array.from({ length: batchesAhead * workers }, loop))
    return { sent: sent.report(), arrived: arrived.report() }
  },
  meet: async () => {
    const seen = new Set<number>()
    while (seen.size < workers) {
      for (const id of await Promise.all(Array.from({ length: meeting * workers }, pool.thread))) seen.add(id)
    }
    return seen
  },
  close: pool.close
})
