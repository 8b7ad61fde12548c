// Google's implementation of protobuf (peer.py) as a child process, and the random messages that are
// exchanged with it. The seed is TALLY_SEED, or chance.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import * as kinds from './generated/kinds.js'
import * as names from './generated/names.js'
import * as shared from './generated/shared.js'

/** Every codec of the test protos. */
export const codecs = [kinds, names, shared]
  .flatMap((module) => Object.values(module))
  .filter((value) => 'typeName' in value)

export const seed = Number(process.env.TALLY_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Debian's Python, for its python3-protobuf, or another one. */
const PYTHON = process.env.TALLY_PEER_PYTHON ?? '/usr/bin/python3'

export class Google {
  #child = spawn(PYTHON, [fileURLToPath(new URL('peer.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  #complaint = ''
  #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()

  constructor() {
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      // Google's implementation says about every text that is not UTF-8 that it is not.
      if (!text.startsWith('[libprotobuf')) this.#complaint += text
    })
  }

  /**
   * The answers to the requests, in order.
   *
   * @param {object[]} requests
   */
  async ask(requests) {
    this.#child.stdin.write(requests.map((request) => `${JSON.stringify(request)}\n`).join(''))
    const answers = []
    for (let count = 0; count < requests.length; count++) {
      const { value, done } = await this.#lines.next()
      if (done) throw new Error(`peer.py ended: ${this.#complaint}`)
      answers.push(JSON.parse(value))
    }
    return answers
  }

  close() {
    this.#child.stdin.end()
  }
}

/** Numbers by chance, the same for the same seed (mulberry32). */
export class Chance {
  #state

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0
  }

  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** @param {number} below */
  below(below) {
    return Math.floor(this.next() * below)
  }

  /**
   * @template T
   * @param {readonly T[]} values
   */
  choice(values) {
    return values[this.below(values.length)]
  }
}

const DEEPEST = 4
const TEXTS = ['', 'a', 'user-42', 'grüße', '日本語', '🧾', '__proto__', 'toString', '\0', '\ufeff', '\ufffd']
TEXTS.push('x'.repeat(41), 'é'.repeat(63), 'é'.repeat(64), 'y'.repeat(300))
const EDGES = [0n, 1n, -1n, 127n, 128n]
for (const bits of [31n, 32n, 53n, 63n, 64n]) EDGES.push(2n ** bits - 1n, 2n ** bits)
const REALS = [0, -0, 1, -1.5, 0.5, Infinity, -Infinity, NaN, 2 ** 24]

/**
 * A random message as a user gives one: fields are left out, a map may be a Map.
 *
 * @param {any} codec
 * @param {Chance} chance
 */
export function randomInit(codec, chance, depth = 0) {
  const init = {}
  const oneofs = new Set()
  for (const field of codec.fields) {
    if (chance.next() < 0.5 || (field.kind === 'message' && depth >= DEEPEST)) continue
    if (field.oneof !== undefined && oneofs.has(field.oneof)) continue
    oneofs.add(field.oneof)
    const count = chance.choice(field.kind === 'message' ? [0, 1, 2] : [0, 1, 2, 3, 40])
    let value
    if (field.map !== undefined) value = randomMap(field, chance, depth, count)
    else if (field.repeated) value = Array.from({ length: count }, () => randomValue(field, chance, depth))
    else value = randomValue(field, chance, depth)
    Object.defineProperty(init, field.name, { value, enumerable: true })
  }
  return init
}

/**
 * @param {any} field
 * @param {Chance} chance
 */
function randomMap(field, chance, depth, count) {
  const map = new Map()
  for (let index = 0; index < count; index++) {
    map.set(randomValue({ kind: field.map }, chance, depth), randomValue(field, chance, depth))
  }
  return chance.next() < 0.5 ? map : Object.fromEntries(map)
}

/**
 * @param {any} field
 * @param {Chance} chance
 */
function randomValue(field, chance, depth) {
  switch (field.kind) {
    case 'message':
      return randomInit(field.of(), chance, depth + 1)
    case 'text':
      return chance.choice(TEXTS)
    case 'octets':
      return Uint8Array.from({ length: chance.choice([0, 1, 7, 200]) }, () => chance.below(256))
    case 'bool':
      return chance.next() < 0.5
    case 'float':
      return Math.fround(chance.choice([...REALS, chance.next() * 1e6]))
    case 'double':
      return chance.choice([...REALS, chance.next() * 1e6])
    case 'enum':
      return chance.choice([0, 1, 2, 99, -1])
    default: {
      const bits = BigInt(Math.floor(chance.next() * 2 ** 53)) << BigInt(chance.below(12))
      const value = chance.choice([...EDGES, bits, -bits])
      const signed = !field.kind.startsWith('u') && !field.kind.startsWith('fixed')
      const width = field.kind.endsWith('64') ? 64 : 32
      const cut = signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value)
      return width === 64 ? cut : Number(cut)
    }
  }
}
