/**
 * What the generated messages are made of: a `MessageCodec` each, around their functions, and enums.
 *
 * A message is a plain object. A generated `blank` makes one with every default, `read` reads fields into
 * one, and `write` writes one, of which anything may be absent.
 *
 * @module
 */

import { isOctets } from './codec-input.js'
import { messageFromJson, messageToJson } from './codec-json.js'
import { Reader } from './codec-read.js'
import { written } from './codec-write.js'

export { CodecError } from './codec-errors.js'
export { bigintKey, booleanKey, check, entries, integerKey, list, oneOf, own } from './codec-input.js'
export { UNKNOWN } from './codec-read.js'

/** @typedef {import('./codec-json.js').FieldTable} FieldTable */
/** @typedef {import('./codec-write.js').Writer} Writer */

export class MessageCodec {
  /** @type {readonly FieldTable[] | undefined} */
  #fields
  /** @type {readonly string[] | undefined} */
  #ordered
  /** @type {ReadonlySet<string> | undefined} */
  #names
  /** @type {ReadonlyMap<string, FieldTable> | undefined} */
  #spellings

  /**
   * @param {string} typeName
   * @param {() => any} blank
   * @param {(reader: Reader, message: any) => any} read
   * @param {(writer: Writer, message: any) => void} write
   * @param {() => readonly FieldTable[]} table asked once, and late: it may name what stands further down
   */
  constructor(typeName, blank, read, write, table) {
    /** The full name, with the package. */
    this.typeName = typeName
    /** The name for people. */
    this.name = typeName.replace(/^([a-z_][^.]*\.)+/, '')
    this.blank = blank
    this.read = read
    this.write = write
    this.table = table
    Object.freeze(this)
  }

  get fields() {
    return (this.#fields ??= this.table())
  }

  /** The names that an object may have, in the order in which a blank message has them. */
  get ordered() {
    return (this.#ordered ??= this.fields.map((field) => field.name))
  }

  get names() {
    return (this.#names ??= new Set(this.ordered))
  }

  /**
   * The field of that name, in either spelling.
   *
   * @param {string} key
   */
  spelt(key) {
    this.#spellings ??= new Map([
      ...this.fields.map((field) => /** @type {const} */ ([field.proto, field])),
      ...this.fields.map((field) => /** @type {const} */ ([field.name, field])),
    ])
    return this.#spellings.get(key)
  }

  /**
   * The message's bytes. TypeError for values of a wrong type and for names that are no field's, RangeError
   * for values out of range; both name the message and the field.
   *
   * @param {object} message
   */
  encode(message) {
    if (typeof message !== 'object' || message === null) {
      throw new TypeError(`${this.name}: an object is due, not ${message === null ? 'null' : typeof message}`)
    }
    return written(this.write, message)
  }

  /**
   * The message of the bytes, with every default filled in. CodecError when they are not one.
   *
   * @param {Uint8Array} bytes
   */
  decode(bytes) {
    if (!isOctets(bytes)) throw new TypeError(`${this.name}: a Uint8Array is due`)
    return this.read(new Reader(bytes), this.blank())
  }

  /**
   * A message with every default filled in, of its own. Throws as `encode` does.
   *
   * @param {object} [init]
   */
  create(init) {
    return init === undefined ? this.blank() : this.decode(this.encode(init))
  }

  /**
   * The message as proto3 JSON. Throws as `encode` does.
   *
   * @param {object} message
   */
  toJson(message) {
    return messageToJson(this, this.create(message))
  }

  /**
   * The message of a proto3 JSON value. CodecError when it is not one.
   *
   * @param {unknown} json
   */
  fromJson(json) {
    return messageFromJson(this, json, this.name, 0)
  }
}

/**
 * An enum: a frozen object of its numbers by name.
 *
 * @template {Record<string, number>} T
 * @param {string} prefix what the names have in front in the .proto
 * @param {T} values
 */
export function enumeration(prefix, values) {
  /** @type {Map<number, string>} */
  const names = new Map()
  for (const [name, number] of Object.entries(values)) if (!names.has(number)) names.set(number, name)
  const numbers = new Map(Object.entries(values).map(([name, number]) => [prefix + name, number]))
  const functions = {
    nameOf: (/** @type {number} */ number) => names.get(number),
    protoName: (/** @type {number} */ number) => (names.has(number) ? prefix + names.get(number) : undefined),
    protoNumber: (/** @type {string} */ name) => numbers.get(name),
  }
  for (const [name, value] of Object.entries(functions)) Object.defineProperty(values, name, { value })
  return Object.freeze(values)
}
