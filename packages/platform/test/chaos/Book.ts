/** A worker that checks what it is sent: for each key, ids from 0 without gap, repetition or disorder. */
import * as Worker from "@shared-nothing/core/Worker"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"

export const Page = Schema.Struct({
  key: Schema.String,
  next: Schema.Int,
  handled: Schema.Int,
  lost: Schema.Int,
  repeated: Schema.Int
})

export class Book extends Worker.Service<Book>()("Book", {
  message: Schema.Struct({
    key: Schema.String,
    id: Schema.Int,
    act: Schema.optionalKey(
      Schema.Literals([
        "exit",
        "throw",
        "reject",
        "spin",
        "fail",
        "flaky",
        "grow",
        "strings",
        "maps",
        "buffers",
        "nest",
        "closures",
        "crash",
        "abort",
        "kill",
        "freeze",
        "hoard",
        "buffer"
      ])
    ),
    /** Milliseconds since the epoch: until when one that is flaky fails. */
    until: Schema.optionalKey(Schema.Number)
  }),
  initData: Schema.Struct({
    broken: Schema.optionalKey(Schema.Literal("init")),
    /** A file: once it is there, `init` fails. */
    brokenBy: Schema.optionalKey(Schema.String),
    slowMicros: Schema.optionalKey(Schema.Number)
  }),
  state: Schema.Array(Page),
  requests: [
    Rpc.make("Pages", { success: Schema.Array(Page) }),
    Rpc.make("Echo", { payload: { n: Schema.Int }, success: Schema.Int })
  ],
  key: (message) => message.key
}) {}
