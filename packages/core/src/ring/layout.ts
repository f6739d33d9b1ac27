/**
 * Where everything lies in the memory of a mesh. All indices are of 32-bit words.
 *
 * ```
 * header          256 bytes   written once at creation, except `closed` and `highWater`
 * endpoints       128 bytes   each: senders 0..S-1, then receivers 0..R-1
 * lane controls   256 bytes   each: lane (s, r) is number s * R + r
 * lane data       capacity    each, a power of two, in the same order
 * ```
 *
 * A block of 128 bytes is two cache lines, because processors fetch lines in pairs: words that
 * different threads write never share a block.
 *
 * @since 0.1.0
 */

export const magic = 0x534e4c32
export const version = 1

/** Header words. */
export const Header = {
  magic: 0,
  version: 1,
  fingerprintLow: 2,
  fingerprintHigh: 3,
  senders: 4,
  receivers: 5,
  /** Bytes of data of one lane. */
  laneBytes: 6,
  /** The most unacknowledged messages in one lane; 0 is no limit but the bytes. */
  laneMessages: 7,
  /** 1 once the owner closed the whole mesh. */
  closed: 8,
  /** Bit 0: senders wait for the successor of a dead receiver instead of failing. */
  flags: 9,
  /** One more than the highest sender slot ever reserved: how many lanes a receiver polls. */
  highWater: 10,
  /** A random name for the mesh, so that what travels beside it finds its way. */
  idLow: 11,
  idHigh: 12
} as const

/** Words of an endpoint's block. */
export const Endpoint = {
  /**
   * The thread that holds it, or held it when it closed, << 3 | one of `EndpointState`: one word, so that a thread that dies
   * while it attaches leaves either nothing or its name.
   */
  state: 0,
  /** Where its holder sleeps: see `Doorbell`. */
  bell: 2,
  /** The endpoint number whose bell wakes the holder of this one; its own, unless adopted. */
  bellOf: 3,
  /** How often it was attached: 1 for the first holder, 2 for its first successor. */
  generation: 4,
  /** Operations that failed. Written by the holder. */
  errors: 5,
  /** Counter (two words): times the holder found no room or nothing to read, and waited. */
  waits: 6,
  /** Counter (two words): microseconds that the holder spent parked. */
  parkedMicros: 8
} as const

/**
 * `Free → Reserved → Attached → Closed`, and `Attached → Dead → Attached` when a successor takes
 * over from a thread that died. A receiver's endpoint also goes `Closed → Adopted → Closed`, while
 * another receiver reads what was left in its lanes: no sender chooses it any more.
 */
export const EndpointState = {
  Free: 0,
  Reserved: 1,
  Attached: 2,
  Closed: 3,
  Dead: 4,
  Adopted: 5
} as const

/** The largest number that names a thread. */
export const maxOwner = 0x0fffffff

export const stateOf = (word: number): number => word & 7
export const ownerOf = (word: number): number => word >>> 3
export const attachedBy = (owner: number): number => (owner << 3) | EndpointState.Attached
/** Whoever holds nothing is thread 0. */
export const closedBy = (owner: number): number => (owner << 3) | EndpointState.Closed
export const adoptedBy = (owner: number): number => (owner << 3) | EndpointState.Adopted

/** Words of a lane's control block: the first 128 bytes are the producer's, the rest the consumer's. */
export const LaneControl = {
  /** Position up to which frames may be read, in units of 8 bytes, modulo 2^32. Producer. */
  write: 0,
  /** Counter (two words): messages published. Producer. */
  sent: 1,
  /** Position up to which frames were handed out. Consumer. */
  read: 32,
  /** Position up to which space is free again. Consumer. */
  acked: 33,
  /** Messages acknowledged, modulo 2^32. Stored before `acked`. Consumer. */
  ackedCount: 34,
  /** Counter (two words): messages handed out, redelivered ones included. Consumer. */
  received: 35
} as const

export const headerBytes = 256
export const endpointBytes = 128
export const laneControlBytes = 256

export const flagAwaitSuccessor = 1

/** Most bytes of a mesh: a byte offset is a signed word. */
export const maxBytes = 2 ** 31 - 1

/** Bytes of the whole memory of a mesh. */
export const totalBytes = (senders: number, receivers: number, laneBytes: number): number =>
  headerBytes + (senders + receivers) * endpointBytes + senders * receivers * (laneControlBytes + laneBytes)

/** Word index of an endpoint's block; receivers come after all senders. */
export const endpointIndex = (endpoint: number): number => (headerBytes + endpoint * endpointBytes) >>> 2

/** Word index of a lane's control block. */
export const laneControlIndex = (senders: number, receivers: number, lane: number): number =>
  (headerBytes + (senders + receivers) * endpointBytes + lane * laneControlBytes) >>> 2

/** Byte offset of a lane's data. */
export const laneDataOffset = (senders: number, receivers: number, laneBytes: number, lane: number): number =>
  headerBytes + (senders + receivers) * endpointBytes + senders * receivers * laneControlBytes + lane * laneBytes
