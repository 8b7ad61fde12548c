/**
 * ttrpc 1.2 on the wire: frames, and the two envelopes inside them. Bytes in, values out; no socket.
 *
 * A frame is ten bytes and a payload: u32 length, u32 stream id, u8 type, u8 flags, big-endian.
 *
 * 1. Each byte of a frame is copied at most once, however many pieces it comes in.
 * 2. A length is checked before anything is allocated for it.
 *
 * @module
 */

export const REQUEST = 1
export const RESPONSE = 2
export const DATA = 3

export const REMOTE_CLOSED = 0x01
export const REMOTE_OPEN = 0x02
export const NO_DATA = 0x04

export const HEADER_BYTES = 10
/** A frame's first byte is zero, so this is the longest payload that the protocol can carry. */
export const LONGEST_PAYLOAD_BYTES = (1 << 24) - 1
/** Stream ids are odd and have 32 bits. */
export const LAST_STREAM_ID = 2 ** 32 - 1

/** The peer does not speak ttrpc; the connection cannot go on. */
export class ProtocolError extends Error {
  get name() {
    return 'ProtocolError'
  }
}

/**
 * A whole frame.
 *
 * @param {number} streamId
 * @param {number} type
 * @param {number} flags
 * @param {Uint8Array} payload
 * @returns {Buffer}
 */
export function encodeFrame(streamId, type, flags, payload) {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  writeHeader(frame, payload.length, streamId, type, flags)
  frame.set(payload, HEADER_BYTES)
  return frame
}

/**
 * @param {Buffer} frame
 * @param {number} length
 * @param {number} streamId
 * @param {number} type
 * @param {number} flags
 */
function writeHeader(frame, length, streamId, type, flags) {
  frame.writeUInt32BE(length, 0)
  frame.writeUInt32BE(streamId, 4)
  frame[8] = type
  frame[9] = flags
}

/**
 * What every Request of a method begins with: the names of its service and of itself.
 *
 * @param {string} service
 * @param {string} method
 * @returns {Buffer}
 */
export function encodeNames(service, method) {
  return Buffer.concat([textField(1, service), textField(2, method)])
}

/**
 * The metadata of a Request.
 *
 * @param {Iterable<readonly [string, string]>} metadata
 * @returns {Buffer}
 */
export function encodeMetadata(metadata) {
  const fields = []
  for (const [key, value] of metadata) {
    fields.push(bytesField(5, Buffer.concat([textField(1, key), textField(2, value)])))
  }
  return Buffer.concat(fields)
}

/**
 * A frame that holds a Request.
 *
 * @param {number} streamId
 * @param {number} flags
 * @param {Uint8Array} names from `encodeNames`
 * @param {Uint8Array} payload the message
 * @param {number} timeoutNanos a whole number; 0 is none
 * @param {Uint8Array} metadata from `encodeMetadata`
 * @returns {Buffer}
 */
export function encodeRequestFrame(streamId, flags, names, payload, timeoutNanos, metadata) {
  const payloadBytes = payload.length === 0 ? 0 : 1 + varintBytes(payload.length) + payload.length
  const timeoutBytes = timeoutNanos === 0 ? 0 : 1 + varintBytes(timeoutNanos)
  const length = names.length + payloadBytes + timeoutBytes + metadata.length
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length)
  writeHeader(frame, length, streamId, REQUEST, flags)
  frame.set(names, HEADER_BYTES)
  let at = HEADER_BYTES + names.length
  if (payloadBytes > 0) {
    frame[at] = (3 << 3) | 2
    at = writeVarint(frame, at + 1, payload.length)
    frame.set(payload, at)
    at += payload.length
  }
  if (timeoutBytes > 0) {
    frame[at] = 4 << 3
    at = writeVarint(frame, at + 1, timeoutNanos)
  }
  frame.set(metadata, at)
  return frame
}

/**
 * @param {number} value a whole number, not negative, below 2^53
 * @returns {number}
 */
function varintBytes(value) {
  let bytes = 1
  while (value > 0x7f) {
    value = Math.floor(value / 128)
    bytes += 1
  }
  return bytes
}

/**
 * @param {Uint8Array} out
 * @param {number} at
 * @param {number} value a whole number, not negative, below 2^53
 * @returns {number} where it ends
 */
function writeVarint(out, at, value) {
  while (value > 0x7f) {
    out[at++] = (value % 128) | 0x80
    value = Math.floor(value / 128)
  }
  out[at++] = value
  return at
}

/**
 * @param {number} number
 * @param {Uint8Array} content
 */
function bytesField(number, content) {
  const head = Buffer.allocUnsafe(1 + varintBytes(content.length))
  head[0] = (number << 3) | 2
  writeVarint(head, 1, content.length)
  return Buffer.concat([head, content])
}

/**
 * @param {number} number
 * @param {string} text
 */
function textField(number, text) {
  return bytesField(number, Buffer.from(text))
}

/** @typedef {(streamId: number, type: number, flags: number, payload: Buffer) => void} OnFrame */

/** Whole frames from bytes that come in any pieces. */
export class FrameParser {
  #header = Buffer.alloc(HEADER_BYTES)
  #headerFilled = 0
  /** @type {Buffer | undefined} */
  #payload = undefined
  #payloadFilled = 0

  /** Whether a frame has begun that has not ended. */
  get inFrame() {
    return this.#headerFilled > 0
  }

  /**
   * Calls `onFrame` for each frame that `chunk` completes. A payload may be a view of the chunk.
   * Throws ProtocolError.
   *
   * @param {Buffer} chunk
   * @param {OnFrame} onFrame
   */
  feed(chunk, onFrame) {
    let at = this.#headerFilled === 0 ? 0 : this.#complete(chunk, onFrame)
    while (chunk.length - at >= HEADER_BYTES) {
      const length = checkedLength(chunk, at)
      const start = at + HEADER_BYTES
      if (chunk.length - start < length) break
      at = start + length
      onFrame(chunk.readUInt32BE(start - 6), chunk[start - 2], chunk[start - 1], chunk.subarray(start, at))
    }
    if (at < chunk.length) this.#begin(chunk, at)
  }

  /**
   * Adds to the frame that has begun; returns how much of the chunk was its.
   *
   * @param {Buffer} chunk
   * @param {OnFrame} onFrame
   * @returns {number}
   */
  #complete(chunk, onFrame) {
    let at = 0
    if (this.#payload === undefined) {
      at = chunk.copy(this.#header, this.#headerFilled, 0)
      this.#headerFilled += at
      if (this.#headerFilled < HEADER_BYTES) return at
      this.#payload = Buffer.allocUnsafe(checkedLength(this.#header, 0))
    }
    const copied = chunk.copy(this.#payload, this.#payloadFilled, at)
    this.#payloadFilled += copied
    if (this.#payloadFilled < this.#payload.length) return at + copied
    const payload = this.#payload
    this.#headerFilled = this.#payloadFilled = 0
    this.#payload = undefined
    onFrame(this.#header.readUInt32BE(4), this.#header[8], this.#header[9], payload)
    return at + copied
  }

  /**
   * Keeps the part of a frame that a chunk ends with.
   *
   * @param {Buffer} chunk
   * @param {number} at
   */
  #begin(chunk, at) {
    this.#headerFilled = chunk.copy(this.#header, 0, at, at + HEADER_BYTES)
    if (this.#headerFilled < HEADER_BYTES) return
    this.#payload = Buffer.allocUnsafe(checkedLength(this.#header, 0))
    this.#payloadFilled = chunk.copy(this.#payload, 0, at + HEADER_BYTES)
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 */
function checkedLength(bytes, at) {
  const length = bytes.readUInt32BE(at)
  if (length > LONGEST_PAYLOAD_BYTES) throw new ProtocolError(`a frame of ${length} bytes`)
  return length
}

/**
 * A Response envelope. Code 0 is success, whether the status was absent or empty.
 *
 * @typedef {object} Response
 * @property {number} code
 * @property {string} message
 * @property {ReadonlyArray<readonly [typeUrl: string, value: Uint8Array]>} details
 * @property {Uint8Array} payload
 */

const EMPTY = new Uint8Array(0)
const NO_DETAILS = Object.freeze(/** @type {Response['details']} */ ([]))

/**
 * Throws ProtocolError for what is not a Response.
 *
 * @param {Uint8Array} data
 * @returns {Response}
 */
export function decodeResponse(data) {
  const payload = barePayload(data)
  if (payload !== undefined) return { code: 0, message: '', details: NO_DETAILS, payload }
  const response = { code: 0, message: '', details: NO_DETAILS, payload: EMPTY }
  const fields = new Fields(data)
  while (fields.next()) {
    if (fields.number === 2) response.payload = fields.bytes()
    else if (fields.number === 1) readStatus(fields.bytes(), response)
  }
  return response
}

/**
 * The payload of a Response that holds nothing else, which is most of them.
 *
 * @param {Uint8Array} data
 * @returns {Uint8Array | undefined}
 */
function barePayload(data) {
  if (data[0] !== ((2 << 3) | 2)) return undefined
  let size = 0
  for (let at = 1; at < 5; at += 1) {
    const byte = data[at]
    size |= (byte & 0x7f) << (7 * (at - 1))
    if (byte < 0x80) return at + 1 + size === data.length ? data.subarray(at + 1) : undefined
  }
  return undefined
}

/**
 * @param {Uint8Array} data
 * @param {Response} response
 */
function readStatus(data, response) {
  const fields = new Fields(data)
  while (fields.next()) {
    if (fields.number === 1) response.code = fields.value()
    else if (fields.number === 2) response.message = text(fields.bytes())
    else if (fields.number === 3) response.details = [...response.details, readAny(fields.bytes())]
  }
}

/**
 * @param {Uint8Array} data
 * @returns {readonly [string, Uint8Array]}
 */
function readAny(data) {
  let typeUrl = ''
  let value = EMPTY
  const fields = new Fields(data)
  while (fields.next()) {
    if (fields.number === 1) typeUrl = text(fields.bytes())
    else if (fields.number === 2) value = fields.bytes()
  }
  return [typeUrl, value]
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @param {Uint8Array} bytes */
function text(bytes) {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new ProtocolError('a text that is not UTF-8')
  }
}

const LAST_VARINT_BYTE = 10

/** Walks over a message's fields, of whatever numbers. */
class Fields {
  #data
  #at = 0
  #kind = 0
  #value = 0
  #start = 0
  number = 0

  /** @param {Uint8Array} data */
  constructor(data) {
    this.#data = data
  }

  /** Goes to the next field; false when there is none. */
  next() {
    const data = this.#data
    if (this.#at >= data.length) return false
    const tag = this.#varint()
    this.number = Math.floor(tag / 8)
    this.#kind = tag % 8
    if (this.#kind === 0) {
      this.#value = this.#varint()
      return true
    }
    let size
    if (this.#kind === 2) size = this.#varint()
    else if (this.#kind === 1) size = 8
    else if (this.#kind === 5) size = 4
    else throw new ProtocolError(`wire type ${this.#kind}`)
    if (size > data.length - this.#at) throw new ProtocolError('a field that runs past the end')
    this.#start = this.#at
    this.#at += size
    return true
  }

  bytes() {
    if (this.#kind === 0) throw new ProtocolError('a number where bytes belong')
    return this.#data.subarray(this.#start, this.#at)
  }

  /** A number, exact below 2^53. */
  value() {
    if (this.#kind !== 0) throw new ProtocolError('bytes where a number belongs')
    return this.#value
  }

  #varint() {
    let value = 0
    let scale = 1
    for (let count = 0; count < LAST_VARINT_BYTE && this.#at < this.#data.length; count += 1) {
      const byte = this.#data[this.#at++]
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw new ProtocolError('a number without an end')
  }
}
