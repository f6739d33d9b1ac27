/**
 * The messages of the channel benchmark, the same for every subject, and the proof that they came.
 *
 * Every message names its sender and its number among that sender's messages, so a receiver can
 * tell a lost, doubled, reordered or damaged message from its value alone.
 *
 * @since 0.1.0
 */

/**
 * - `float`: a 64-bit float
 * - `record`: `{ id, key, value }` with an integer, one of 1024 keys of 8 characters, and a float
 * - `bytes`: `size` bytes; with `moved` the sender gives each array away and makes a new one
 *
 * @category models
 * @since 0.1.0
 */
export type TrafficSpec =
  | { readonly kind: "float" }
  | { readonly kind: "record" }
  | { readonly kind: "bytes"; readonly size: number; readonly moved?: boolean }

/**
 * @category models
 * @since 0.1.0
 */
export interface Parcel {
  readonly message: unknown
  readonly transfer: Array<ArrayBuffer>
}

/**
 * One kind of message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Traffic<A> {
  /** Bytes of payload in a message, where messages are measured in bytes. */
  readonly size: number | undefined
  /** The most messages that `make` keeps intact at a time: it makes new ones out of old. */
  readonly batch: number
  readonly make: (sender: number, index: number) => A
  readonly senderOf: (message: A) => number
  /** Whether it is exactly the message of that sender and that number. */
  readonly is: (message: A, sender: number, index: number) => boolean
  /** The message's number, or -1 if it is damaged. */
  readonly indexOf: (message: A) => number
  /** What one-by-one `postMessage` carries for a message. */
  readonly wrap: (message: A) => Parcel
  /** `count` messages as one parcel in the form that structured clone carries best. */
  readonly pack: (sender: number, index: number, count: number) => Parcel
  readonly unpack: (message: unknown) => ArrayLike<A>
}

/** Messages that a batch has in all subjects that batch. */
const batchMessages = 256

/** Bytes that a batch has at most. */
const batchBytes = 16 * 2 ** 20

/** A float holds `sender * stride + index`. */
const stride = 2 ** 40

const nothing: Array<ArrayBuffer> = []

const float: Traffic<number> = {
  size: undefined,
  batch: batchMessages,
  make: (sender, index) => sender * stride + index,
  is: (message, sender, index) => message === sender * stride + index,
  senderOf: (message) => (message < stride ? 0 : Math.floor(message / stride)),
  // Not the remainder: that of two doubles is a loop.
  indexOf: (message) => (message < stride ? message : message - Math.floor(message / stride) * stride),
  wrap: (message) => ({ message, transfer: nothing }),
  pack: (sender, index, count) => {
    const message = new Float64Array(count)
    const first = sender * stride + index
    for (let i = 0; i < count; i++) message[i] = first + i
    return { message, transfer: nothing }
  },
  unpack: (message) => message as Float64Array
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly id: number
  readonly key: string
  readonly value: number
}

const keys = Array.from({ length: 1024 }, (_, i) => `key-${String(i).padStart(4, "0")}`)

/** An id is a 32-bit integer: the sender's number in the upper bits, its message's below. */
const idBits = 28
const idMask = 2 ** idBits - 1

const record: Traffic<Entry> = {
  size: undefined,
  batch: batchMessages,
  make: (sender, index) => ({ id: (sender << idBits) | index, key: keys[index & 1023], value: index * 0.5 }),
  is: (message, sender, index) =>
    message.id === ((sender << idBits) | index) && message.key === keys[index & 1023] && message.value === index * 0.5,
  senderOf: (message) => message.id >>> idBits,
  indexOf: (message) => {
    const index = message.id & idMask
    return message.key === keys[index & 1023] && message.value === index * 0.5 ? index : -1
  },
  wrap: (message) => ({ message, transfer: nothing }),
  pack: (sender, index, count) => ({
    message: Array.from({ length: count }, (_, i) => record.make(sender, index + i)),
    transfer: nothing
  }),
  unpack: (message) => message as ReadonlyArray<Entry>
}

/** Bytes between the stamps at both ends; a receiver looks at one place a message. */
const patternAt = (position: number): number => (position * 31 + 7) & 0xff

const stamp = (message: Uint8Array, sender: number, index: number): void => {
  const end = message.byteLength - 4
  for (let i = 0; i < 4; i++) message[i] = message[end + i] = (index >>> (8 * i)) & 0xff
  message[4] = sender
}

const bytes = (size: number, moved: boolean): Traffic<Uint8Array<ArrayBuffer>> => {
  const batch = Math.max(1, Math.min(batchMessages, Math.floor(batchBytes / size)))
  const filled = (): Uint8Array<ArrayBuffer> => new Uint8Array(size).map((_, i) => patternAt(i))
  const pool = moved ? [] : Array.from({ length: batch }, filled)
  const make = (sender: number, index: number): Uint8Array<ArrayBuffer> => {
    const message = moved ? new Uint8Array(size) : pool[index % batch]
    stamp(message, sender, index)
    return message
  }
  const read = (message: Uint8Array, at: number): number =>
    message[at] | (message[at + 1] << 8) | (message[at + 2] << 16) | (message[at + 3] << 24)
  const indexOf = (message: Uint8Array): number => {
    if (message.byteLength !== size) return -1
    const index = read(message, 0)
    const probe = 8 + ((Math.imul(index, 0x9e3779b1) >>> 0) % (size - 16))
    return read(message, size - 4) === index && message[probe] === (moved ? 0 : patternAt(probe)) ? index : -1
  }
  return {
    size,
    batch,
    make,
    is: (message, sender, index) => message[4] === sender && indexOf(message) === index,
    senderOf: (message) => message[4],
    indexOf,
    wrap: (message) => ({ message, transfer: moved ? [message.buffer] : nothing }),
    pack: (sender, index, count) => {
      if (moved) {
        const message = Array.from({ length: count }, (_, i) => make(sender, index + i))
        return { message, transfer: message.map((one) => one.buffer) }
      }
      // The sender keeps its bytes: one copy into a buffer that is given away, no other.
      const message = new Uint8Array(size * count)
      for (let i = 0; i < count; i++) message.set(make(sender, index + i), i * size)
      return { message, transfer: [message.buffer] }
    },
    unpack: (message) => {
      if (Array.isArray(message)) return message
      const packed = message as Uint8Array<ArrayBuffer>
      return Array.from({ length: packed.byteLength / size }, (_, i) => packed.subarray(i * size, (i + 1) * size))
    }
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const trafficOf = (spec: TrafficSpec): Traffic<unknown> => {
  switch (spec.kind) {
    case "float":
      return float as Traffic<unknown>
    case "record":
      return record as Traffic<unknown>
    case "bytes":
      return bytes(spec.size, spec.moved ?? false) as Traffic<unknown>
  }
}
