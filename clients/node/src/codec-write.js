/**
 * Writes protobuf's wire format. The generated `write...` functions call it: `tag`, then one method for each
 * kind of value. Each checks its value, and its error begins with `where`, the message and the field.
 *
 * 1. `bytes[start ..< pos]` is what was written; a method has room for what it writes before it writes it.
 *    What was written is given away as it is: nothing before `start` is ever written again.
 * 2. Every varint has its least length, so that equal messages have equal bytes.
 *
 * @module
 */

import { markAsUntransferable } from 'node:worker_threads'

import { outOfRange, wrongType } from './codec-errors.js'
import { isDate, isOctets } from './codec-input.js'
import { NESTING_LIMIT } from './codec-read.js'
import { HIGH, halves, LOW, signed, unsigned } from './codec-scratch.js'
import { LONE_SURROGATE } from './unicode.js'

/** Small messages are written one after the other into pieces of this size: none keeps more alive. */
const PIECE_BYTES = 8 << 10
/** Room for larger ones, which are copied when they are done, is kept for the next up to this size. */
const KEPT_BYTES = 1 << 20
/** The longest text that is written character by character; from here on a native call is faster. */
const SHORT_TEXT_UNITS = 18
const LONGEST_VARINT = 10
const MICROS_PER_MILLI = 1000n
const LARGEST_FLOAT = 3.4028234663852886e38
/** What rounds to more than the largest float. */
const TOO_LARGE_FLOAT = 3.4028235677973366e38


/** Who gets a message must not take the whole piece away, by transferring it to another thread. */
function newPiece() {
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
  markAsUntransferable(piece.buffer)
  return piece
}

export class Writer {
  constructor() {
    this.bytes = newPiece()
    this.start = 0
    this.pos = 0
    this.depth = 0
    /** Where small messages are written, and how much of it was given away. */
    this.piece = this.bytes
    this.used = 0
    /** Where large ones are written. */
    this.room = Buffer.alloc(0)
  }

  /** @param {number} count */
  reserve(count) {
    if (count > this.bytes.length - this.pos) this.grow(count)
  }

  /** @param {number} count */
  grow(count) {
    const length = this.pos - this.start
    const wanted = 2 * (length + count)
    let larger = this.room
    if (wanted <= PIECE_BYTES) {
      larger = this.piece = newPiece()
      this.used = 0
    }
    else if (wanted > larger.length) larger = this.room = Buffer.allocUnsafeSlow(2 * wanted)
    this.bytes.copy(larger, 0, this.start, this.pos)
    this.bytes = larger
    this.start = 0
    this.pos = length
  }

  /** What was written since the last time. */
  taken() {
    if (this.bytes !== this.room) {
      const taken = this.bytes.subarray(this.start, this.pos)
      this.start = this.used = this.pos
      return taken
    }
    const taken = Buffer.allocUnsafeSlow(this.pos)
    this.bytes.copy(taken, 0, 0, this.pos)
    this.bytes = this.piece
    this.start = this.used
    if (this.room.length > KEPT_BYTES) this.room = Buffer.alloc(0)
    return taken
  }

  /** @param {number} value of 32 bits, not negative */
  short(value) {
    this.reserve(LONGEST_VARINT)
    const { bytes } = this
    let { pos } = this
    while (value > 0x7f) {
      bytes[pos++] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    bytes[pos++] = value
    this.pos = pos
  }

  /**
   * @param {number} low the lower 32 bits, not negative
   * @param {number} high
   */
  varint(low, high) {
    if (high === 0) return this.short(low)
    this.reserve(LONGEST_VARINT)
    const { bytes } = this
    let { pos } = this
    while (high !== 0) {
      bytes[pos++] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    while (low > 0x7f) {
      bytes[pos++] = (low & 0x7f) | 0x80
      low >>>= 7
    }
    bytes[pos++] = low
    this.pos = pos
  }

  /** @param {number} tag */
  tag(tag) {
    if (tag > 0x7f) return this.short(tag)
    this.reserve(1)
    this.bytes[this.pos++] = tag
  }

  /** Begins what has its length in front. The answer is for `close`: its place after `start`. */
  open() {
    this.reserve(1)
    return ++this.pos - this.start
  }

  /** @param {number} place of the value, with room for a length of one byte before it */
  close(place) {
    const from = this.start + place
    const length = this.pos - from
    if (length <= 0x7f) {
      this.bytes[from - 1] = length
      return
    }
    const more = varintBytes(length) - 1
    this.reserve(more)
    const at = this.start + place
    this.bytes.copyWithin(at + more, at, this.pos)
    const end = this.pos + more
    this.pos = at - 1
    this.short(length)
    this.pos = end
  }

  /**
   * As `open`, for a message.
   *
   * @param {unknown} message
   * @param {string} where
   */
  enter(message, where) {
    if (typeof message !== 'object' || message === null) wrongType(where, 'an object', message)
    if (++this.depth > NESTING_LIMIT) {
      throw new RangeError(`${where}: nested deeper than ${NESTING_LIMIT}`)
    }
    return this.open()
  }

  /** @param {number} place */
  leave(place) {
    this.depth--
    this.close(place)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  int64(value, where) {
    if (typeof value !== 'bigint') wrongType(where, 'a bigint in the range of int64', value)
    signed[0] = value
    if (signed[0] !== value) outOfRange(where, 'a bigint in the range of int64', value)
    this.varint(halves[LOW], halves[HIGH])
  }

  /**
   * Microseconds since the epoch, or a Date.
   *
   * @param {unknown} value
   * @param {string} where
   */
  time(value, where) {
    if (typeof value === 'bigint') return this.int64(value, where)
    if (!isDate(value)) wrongType(where, 'a bigint of microseconds or a Date', value)
    const millis = value.getTime()
    if (Number.isNaN(millis)) outOfRange(where, 'a valid Date', value)
    this.int64(BigInt(millis) * MICROS_PER_MILLI, where)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  uint64(value, where) {
    if (typeof value !== 'bigint') wrongType(where, 'a bigint in the range of uint64', value)
    unsigned[0] = value
    if (unsigned[0] !== value) outOfRange(where, 'a bigint in the range of uint64', value)
    this.varint(halves[LOW], halves[HIGH])
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  sint64(value, where) {
    if (typeof value !== 'bigint') wrongType(where, 'a bigint in the range of int64', value)
    signed[0] = value
    if (signed[0] !== value) outOfRange(where, 'a bigint in the range of int64', value)
    const low = halves[LOW]
    const high = halves[HIGH]
    const sign = -(high >>> 31)
    this.varint(((low << 1) ^ sign) >>> 0, (((high << 1) | (low >>> 31)) ^ sign) >>> 0)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  int32(value, where) {
    const number = int32(value, where)
    if (number >= 0) this.short(number)
    else this.varint(number >>> 0, 0xffffffff)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  uint32(value, where) {
    this.short(uint32(value, where))
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  sint32(value, where) {
    const number = int32(value, where)
    this.short(((number << 1) ^ (number >> 31)) >>> 0)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  bool(value, where) {
    if (typeof value !== 'boolean') wrongType(where, 'a boolean', value)
    this.reserve(1)
    this.bytes[this.pos++] = value ? 1 : 0
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  fixed32(value, where) {
    this.reserve(4)
    this.pos = this.bytes.writeUInt32LE(uint32(value, where), this.pos)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  sfixed32(value, where) {
    this.reserve(4)
    this.pos = this.bytes.writeInt32LE(int32(value, where), this.pos)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  fixed64(value, where) {
    if (typeof value !== 'bigint') wrongType(where, 'a bigint in the range of uint64', value)
    if (BigInt.asUintN(64, value) !== value) outOfRange(where, 'a bigint in the range of uint64', value)
    this.reserve(8)
    this.pos = this.bytes.writeBigUInt64LE(value, this.pos)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  sfixed64(value, where) {
    if (typeof value !== 'bigint') wrongType(where, 'a bigint in the range of int64', value)
    if (BigInt.asIntN(64, value) !== value) outOfRange(where, 'a bigint in the range of int64', value)
    this.reserve(8)
    this.pos = this.bytes.writeBigInt64LE(value, this.pos)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  float(value, where) {
    if (typeof value !== 'number') wrongType(where, 'a number', value)
    if (Math.abs(value) > LARGEST_FLOAT && !Number.isFinite(Math.fround(value)) && Number.isFinite(value)) {
      outOfRange(where, 'a number in the range of float', value)
    }
    this.reserve(4)
    this.pos = this.bytes.writeFloatLE(value, this.pos)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  double(value, where) {
    if (typeof value !== 'number') wrongType(where, 'a number', value)
    this.reserve(8)
    this.pos = this.bytes.writeDoubleLE(value, this.pos)
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  text(value, where) {
    if (typeof value !== 'string') wrongType(where, 'a string', value)
    const units = value.length
    if (units > SHORT_TEXT_UNITS) return this.longText(value, where)
    this.reserve(units + 1)
    const { bytes } = this
    let at = this.pos + 1
    for (let index = 0; index < units; index++) {
      const unit = value.charCodeAt(index)
      if (unit > 0x7f) return this.longText(value, where)
      bytes[at++] = unit
    }
    bytes[this.pos] = units
    this.pos = at
  }

  /**
   * Writes the text behind as many bytes as its length would have if it were ASCII, and moves it if it is
   * not.
   *
   * @param {string} value
   * @param {string} where
   */
  longText(value, where) {
    const units = value.length
    this.reserve(LONGEST_VARINT + 3 * units)
    const { pos } = this
    const guess = varintBytes(units)
    const length = this.bytes.utf8Write(value, pos + guess)
    if (length !== units) {
      if (LONE_SURROGATE.test(value)) {
        throw new TypeError(`${where}: text with half of a surrogate pair, which is not Unicode`)
      }
      const needed = varintBytes(length)
      if (needed !== guess) this.bytes.copyWithin(pos + needed, pos + guess, pos + guess + length)
    }
    this.short(length)
    this.pos += length
  }

  /**
   * @param {unknown} value
   * @param {string} where
   */
  octets(value, where) {
    if (!isOctets(value)) wrongType(where, 'a Uint8Array', value)
    this.short(value.length)
    this.reserve(value.length)
    this.bytes.set(value, this.pos)
    this.pos += value.length
  }

  /**
   * The fields that the message's type does not know.
   *
   * @param {number[] | undefined} kept
   */
  unknown(kept) {
    if (kept === undefined) return
    this.reserve(kept.length)
    for (const byte of kept) this.bytes[this.pos++] = byte
  }
}

/**
 * @param {unknown} value
 * @param {string} where
 */
function int32(value, where) {
  if (typeof value !== 'number') wrongType(where, 'a number in the range of int32', value)
  if ((value | 0) !== value) outOfRange(where, 'a whole number in the range of int32', value)
  return value
}

/**
 * @param {unknown} value
 * @param {string} where
 */
function uint32(value, where) {
  if (typeof value !== 'number') wrongType(where, 'a number in the range of uint32', value)
  if (value >>> 0 !== value) outOfRange(where, 'a whole number in the range of uint32', value)
  return value
}

/** @param {number} value not negative, of 32 bits */
function varintBytes(value) {
  let count = 1
  while (value > 0x7f) {
    value >>>= 7
    count++
  }
  return count
}

/** @type {Writer | undefined} */
let spare = new Writer()

/**
 * The bytes that `write` writes.
 *
 * @template T
 * @param {(writer: Writer, message: T) => void} write
 * @param {T} message
 * @returns {Uint8Array}
 */
export function written(write, message) {
  // A getter of the message may encode another one meanwhile.
  const writer = spare ?? new Writer()
  spare = undefined
  writer.depth = 0
  try {
    write(writer, message)
    return writer.taken()
  } finally {
    writer.pos = writer.start
    spare = writer
  }
}
