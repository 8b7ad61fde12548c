// The codec against Google's implementation: random messages of every kind of field, both ways, as bytes and
// as JSON; and bytes that somebody broke get the same verdict. TALLY_SEED repeats a run.
//
// Three differences are meant. A NaN is one NaN here: the bits of a signalling one are not kept. An entry of
// a map is a key and a value here: Google's dynamic messages write what else it came with, and entries that
// were overwritten, again. A half of a pair of digits is rounded up here, to the even there: 483440.125 as a
// float is 483440.13 here and 483440.12 there, and both mean the same float.

import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import { inspect } from 'node:util'

import { CodecError } from '../src/codec.js'
import { Chance, codecs, Google, randomInit, seed } from './peer.js'

const MESSAGES_PER_TYPE = 150
const BROKEN_PER_TYPE = 400

const google = new Google()
after(() => google.close())

/** @param {Uint8Array} bytes */
const hex = (bytes) => Buffer.from(bytes).toString('hex')
/** @param {string} text */
const unhex = (text) => Buffer.from(text, 'hex')

/** Random messages of a type, as Google makes them. */
const drawn = (codec, count) =>
  google.ask(Array.from({ length: count }, (_, index) => ({ type: codec.typeName, random: seed + index })))

for (const codec of codecs) {
  const type = codec.typeName

  test(`${type}: what Google writes is read and written again (seed ${seed})`, async () => {
    const sent = await drawn(codec, MESSAGES_PER_TYPE)
    const back = await google.ask(
      sent.map(({ bytes }) => ({ type, bytes: hex(codec.encode(codec.decode(unhex(bytes)))) })),
    )
    for (const [index, { bytes }] of back.entries()) assert.equal(bytes, sent[index].bytes)
  })

  test(`${type}: Google reads what is written of a random message (seed ${seed})`, async () => {
    const chance = new Chance(seed)
    const messages = Array.from({ length: MESSAGES_PER_TYPE }, () => randomInit(codec, chance))
    const answers = await google.ask(messages.map((message) => ({ type, bytes: hex(codec.encode(message)) })))
    for (const [index, answer] of answers.entries()) {
      assert.equal(answer.error, undefined)
      // Google's bytes, and its JSON, are those of the message.
      const message = codec.create(messages[index])
      assert.deepEqual(codec.decode(unhex(answer.bytes)), message)
      assert.deepEqual(sorted(codec.toJson(messages[index])), sorted(answer.json))
    }
  })

  test(`${type}: JSON is Google's, both ways (seed ${seed})`, async () => {
    const sent = await drawn(codec, MESSAGES_PER_TYPE)
    for (const { bytes, json } of sent) {
      const message = codec.decode(unhex(bytes))
      assert.deepEqual(sorted(codec.toJson(message)), sorted(json))
      assert.deepEqual(codec.fromJson(json), message)
    }
    const back = await google.ask(
      sent.map(({ bytes }) => ({ type, json: negativeZeros(codec.toJson(codec.decode(unhex(bytes)))) })),
    )
    for (const [index, { bytes, error }] of back.entries()) {
      assert.equal(error, undefined)
      assert.equal(bytes, sent[index].bytes)
    }
  })

  test(`${type}: broken bytes get Google's verdict (seed ${seed})`, async () => {
    const chance = new Chance(seed)
    const sent = await drawn(codec, 20)
    const broken = Array.from({ length: BROKEN_PER_TYPE }, () =>
      damaged(unhex(chance.choice(sent).bytes), chance),
    )
    const verdicts = await google.ask(broken.map((bytes) => ({ type, bytes: hex(bytes) })))
    const accepted = []
    for (const [index, verdict] of verdicts.entries()) {
      const message = decoded(codec, broken[index])
      const about = `${type} ${hex(broken[index])}: ${verdict.error ?? inspect(message)}`
      assert.equal(message instanceof CodecError, 'error' in verdict, about)
      if (message instanceof CodecError) continue
      assert.deepEqual(sorted(codec.toJson(message)), sorted(verdict.json), about)
      accepted.push({ message, verdict, about })
    }
    const back = await google.ask(
      accepted.map(({ message }) => ({ type, bytes: hex(codec.encode(message)) })),
    )
    for (const [index, { bytes }] of back.entries()) {
      const { verdict, about } = accepted[index]
      assert.deepEqual(codec.decode(unhex(bytes)), codec.decode(unhex(verdict.bytes)), about)
    }
  })
}

/** The message, or the CodecError that its bytes got. */
function decoded(codec, bytes) {
  try {
    return codec.decode(bytes)
  } catch (error) {
    assert.ok(error instanceof CodecError, String(error))
    return error
  }
}

/** The bytes with some changed, removed, added or doubled. */
function damaged(bytes, chance) {
  let list = [...bytes]
  for (let count = 1 + chance.below(3); count > 0; count--) {
    const at = chance.below(list.length + 1)
    const other = chance.below(list.length + 1)
    switch (chance.below(6)) {
      case 0:
        list.length = at
        break
      case 1:
        list.splice(at, chance.below(4))
        break
      case 2:
        list.splice(at, 0, ...Array(1 + chance.below(11)).fill(chance.choice([0xff, 0x80, 0])))
        break
      case 3:
        list.splice(at, 0, chance.below(256))
        break
      case 4:
        list = [...list.slice(0, at), ...list.slice(other)]
        break
      default:
        if (at < list.length) list[at] ^= 1 << chance.below(8)
    }
  }
  return Uint8Array.from(list)
}

/** JSON with its properties in an order of their own, and a float's decimals as the float that they mean. */
function sorted(json) {
  if (typeof json === 'number' && !Number.isInteger(json)) return Math.fround(json)
  if (Array.isArray(json)) return json.map(sorted)
  if (typeof json !== 'object' || json === null) return json
  const names = Object.keys(json).sort()
  return names.map((name) => [name, sorted(json[name])])
}

/** JSON.stringify has no minus zero, while text is a number too. */
function negativeZeros(json) {
  if (Object.is(json, -0)) return '-0.0'
  if (Array.isArray(json)) return json.map(negativeZeros)
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, negativeZeros(value)]))
}
