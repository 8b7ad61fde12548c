/**
 * Idempotency keys for the requests that came without one.
 *
 * A key is a UUID of version 7: ordered by time, so that the server's index is written in order.
 *
 * @module
 */

import { randomFillSync } from 'node:crypto'

const KEY_FIELD = 'idempotencyKey'
/** Random bytes are fetched for this many keys at once. */
const KEYS_AT_ONCE = 256
const RANDOM_BYTES = 10
/** The tail counts up within a millisecond: 12 bits of `rand_a` and the upper 30 of `rand_b`. */
const TAIL_LIMIT = 2 ** 42

const random = Buffer.alloc(KEYS_AT_ONCE * RANDOM_BYTES)
let used = random.length
let millis = 0
let tail = 0

/** A fresh key, greater than every earlier one of this process. */
export function newKey() {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  // The top bit is left free to count up in.
  const fresh = (random.readUInt16BE(used) & 0x1ff) * 2 ** 32 + random.readUInt32BE(used + 2)
  const end = random.readUInt32BE(used + 6)
  used += RANDOM_BYTES
  const now = Date.now()
  if (now > millis) {
    millis = now
    tail = fresh
  } else {
    tail += 1 + (fresh % 2 ** 20)
    if (tail >= TAIL_LIMIT) {
      millis += 1
      tail = fresh
    }
  }
  return format(end)
}

/** @param {number} end the last 32 bits, random */
function format(end) {
  const time = hex(millis, 12)
  const high = Math.floor(tail / 2 ** 30)
  const middle = tail % 2 ** 30
  const variant = 0x8000 | (middle >>> 16)
  return (
    `${time.slice(0, 8)}-${time.slice(8)}-7${hex(high, 3)}-` +
    `${hex(variant, 4)}-${hex(middle & 0xffff, 4)}${hex(end, 8)}`
  )
}

/**
 * @param {number} value
 * @param {number} digits
 */
function hex(value, digits) {
  return value.toString(16).padStart(digits, '0')
}

/**
 * @typedef {{ idempotencyKey?: string }} Keyed
 */

/**
 * The request with a key, and each item of a batch with one, where there is none. What was given is left
 * as it is.
 *
 * @template {object} Request
 * @param {string | undefined} key where the method's keys are: in the request's own field for it, or in each
 *   message of the field of that name
 * @param {Request} request
 * @returns {Request}
 */
export function withKeys(key, request) {
  if (key === undefined) return request
  if (key === KEY_FIELD) return withKey(request)
  const items = /** @type {Readonly<Record<string, Iterable<Keyed> | undefined>>} */ (request)[key]
  return items == null ? request : { ...request, [key]: Array.from(items, withKey) }
}

/**
 * @template {Keyed} T
 * @param {T} message
 * @returns {T}
 */
function withKey(message) {
  return message.idempotencyKey ? message : { ...message, idempotencyKey: newKey() }
}
