/**
 * Messages as proto3 JSON, by the tables of the fields: integers of 64 bits as text, bytes as base64, enums
 * by name. What has its default is left out. On input both spellings of a field's name are taken, and unknown
 * names are refused; a null is an absent field.
 *
 * @module
 */

import { CodecError } from './codec-errors.js'
import { NESTING_LIMIT } from './codec-read.js'

/**
 * @typedef {object} FieldTable
 * @property {string} name in lower camel case
 * @property {string} proto as in the .proto
 * @property {number} number
 * @property {string} kind of its values
 * @property {() => any} [of] the codec of its messages, or its enum
 * @property {boolean} [repeated]
 * @property {string} [map] the kind of its keys
 * @property {boolean} [presence]
 * @property {string} [oneof]
 */

const INTEGERS = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}
const KINDS_OF_INTEGERS = new Map(
  Object.entries({
    int32: 'int32',
    sint32: 'int32',
    sfixed32: 'int32',
    uint32: 'uint32',
    fixed32: 'uint32',
    int64: 'int64',
    sint64: 'int64',
    sfixed64: 'int64',
    uint64: 'uint64',
    fixed64: 'uint64',
  }),
)
const DEFAULTS = new Set([0, 0n, false, '', undefined])
/** Decimal text, and what JSON writes for a number. */
const INTEGER = /^-?[0-9]{1,20}$/
const DECIMAL = /^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$/
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/
const NOT_FINITE = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
])

/**
 * @param {{ fields: readonly FieldTable[] }} codec
 * @param {any} message with the defaults filled in
 * @returns {object}
 */
export function messageToJson(codec, message) {
  /** @type {[string, unknown][]} */
  const found = []
  for (const field of codec.fields) {
    const value = message[field.name]
    const json = fieldToJson(field, value)
    if (json !== undefined) found.push([field.name, json])
  }
  // Makes a property of its own of every name.
  return Object.fromEntries(found)
}

/**
 * @param {FieldTable} field
 * @param {any} value
 */
function fieldToJson(field, value) {
  if (field.map !== undefined) {
    const entries = Object.entries(value).map(([key, one]) => [key, valueToJson(field, one)])
    return entries.length === 0 ? undefined : Object.fromEntries(entries)
  }
  if (field.repeated) {
    return value.length === 0 ? undefined : value.map((/** @type {unknown} */ one) => valueToJson(field, one))
  }
  if (field.presence) return value === undefined ? undefined : valueToJson(field, value)
  if ((DEFAULTS.has(value) && !Object.is(value, -0)) || value.length === 0) return undefined
  return valueToJson(field, value)
}

/**
 * @param {FieldTable} field
 * @param {any} value
 */
function valueToJson(field, value) {
  switch (field.kind) {
    case 'message':
      return messageToJson(field.of?.(), value)
    case 'enum':
      return field.of?.().protoName(value) ?? value
    case 'octets':
      return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')
    case 'float':
    case 'double':
      if (!Number.isFinite(value)) return String(value)
      return field.kind === 'float' ? shortestFloat(value) : value
    default:
      return typeof value === 'bigint' ? String(value) : value
  }
}

/**
 * The shortest decimal number that rounds to the same float.
 *
 * @param {number} value
 */
function shortestFloat(value) {
  if (value === 0) return value
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return shorter
  }
  return value
}

/**
 * @param {any} codec
 * @param {unknown} json
 * @param {string} where
 * @param {number} depth
 */
export function messageFromJson(codec, json, where, depth) {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new CodecError(`${where}: a JSON object is due`)
  }
  if (depth > NESTING_LIMIT) throw new CodecError(`${where}: nested deeper than ${NESTING_LIMIT}`)
  const message = codec.blank()
  const seen = new Set()
  for (const [key, value] of Object.entries(json)) {
    const field = codec.spelt(key)
    if (field === undefined) throw new CodecError(`${codec.name} has no field ${JSON.stringify(key)}`)
    const place = `${codec.name}.${field.name}`
    if (seen.has(field)) throw new CodecError(`${place}: it is there in both spellings`)
    seen.add(field)
    if (value === null) continue
    if (field.oneof !== undefined) {
      if (seen.has(field.oneof)) throw new CodecError(`${codec.name}: more than one of ${field.oneof} is set`)
      seen.add(field.oneof)
    }
    message[field.name] = fieldFromJson(field, value, place, depth)
  }
  return message
}

/**
 * @param {FieldTable} field
 * @param {unknown} json
 * @param {string} where
 * @param {number} depth
 */
function fieldFromJson(field, json, where, depth) {
  if (field.map !== undefined) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new CodecError(`${where}: a JSON object is due`)
    }
    const map = Object.create(null)
    for (const [key, value] of Object.entries(json)) {
      map[keyFromJson(field.map, key, where)] = valueFromJson(field, value, where, depth)
    }
    return map
  }
  if (!field.repeated) return valueFromJson(field, json, where, depth)
  if (!Array.isArray(json)) throw new CodecError(`${where}: a JSON array is due`)
  return json.map((one) => valueFromJson(field, one, where, depth))
}

/**
 * @param {string} kind
 * @param {string} key
 * @param {string} where
 */
function keyFromJson(kind, key, where) {
  if (kind === 'text') return wellFormed(key, where)
  if (kind !== 'bool') return String(integer(kind, key, where))
  if (key !== 'true' && key !== 'false') throw new CodecError(`${where}: a key has to be true or false`)
  return key
}

/**
 * @param {FieldTable} field
 * @param {unknown} json
 * @param {string} where
 * @param {number} depth
 */
function valueFromJson(field, json, where, depth) {
  switch (field.kind) {
    case 'message':
      return messageFromJson(field.of?.(), json, where, depth + 1)
    case 'enum':
      return enumeration(field.of?.(), json, where)
    case 'text':
      if (typeof json !== 'string') throw new CodecError(`${where}: a string is due`)
      return wellFormed(json, where)
    case 'bool':
      if (typeof json !== 'boolean') throw new CodecError(`${where}: true or false is due`)
      return json
    case 'octets':
      if (typeof json !== 'string' || !BASE64.test(json)) throw new CodecError(`${where}: base64 is due`)
      return new Uint8Array(Buffer.from(json, 'base64'))
    case 'float':
    case 'double':
      return real(field.kind, json, where)
    default:
      return integer(field.kind, json, where)
  }
}

/**
 * @param {string} text
 * @param {string} where
 */
function wellFormed(text, where) {
  if (/\p{Surrogate}/u.test(text)) throw new CodecError(`${where}: half of a surrogate pair is not Unicode`)
  return text
}

/**
 * @param {any} values
 * @param {unknown} json
 * @param {string} where
 */
function enumeration(values, json, where) {
  if (typeof json === 'number') return integer('int32', json, where)
  const number = typeof json === 'string' ? values.protoNumber(json) : undefined
  if (number === undefined) {
    throw new CodecError(`${where}: the name of a value is due, not ${JSON.stringify(json)}`)
  }
  return number
}

/**
 * @param {string} kind
 * @param {unknown} json
 * @param {string} where
 */
function integer(kind, json, where) {
  const range = /** @type {keyof typeof INTEGERS} */ (KINDS_OF_INTEGERS.get(kind))
  const whole = Number.isInteger(json) || (typeof json === 'string' && INTEGER.test(json))
  if (!whole) throw new CodecError(`${where}: a whole number is due`)
  // A JSON number beyond this was rounded when it was parsed.
  if (typeof json === 'number' && !Number.isSafeInteger(json)) {
    throw new CodecError(`${where}: a number this large has to be text`)
  }
  const value = BigInt(/** @type {string | number} */ (json))
  const [least, most] = INTEGERS[range]
  if (value < least || value > most) throw new CodecError(`${where}: it is not in the range of ${range}`)
  return range.endsWith('64') ? value : Number(value)
}

/**
 * @param {string} kind
 * @param {unknown} json
 * @param {string} where
 */
function real(kind, json, where) {
  const special = typeof json === 'string' ? NOT_FINITE.get(json) : undefined
  if (special !== undefined) return special
  const decimal = typeof json === 'number' || (typeof json === 'string' && DECIMAL.test(json))
  const value = decimal ? Number(json) : NaN
  const rounded = kind === 'float' ? Math.fround(value) : value
  if (!Number.isFinite(rounded)) throw new CodecError(`${where}: a number in the range of ${kind} is due`)
  return rounded
}
