/**
 * A call's messages: what it sends, with its envelope, made once for all attempts; and its answers.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'

import { Code, MessageTooLarge } from './errors.js'
import { nonsense } from './nonsense.js'
import { LONE_SURROGATE } from './unicode.js'
import { encodeMetadata, encodeNames, encodeRequestFrame, LONGEST_PAYLOAD_BYTES } from './wire.js'

const CANCEL_TOKEN = 'tally-cancel-token'
/**
 * The longest message. Leaves room for the envelope. A server has a lower limit of its own and answers that
 * itself.
 */
export const LONGEST_MESSAGE_BYTES = LONGEST_PAYLOAD_BYTES - (64 << 10)
/** The longest metadata of a call, encoded. */
export const LONGEST_METADATA_BYTES = 32 << 10

/**
 * How a message is written and read.
 *
 * @template Init, Message
 * @typedef {object} Codec
 * @property {string} typeName
 * @property {(init: Init) => Uint8Array} encode
 * @property {(bytes: Uint8Array) => Message} decode keeps none of the bytes
 */

/**
 * A method of a service, as generated.
 *
 * @typedef {object} Method
 * @property {string} service
 * @property {string} name
 * @property {Codec<any, any>} request
 * @property {Codec<any, any>} response
 * @property {boolean | ((request: any) => boolean)} repeatable whether a call that may have been applied may
 *   be sent again: it reads, it carries a key, or it sets what it names
 * @property {string | undefined} [key] the field of the request's idempotency key, or of the messages that
 *   have one each
 */

/**
 * @typedef {object} Outgoing
 * @property {Method} method
 * @property {Uint8Array} names
 * @property {Uint8Array} payload
 * @property {Uint8Array} metadata
 * @property {boolean} repeatable
 * @property {AbortSignal | undefined} signal
 * @property {string} token by which it can be cancelled; empty when it cannot
 */

/** @type {WeakMap<Method, Buffer>} */
const namesOf = new WeakMap()

/**
 * What a method's Requests begin with.
 *
 * @param {Method} method
 * @returns {Buffer}
 */
export function namesFor(method) {
  let names = namesOf.get(method)
  if (names === undefined) namesOf.set(method, (names = encodeNames(method.service, method.name)))
  return names
}

/**
 * A message's bytes. Throws MessageTooLarge, and TypeError for what the fields cannot hold.
 *
 * @param {Codec<any, any>} codec
 * @param {unknown} message
 * @returns {Uint8Array}
 */
export function serialize(codec, message) {
  const payload = codec.encode(message)
  if (payload.length > LONGEST_MESSAGE_BYTES) {
    const details = { limit: String(LONGEST_MESSAGE_BYTES) }
    const text = 'the request is too large'
    throw new MessageTooLarge(Code.RESOURCE_EXHAUSTED, text, 'MESSAGE_TOO_LARGE', details)
  }
  return payload
}

/**
 * The message of an answer. Throws a TallyError for bytes that are not one.
 *
 * @param {Method} method
 * @param {Uint8Array} payload
 * @returns {any}
 */
export function parse(method, payload) {
  try {
    return method.response.decode(payload)
  } catch (problem) {
    const what = problem instanceof Error ? problem.message : String(problem)
    throw nonsense(`the reply of ${method.name} does not parse: ${what}`, problem)
  }
}

/** A token by which the server can be told to cancel a call. */
export function newToken() {
  return randomUUID()
}

/**
 * The metadata with a token after them.
 *
 * @param {Uint8Array} metadata
 * @param {string} token
 */
export function withToken(metadata, token) {
  return Buffer.concat([metadata, encodeMetadata([[CANCEL_TOKEN, token]])])
}

/**
 * Metadata, encoded, whose names are in lower case. RangeError beyond the limit, TypeError for what is no
 * text.
 *
 * @param {ReadonlyMap<string, string>} metadata
 */
export function serializeMetadata(metadata) {
  for (const [name, value] of metadata) {
    if (typeof value !== 'string') throw new TypeError(`metadata ${name} is a text, not a ${typeof value}`)
    // Written as bytes it would become another text: another acting user, perhaps.
    if (LONE_SURROGATE.test(name) || LONE_SURROGATE.test(value)) {
      throw new TypeError(`metadata ${name}: text with half of a surrogate pair, which is not Unicode`)
    }
  }
  const bytes = encodeMetadata(metadata)
  if (bytes.length > LONGEST_METADATA_BYTES) {
    throw new RangeError(`metadata have at most ${LONGEST_METADATA_BYTES} bytes, not ${bytes.length}`)
  }
  return bytes
}

const CANCEL_NAMES = encodeNames('tallystick.v1.Control', 'Cancel')
const NO_METADATA = new Uint8Array(0)

/**
 * Asks the server to end the calls that carry a token, which ttrpc has no frame for.
 *
 * @param {number} streamId
 * @param {string} token at most 127 bytes
 * @returns {Buffer}
 */
export function encodeCancel(streamId, token) {
  const text = Buffer.from(token)
  // CancelRequest{token = 1}.
  const payload = Buffer.concat([Buffer.from([0x0a, text.length]), text])
  return encodeRequestFrame(streamId, 0, CANCEL_NAMES, payload, 0, NO_METADATA)
}
