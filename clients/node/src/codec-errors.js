/**
 * What the codec answers to bytes, JSON and values that are not a message.
 *
 * @module
 */

/** Bytes or JSON that are not the message. Its text names the message and the field. */
export class CodecError extends Error {
  get name() {
    return 'CodecError'
  }
}

/**
 * Throws what a value of the wrong type gets.
 *
 * @param {string} where `ConsumeRequest.amountMicros`
 * @param {string} wanted `a bigint in the range of int64`
 * @param {unknown} value
 * @returns {never}
 */
export function wrongType(where, wanted, value) {
  throw new TypeError(`${where}: ${wanted}, not ${described(value)}`)
}

/**
 * Throws what a value of the right type and outside of its range gets.
 *
 * @param {string} where
 * @param {string} wanted
 * @param {unknown} value
 * @returns {never}
 */
export function outOfRange(where, wanted, value) {
  throw new RangeError(`${where}: ${wanted}, not ${String(value)}`)
}

/** @param {unknown} value */
function described(value) {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return `an object (${Object.prototype.toString.call(value)})`
  return `a ${typeof value}`
}

/**
 * @param {string} where
 * @param {object} message
 * @param {ReadonlySet<string>} fields
 * @returns {never}
 */
export function unknownField(where, message, fields) {
  const name = Object.keys(message).find((key) => !fields.has(key))
  throw new TypeError(`${where} has no field ${JSON.stringify(name)}`)
}
