/**
 * Streaming answers that are under way: each waits when too much of it is not taken yet, and is
 * interrupted when whoever asked has left.
 *
 * Signals are read for as long as there are such answers; those about others are for answers that
 * have not begun, or have ended.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Mail } from "../channel/Ends.ts"
import type { FrameReader } from "../channel/FrameReader.ts"
import { Waiter } from "../channel/WaitStrategy.ts"
import { Kind } from "../ring/Frame.ts"
import * as Signals from "./Signals.ts"

/** How many requests that were left before they began are remembered. */
const remembered = 1024

interface Answer {
  taken: number
  /** Waits for something to be taken, or for the end. */
  onTaken: () => void
  onLeft: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class Streaming {
  private readonly reader: FrameReader
  private readonly scope: Scope.Scope
  private readonly waiter: Waiter
  private readonly answers = new Map<number, Answer>()
  private readonly left = new Set<number>()
  private listening = false

  /** @param scope where signals are listened to */
  constructor(reader: FrameReader, scope: Scope.Scope) {
    this.reader = reader
    this.scope = scope
    this.waiter = new Waiter(new Mail(reader), "park")
  }

  /** Sends each part of a stream for as long as somebody wants it; ends early, and well, if nobody does. */
  run(
    request: number,
    stream: Stream.Stream<unknown, unknown>,
    send: (elements: ReadonlyArray<unknown>) => Effect.Effect<void>
  ): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      this.look()
      // Not even begun: a stream that nobody wants may have no end.
      if (this.left.delete(request)) return Effect.void
      const answer: Answer = { taken: 0, onTaken: () => {}, onLeft: () => {} }
      this.answers.set(request, answer)
      this.listen()
      let sent = 0
      const isAhead = () => Signals.difference(sent, answer.taken) >= Signals.window
      const taken = Effect.callback<void>((resume) => {
        if (!isAhead()) return resume(Effect.void)
        answer.onTaken = () => {
          if (!isAhead()) resume(Effect.void)
        }
      })
      const parts = Stream.runForEachArray(stream, (elements) =>
        Effect.suspend(() => {
          sent += 1
          return Effect.andThen(send(elements), taken)
        })
      )
      const leaving = Effect.callback<void>((resume) => {
        answer.onLeft = () => resume(Effect.void)
      })
      return Effect.ensuring(
        Effect.raceFirst(parts, leaving),
        Effect.sync(() => this.answers.delete(request))
      )
    })
  }

  private listen(): void {
    if (this.listening) return
    this.listening = true
    const rounds: Effect.Effect<void> = Effect.suspend(() => {
      try {
        this.look()
      } catch {
        // Memory that holds no signals any more: nobody can be waited for.
        for (const answer of this.answers.values()) answer.onLeft()
        return Effect.void
      }
      if (this.answers.size > 0) return Effect.flatMap(this.waiter.wait(true), () => rounds)
      this.listening = false
      return Effect.void
    })
    Fiber.runIn(Effect.runFork(rounds), this.scope)
  }

  /** Reads the signals that are there. */
  private look(): void {
    const { reader } = this
    while (reader.next() !== Kind.Empty) {
      const { request, taken } = reader.read(Signals.codec)
      reader.advance()
      this.hear(request, taken)
    }
    reader.port.ack()
  }

  private hear(request: number, taken: number): void {
    const answer = this.answers.get(request)
    if (answer !== undefined) {
      if (taken === Signals.left) return answer.onLeft()
      answer.taken = taken
      return answer.onTaken()
    }
    if (taken !== Signals.left) return
    this.left.add(request)
    if (this.left.size <= remembered) return
    for (const oldest of this.left) {
      this.left.delete(oldest)
      return
    }
  }
}
