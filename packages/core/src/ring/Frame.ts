/**
 * The frame: one message in a lane.
 *
 * ```
 * word 0   payload length in bytes << 4 | kind
 * word 1   the low 32 bits of the message's number in its lane
 * payload  padded to a multiple of 8 bytes
 * ```
 *
 * A frame never straddles the end of the ring: a `Pad` frame fills what is left, and the message
 * starts at the beginning. Kind 0 is what untouched memory holds and never a frame.
 *
 * @since 0.1.0
 */

/** Bytes before the payload. */
export const headerBytes = 8

/**
 * Kinds of frame: four bits, of which the highest (`attached`) says that buffers travel beside the
 * frame. Those from `user` to 7 are the layer above's to name.
 */
export const Kind = {
  Empty: 0,
  Pad: 1,
  /** A message, encoded in the payload. */
  Data: 2,
  /** A message whose whole encoding is the first buffer beside; the payload is its length in bytes, and its kind. */
  Beside: 3,
  user: 4
} as const

export const attached = 8

/** Payload of a frame of kind `Beside`, in bytes. */
export const besidePayload = 8

/** The longest payload a header can name, in bytes. */
export const maxPayload = 0x07ffffff

/** Ring units (8 bytes) that a frame takes, header included. */
export const unitsOf = (payloadBytes: number): number => 1 + ((payloadBytes + 7) >>> 3)
