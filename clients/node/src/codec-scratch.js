/**
 * A bigint of 64 bits and its two halves, in the same eight bytes: the quickest way from one to the other.
 * Whoever writes it reads it at once.
 *
 * @module
 */

export const signed = new BigInt64Array(1)
export const unsigned = new BigUint64Array(signed.buffer)
export const halves = new Uint32Array(signed.buffer)

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
/** The places of the halves. */
export const LOW = littleEndian ? 0 : 1
export const HIGH = littleEndian ? 1 : 0
