/**
 * Session windows by key: each element begins a session of its own, which is merged with those that
 * it touches.
 *
 * A session that did not go out has a timer at its last moment or before: one that grows keeps the timer
 * that it has, which is set anew when it comes too early. So most elements set none.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import { TimerHeap, type Timers } from "./TimerHeap.ts"
import { untimed, type WindowFunctions } from "./windows.ts"

interface Session {
  start: number
  end: number
  acc: unknown
  /** Whether it went out as it is. */
  fired: boolean
}

/** The session that an element only makes longer: the one that it touches, if that is one, and did not go out. */
const grownBy = (known: ReadonlyArray<Session>, start: number, end: number): Session | undefined => {
  let grown: Session | undefined
  for (const session of known) {
    if (session.start >= end || start >= session.end) continue
    if (grown !== undefined || session.fired) return undefined
    grown = session
  }
  return grown
}

export class SessionOperator implements Operator {
  private readonly context: OperatorContext
  private readonly gap: number
  private readonly lateness: number
  private readonly functions: WindowFunctions
  private readonly keyOf: (element: unknown) => HashKey
  private readonly sessions = new Map<HashKey, Array<Session>>()
  private readonly timers = new TimerHeap()

  constructor(
    context: OperatorContext,
    { gap, lateness }: { readonly gap: number; readonly lateness: number },
    functions: WindowFunctions
  ) {
    this.context = context
    this.gap = gap
    this.lateness = lateness
    this.functions = functions
    this.keyOf = context.keyOf(0)
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    for (let i = 0; i < values.length; i++) {
      try {
        this.add(values[i], times[i])
      } catch (cause) {
        this.context.faults.handle("element", cause, values[i], times[i])
      }
    }
    return undefined
  }

  private add(value: unknown, time: number): void {
    if (time === noTime) throw untimed()
    const { context, functions, gap, lateness, sessions, timers } = this
    const key = this.keyOf(value)
    const known = sessions.get(key) ?? []
    let start = time
    let end = time + gap
    const grown = grownBy(known, start, end)
    if (grown !== undefined) {
      grown.acc = functions.add(grown.acc, value)
      grown.start = Math.min(grown.start, start)
      grown.end = Math.max(grown.end, end)
      return
    }
    const apart: Array<Session> = []
    const touched: Array<Session> = []
    for (const session of known) {
      const touches = session.start < end && start < session.end
      ;(touches ? touched : apart).push(session)
      if (!touches) continue
      start = Math.min(start, session.start)
      end = Math.max(end, session.end)
    }
    const reached = context.out.watermark
    if (end - 1 + lateness <= reached) {
      context.side("late").emit(value, time)
      return
    }
    touched.sort((a, b) => a.start - b.start)
    const before = touched.length === 0 ? functions.init() : touched.map(({ acc }) => acc).reduce(functions.merge)
    const session: Session = { start, end, acc: functions.add(before, value), fired: false }
    apart.push(session)
    sessions.set(key, apart)
    if (end - 1 <= reached) this.emit(key, session)
    timers.add(session.fired ? end - 1 + lateness : end - 1, key)
  }

  snapshot(): unknown {
    const { save = (acc: unknown) => acc } = this.functions
    const sessions = new Map<HashKey, ReadonlyArray<Session>>()
    for (const [key, own] of this.sessions) {
      sessions.set(
        key,
        own.map(({ acc, end, fired, start }) => ({ start, end, acc: save(acc), fired }))
      )
    }
    return { sessions, timers: this.timers.snapshot() }
  }

  restore(state: { readonly sessions: ReadonlyMap<HashKey, Array<Session>>; readonly timers: Timers }): void {
    for (const [key, own] of state.sessions) {
      for (const session of own) session.acc = this.functions.load(session.acc)
      this.sessions.set(key, own)
    }
    this.timers.restore(state.timers)
  }

  private emit(key: HashKey, session: Session): void {
    const { context, functions } = this
    session.fired = true
    context.out.emit(functions.emit(key, functions.result(session.acc), session), session.end - 1)
  }

  onWatermark(time: number): Work {
    const { context, lateness, sessions, timers } = this
    while (timers.first <= time && timers.first < Infinity) {
      const at = timers.first
      const key = timers.take()
      const left: Array<Session> = []
      for (const session of sessions.get(key) ?? []) {
        const last = session.end - 1
        try {
          if (last <= at && !session.fired) this.emit(key, session)
        } catch (cause) {
          context.faults.handle("window", cause, key, last)
        }
        if (last + lateness > at) {
          left.push(session)
          timers.add(session.fired ? last + lateness : last, key)
        }
      }
      if (left.length === 0) sessions.delete(key)
      else sessions.set(key, left)
    }
    context.out.watermark = time
    return undefined
  }
}
