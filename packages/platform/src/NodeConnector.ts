/**
 * What channels need of Node.js: a name for this thread that its parent knows too, and a way to
 * hand a `MessagePort` to any thread of the process, and memory that nobody zeroed. Importing it installs them.
 *
 * @since 0.1.0
 */
import { type MessagePort, postMessageToThread, receiveMessageOnPort, threadId } from "node:worker_threads"
import * as Codec from "@shared-nothing/core/Codec"
import * as Post from "@shared-nothing/core/Post"
import * as ThreadIdentity from "@shared-nothing/core/ThreadIdentity"

/**
 * The number under which the thread with this `threadId` holds its channels.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ownerOf = (id: number): number => id + 1

ThreadIdentity.set(ownerOf(threadId))

const tag = "shared-nothing/port"

interface Delivery {
  readonly tag: typeof tag
  readonly address: Post.Address
  readonly port: MessagePort
}

// A `Buffer` from the pool would share its memory with others.
Codec.installAllocator((bytes) => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer))

Post.install({
  deliver: (owner, address, port) => {
    const message: Delivery = { tag, address, port: port as unknown as MessagePort }
    return postMessageToThread(owner - 1, message, [message.port])
  },
  receiveSync: (port) => receiveMessageOnPort(port as unknown as MessagePort)
})

process.on("workerMessage", (value: unknown) => {
  const message = value as Partial<Delivery> | null
  if (message?.tag === tag && message.address !== undefined && message.port !== undefined) {
    Post.accept(message.address, message.port as unknown as globalThis.MessagePort)
  }
})
