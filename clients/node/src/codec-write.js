/**
 * Writes protobuf's wire format. The generated `write...` functions call it: `tag`, then one method for each
 * kind of value. Each checks its value, and its error begins with `where`, the message and the field.
 *
 * 1. `bytes[0 ..< pos]` is what was written; a method has room for what it writes before it writes it.
 * 2. Every varint has its least length, so that equal messages have equal bytes.
 *
 * @module
 */

import { outOfRange, unknownField, wrongType } from './codec-errors.js'
import { NESTING_LIMIT } from './codec-read.js'
import { HIGH, halves, LOW, signed, unsigned } from './codec-scratch.js'

const FIRST_BYTES = 8 << 10
/** A writer that has grown beyond this is not kept. */
const KEPT_BYTES = 1 << 20
/** The longest text that is written character by character; from here on a native call is faster. */
const SHORT_TEXT_UNITS = 40
const LONGEST_VARINT = 10
const MICROS_PER_MILLI = 1000n
const LONE_SURROGATE = /\p{Surrogate}/u
const LARGEST_FLOAT = 3.4028234663852886e38
/** What rounds to more than the largest float. */
const TOO_LARGE_FLOAT = 3.4028235677973366e38

const tagOf = Object.prototype.toString

export class Writer {
  constructor() {
    this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.pos = 0
    this.depth = 0
  }

  /** @param {number} count */
  reserve(count) {
    const wanted = this.pos + count
    if (wanted <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.bytes.length))
    larger.set(this.bytes.subarray(0, this.pos))
    this.bytes = larger
  }

  /** A copy of what was written. */
  taken() {
    const taken = Buffer.allocUnsafe(this.pos)
    this.bytes.copy(taken, 0, 0, this.pos)
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

  /** Begins what has its length in front. The answer is for `close`. */
  open() {
    this.reserve(1)
    return ++this.pos
  }

  /** @param {number} from where the value begins, with room for a length of one byte before it */
  close(from) {
    const length = this.pos - from
    if (length > 0x7f) {
      let extra = 1
      for (let rest = length >>> 14; rest > 0; rest >>>= 7) extra++
      this.reserve(LONGEST_VARINT)
      this.bytes.copyWithin(from + extra, from, this.pos)
      this.pos = from - 1
      this.short(length)
      this.pos += length
      return
    }
    this.bytes[from - 1] = length
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

  /** @param {number} from */
  leave(from) {
    this.depth--
    this.close(from)
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
    if (tagOf.call(value) !== '[object Date]') {
      wrongType(where, 'a bigint of microseconds or a Date', value)
    }
    const millis = /** @type {Date} */ (value).getTime()
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
   * @param {string} value
   * @param {string} where
   */
  longText(value, where) {
    const length = Buffer.byteLength(value)
    if (length !== value.length && LONE_SURROGATE.test(value)) {
      throw new TypeError(`${where}: text with half of a surrogate pair, which is not Unicode`)
    }
    this.short(length)
    this.reserve(length)
    this.pos += this.bytes.write(value, this.pos)
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

/**
 * A Uint8Array, of whatever realm.
 *
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
export function isOctets(value) {
  return ArrayBuffer.isView(value) && tagOf.call(value) === '[object Uint8Array]'
}

/**
 * Refuses names that are no field's: a misspelt one would be silently ignored.
 *
 * @param {object} message
 * @param {{ name: string, names: ReadonlySet<string> }} codec
 */
export function check(message, codec) {
  const { names } = codec
  for (const name in message) if (!names.has(name)) unknownField(codec.name, message, names)
}

/**
 * A property that Object's prototype has too.
 *
 * @param {object} message
 * @param {string} name
 */
export function own(message, name) {
  return Object.hasOwn(message, name) ? /** @type {any} */ (message)[name] : undefined
}

/**
 * @param {unknown} value
 * @param {string} where
 * @returns {readonly unknown[]}
 */
export function list(value, where) {
  return Array.isArray(value) ? value : wrongType(where, 'an array', value)
}

/**
 * The entries of a map: of a Map, or of an object's own properties.
 *
 * @param {unknown} value
 * @param {string} where
 * @returns {Iterable<[unknown, unknown]>}
 */
export function entries(value, where) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    wrongType(where, 'an object or a Map', value)
  }
  if (tagOf.call(value) === '[object Map]') return /** @type {Map<unknown, unknown>} */ (value).entries()
  return Object.entries(value)
}

/**
 * What an object's property names for a key of a map stands for; a Map's keys are what they are.
 *
 * @param {unknown} key
 */
export function integerKey(key) {
  return typeof key === 'string' && /^-?[0-9]{1,10}$/.test(key) ? Number(key) : key
}

/** @param {unknown} key */
export function bigintKey(key) {
  return typeof key === 'string' && /^-?[0-9]{1,20}$/.test(key) ? BigInt(key) : key
}

/** @param {unknown} key */
export function booleanKey(key) {
  return key === 'true' ? true : key === 'false' ? false : key
}

/**
 * @param {string} where the message and the oneof
 * @param {Record<string, unknown>} members
 */
export function oneOf(where, members) {
  const set = Object.keys(members).filter((name) => members[name] !== undefined)
  if (set.length > 1) throw new TypeError(`${where}: only one of ${set.join(' and ')} may be set`)
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
  writer.pos = 0
  writer.depth = 0
  try {
    write(writer, message)
    return writer.taken()
  } finally {
    if (writer.bytes.length <= KEPT_BYTES) spare = writer
  }
}
