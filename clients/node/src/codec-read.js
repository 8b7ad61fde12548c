/**
 * Reads protobuf's wire format. The generated `read...` functions call it, one method for each kind of value.
 *
 * 1. Nothing is read at or beyond `end`, the end of the message being read.
 * 2. A message is `end - start` bytes: who enters one leaves it with `pos` at its end.
 * 3. Whatever is wrong throws a CodecError; the function of the innermost message puts the place in front.
 *
 * @module
 */

import { CodecError } from './codec-errors.js'
import { HIGH, halves, LOW, signed, unsigned } from './codec-scratch.js'

/** How deep messages and groups may be nested in the one that is read or written. */
export const NESTING_LIMIT = 100

/** Where the fields that a message's type does not know are kept, as the bytes they came in. */
export const UNKNOWN = Symbol('unknown fields')

/** The longest text that is put together character by character; from here on a native call is faster. */
const SHORT_TEXT_BYTES = 10
const VARINT_BYTES = 10
/** The kinds of fields on the wire, the low three bits of a tag. */
const VARINT = 0
const EIGHT_BYTES = 1
const LENGTH = 2
const GROUP = 3
const GROUP_END = 4
const FOUR_BYTES = 5

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** The bigints of one byte. */
const small = Array.from({ length: 128 }, (_, number) => BigInt(number))

export class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    /** @type {Buffer} */
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.pos = 0
    this.end = bytes.length
    this.depth = 0
    /** Where the last tag began. */
    this.start = 0
    this.low = 0
    this.high = 0
    /** A CodecError has its place already. */
    this.placed = false
  }

  /** Bits beyond the 32nd are dropped, as Google's implementation in C++ does. */
  tag() {
    this.start = this.pos
    const byte = this.bytes[this.pos]
    if (byte < 0x80) {
      this.pos++
      return byte
    }
    return this.short('a tag')
  }

  /**
   * A varint of at most five bytes. What it has beyond 32 bits goes into `high`.
   *
   * @param {string} what
   */
  short(what) {
    let value = 0
    this.high = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.pos >= this.end) throw new CodecError(`the bytes end within ${what}`)
      const byte = this.bytes[this.pos++]
      if (shift === 28) this.high = (byte & 0x7f) >>> 4
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new CodecError(`${what} is longer than five bytes`)
  }

  /** The length of what follows, which is there. */
  length() {
    let length = this.bytes[this.pos]
    if (length < 0x80 && this.pos < this.end) this.pos++
    else {
      length = this.short('a length')
      if (this.high !== 0) throw new CodecError('a length is longer than 32 bits')
    }
    if (length > this.end - this.pos) throw new CodecError('the bytes end within a value')
    return length
  }

  /** Makes what follows, with its length in front, the part that is read. The answer goes back into `end`. */
  open() {
    const length = this.length()
    const outer = this.end
    this.end = this.pos + length
    return outer
  }

  /** As `open`, for a message. */
  enter() {
    if (++this.depth > NESTING_LIMIT) throw new CodecError(`nested deeper than ${NESTING_LIMIT}`)
    return this.open()
  }

  /** @param {number} outer what `enter` returned */
  leave(outer) {
    this.end = outer
    this.depth--
  }

  /** Reads a varint into `low` and `high`; bits beyond the 64th are dropped. */
  varint() {
    const { bytes, end } = this
    let { pos } = this
    let low = 0
    let high = 0
    for (let index = 0; index < VARINT_BYTES; index++) {
      if (pos >= end) throw new CodecError('the bytes end within a varint')
      const byte = bytes[pos++]
      const bits = byte & 0x7f
      if (index < 4) low |= bits << (7 * index)
      else if (index === 4) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (7 * index - 32)
      if (byte < 0x80) {
        this.pos = pos
        this.low = low >>> 0
        this.high = high >>> 0
        return
      }
    }
    throw new CodecError('a varint is longer than ten bytes')
  }

  int64() {
    const byte = this.bytes[this.pos]
    if (byte < 0x80 && this.pos < this.end) {
      this.pos++
      return small[byte]
    }
    this.varint()
    halves[LOW] = this.low
    halves[HIGH] = this.high
    return signed[0]
  }

  uint64() {
    this.varint()
    halves[LOW] = this.low
    halves[HIGH] = this.high
    return unsigned[0]
  }

  sint64() {
    this.varint()
    const sign = -(this.low & 1)
    halves[LOW] = ((this.low >>> 1) | (this.high << 31)) ^ sign
    halves[HIGH] = (this.high >>> 1) ^ sign
    return signed[0]
  }

  int32() {
    const byte = this.bytes[this.pos]
    if (byte < 0x80 && this.pos < this.end) {
      this.pos++
      return byte
    }
    this.varint()
    return this.low | 0
  }

  uint32() {
    this.varint()
    return this.low
  }

  sint32() {
    this.varint()
    return (this.low >>> 1) ^ -(this.low & 1)
  }

  bool() {
    this.varint()
    return this.low !== 0 || this.high !== 0
  }

  /** @param {number} count */
  take(count) {
    const at = this.pos
    if (count > this.end - at) throw new CodecError('the bytes end within a value')
    this.pos = at + count
    return at
  }

  fixed32() {
    return this.bytes.readUInt32LE(this.take(4))
  }

  sfixed32() {
    return this.bytes.readInt32LE(this.take(4))
  }

  fixed64() {
    return this.bytes.readBigUInt64LE(this.take(8))
  }

  sfixed64() {
    return this.bytes.readBigInt64LE(this.take(8))
  }

  float() {
    return this.bytes.readFloatLE(this.take(4))
  }

  double() {
    return this.bytes.readDoubleLE(this.take(8))
  }

  text() {
    const length = this.length()
    const from = this.pos
    const to = from + length
    this.pos = to
    if (length <= SHORT_TEXT_BYTES) {
      const { bytes } = this
      let text = ''
      let at = from
      for (; at < to; at++) {
        const byte = bytes[at]
        if (byte > 0x7f) break
        text += String.fromCharCode(byte)
      }
      if (at === to) return text
    }
    const text = this.bytes.utf8Slice(from, to)
    // Bytes that are no UTF-8 come out as U+FFFD, which may also be what was sent.
    if (text.includes('\ufffd')) {
      try {
        strict.decode(this.bytes.subarray(from, to))
      } catch {
        throw new CodecError('text that is not UTF-8')
      }
    }
    return text
  }

  /** A copy: the bytes that are read may be a part of something larger. */
  octets() {
    const at = this.take(this.length())
    return new Uint8Array(this.bytes.subarray(at, this.pos))
  }

  /**
   * Keeps the field whose tag was read last in the message.
   *
   * @param {number} tag
   * @param {{ [UNKNOWN]?: number[] }} message
   */
  unknown(tag, message) {
    this.skip(tag)
    const kept = (message[UNKNOWN] ??= [])
    for (let at = this.start; at < this.pos; at++) kept.push(this.bytes[at])
  }

  /**
   * Reads past the value of a field.
   *
   * @param {number} tag
   */
  skip(tag) {
    if (tag >>> 3 === 0) throw new CodecError('a tag with the field number 0')
    switch (tag & 7) {
      case VARINT:
        return this.varint()
      case EIGHT_BYTES:
        return void this.take(8)
      case LENGTH:
        return void this.take(this.length())
      case GROUP:
        return this.group(tag)
      case FOUR_BYTES:
        return void this.take(4)
      case GROUP_END:
        throw new CodecError('the end of a group that did not begin')
      default:
        throw new CodecError(`the wire type ${tag & 7}, which there is not`)
    }
  }

  /** @param {number} tag */
  group(tag) {
    if (++this.depth > NESTING_LIMIT) throw new CodecError(`nested deeper than ${NESTING_LIMIT}`)
    const { start } = this
    for (;;) {
      if (this.pos >= this.end) throw new CodecError('the bytes end within a group')
      const inner = this.tag()
      if (inner === tag + 1) break
      this.skip(inner)
    }
    this.start = start
    this.depth--
  }

  /**
   * The error with the message and the field in front, unless a message within has done that.
   *
   * @param {unknown} error
   * @param {{ name: string, fields: readonly { name: string, number: number }[] }} codec
   * @param {number} tag the field's, or zero before the first
   */
  place(error, codec, tag) {
    if (!(error instanceof CodecError) || this.placed) return error
    this.placed = true
    const number = tag >>> 3
    const field = codec.fields.find((one) => one.number === number)
    const where = field === undefined ? ` (field ${number})` : `.${field.name}`
    error.message = `${codec.name}${tag === 0 ? '' : where}: ${error.message}`
    return error
  }
}
