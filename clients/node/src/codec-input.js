/**
 * Looks at what a user gives as a message: objects of whatever realm, with whatever in them.
 *
 * @module
 */

import { unknownField, wrongType } from './codec-errors.js'

/** @type {[unknown, unknown][]} */
const NO_ENTRIES = []

const tagOf = Object.prototype.toString

/**
 * A Uint8Array, of whatever realm.
 *
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
export function isOctets(value) {
  // Most are of this realm, and found out at once.
  if (value instanceof Uint8Array) return true
  return ArrayBuffer.isView(value) && tagOf.call(value) === '[object Uint8Array]'
}

/**
 * @param {unknown} value
 * @returns {value is Date}
 */
export function isDate(value) {
  return tagOf.call(value) === '[object Date]'
}

/**
 * Refuses names that are no field's: a misspelt one would be silently ignored.
 *
 * @param {object} message
 * @param {{ name: string, names: ReadonlySet<string>, ordered: readonly string[] }} codec
 */
export function check(message, codec) {
  const { ordered } = codec
  let next = 0
  for (const name in message) {
    // In a decoded message, and in most others, the fields come in their order.
    if (name === ordered[next]) next++
    else if (!codec.names.has(name)) unknownField(codec.name, message, codec.names)
  }
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
  for (const _ in value) return Object.entries(value)
  return NO_ENTRIES
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
