/**
 * What a frame's payload is written and read by: the part of a `Codec` that framing needs, so that
 * an envelope around another codec is one too.
 *
 * @since 0.1.0
 */
import type { Codec } from "../codec/Codec.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type FrameCodec<A> = Pick<Codec<A>, "fixedSize" | "mayAttach" | "bound" | "write" | "read"> &
  Partial<Pick<Codec<A>, "writeRun" | "readRun">>
