// proto3 JSON: what is taken, what is refused and how it is said, and what is written.

import assert from 'node:assert/strict'
import test, { after } from 'node:test'

import { CodecError } from '../src/codec.js'
import * as kinds from './generated/kinds.js'
import { Google } from './peer.js'

const { Choices, Color, Maps, Money, Present, Repeated, Singular, Tree } = kinds
const google = new Google()
after(() => google.close())

/** JSON, and the message that it is. */
const TAKEN = [
  [Singular, { int64Value: '9223372036854775807' }, { int64Value: 2n ** 63n - 1n }],
  [Singular, { int64_value: 5 }, { int64Value: 5n }],
  [Singular, { uint64Value: '18446744073709551615' }, { uint64Value: 2n ** 64n - 1n }],
  [Singular, { int32Value: '-5', uint32Value: 4294967295 }, { int32Value: -5, uint32Value: 2 ** 32 - 1 }],
  [Singular, { int32Value: 1e3, doubleValue: '1.5e3' }, { int32Value: 1000, doubleValue: 1500 }],
  [Singular, { doubleValue: 'NaN', floatValue: '-Infinity' }, { doubleValue: NaN, floatValue: -Infinity }],
  [Singular, { floatValue: 0.1 }, { floatValue: Math.fround(0.1) }],
  [Singular, { color: 'COLOR_RED', alias: 'ALIAS_SECOND' }, { color: Color.RED, alias: 1 }],
  [Singular, { color: 77 }, { color: 77 }],
  [Singular, { bytesValue: 'AP8=' }, { bytesValue: Uint8Array.of(0, 255) }],
  [Singular, { bytesValue: '-_8' }, { bytesValue: Uint8Array.of(251, 255) }],
  [Singular, { stringValue: null, inner: null, int32Value: null }, {}],
  [Present, { int32Value: 0 }, { int32Value: 0 }],
  [Repeated, { int32Values: null, stringValues: ['a', ''] }, { stringValues: ['a', ''] }],
  [
    Maps,
    { byInt64: { '-5': 'a' }, byBool: { true: 'b' } },
    { byInt64: { '-5': 'a' }, byBool: { true: 'b' } },
  ],
  [Maps, { toInner: { a: {} } }, { toInner: { a: {} } }],
  [Choices, { left: 'a', inner: null, int32Value: 0 }, { left: 'a', int32Value: 0 }],
  [Money, { createdAtMicros: '5' }, { createdAtMicros: 5n }],
]

test('JSON is taken in either spelling, as Google takes it', async () => {
  for (const [codec, json, init] of TAKEN) assert.deepEqual(codec.fromJson(json), codec.create(init))
  const answers = await google.ask(TAKEN.map(([codec, json]) => ({ type: codec.typeName, json })))
  for (const [index, { bytes, error }] of answers.entries()) {
    const [codec, json] = TAKEN[index]
    assert.equal(error, undefined, JSON.stringify(json))
    assert.deepEqual(codec.decode(Buffer.from(bytes, 'hex')), codec.fromJson(json))
  }
})

const REFUSED = [
  [Singular, { nothing: 1 }, 'Singular has no field "nothing"'],
  [Singular, { INT64_VALUE: 1 }, 'Singular has no field "INT64_VALUE"'],
  [Singular, { int64Value: '9223372036854775808' }, 'Singular.int64Value: it is not in the range of int64'],
  [Singular, { int32Value: 2147483648 }, 'Singular.int32Value: it is not in the range of int32'],
  [Singular, { uint32Value: -1 }, 'Singular.uint32Value: it is not in the range of uint32'],
  [Singular, { int32Value: 1.5 }, 'Singular.int32Value: a whole number is due'],
  [Singular, { int32Value: '1.5' }, 'Singular.int32Value: a whole number is due'],
  [Singular, { int32Value: ' 1' }, 'Singular.int32Value: a whole number is due'],
  [Singular, { int64Value: {} }, 'Singular.int64Value: a whole number is due'],
  [Singular, { boolValue: 'true' }, 'Singular.boolValue: true or false is due'],
  [Singular, { stringValue: 5 }, 'Singular.stringValue: a string is due'],
  [Singular, { bytesValue: 5 }, 'Singular.bytesValue: base64 is due'],
  [Singular, { doubleValue: 'much' }, 'Singular.doubleValue: a number in the range of double is due'],
  [Singular, { floatValue: 1e39 }, 'Singular.floatValue: a number in the range of float is due'],
  [Singular, { color: 'RED' }, 'Singular.color: the name of a value is due, not "RED"'],
  [Singular, { color: 'toString' }, 'Singular.color: the name of a value is due, not "toString"'],
  [Singular, { inner: { number: 'x' } }, 'Inner.number: a whole number is due'],
  [Repeated, { int32Values: 5 }, 'Repeated.int32Values: a JSON array is due'],
  [Repeated, { int32Values: [null] }, 'Repeated.int32Values: a whole number is due'],
  [Maps, { byInt32: { x: 'a' } }, 'Maps.byInt32: a whole number is due'],
  [Maps, { byBool: { yes: 'a' } }, 'Maps.byBool: a key has to be true or false'],
  [Maps, { byBool: [] }, 'Maps.byBool: a JSON object is due'],
  [Maps, { toInner: { a: null } }, 'Maps.toInner: a JSON object is due'],
  [Choices, { left: 'a', right: {} }, 'Choices: more than one of other is set'],
]

test('other JSON is refused, by Google too, and the error names message and field', async () => {
  for (const [codec, json, text] of REFUSED) {
    assert.throws(
      () => codec.fromJson(json),
      (error) => error instanceof CodecError && error.message === text,
      `${JSON.stringify(json)}: ${text}`,
    )
  }
  const answers = await google.ask(REFUSED.map(([codec, json]) => ({ type: codec.typeName, json })))
  for (const [index, { error }] of answers.entries()) {
    assert.ok(error, `Google takes ${JSON.stringify(REFUSED[index])}`)
  }
  for (const json of [undefined, null, 5, 'a', []]) assert.throws(() => Singular.fromJson(json), CodecError)
})

test('what JSON cannot say exactly, or says as something else, is refused, though Google takes it', () => {
  assert.throws(() => Singular.fromJson({ int64Value: 2 ** 53 }), {
    message: 'Singular.int64Value: a number this large has to be text',
  })
  assert.throws(() => Singular.fromJson({ stringValue: 'a\ud800' }), CodecError)
  assert.throws(() => Singular.fromJson({ bytesValue: 'A*==' }), CodecError)
  assert.throws(() => Singular.fromJson({ doubleValue: true }), CodecError)
  assert.throws(() => Singular.fromJson({ inner: [] }), CodecError)
  assert.throws(() => Singular.fromJson({ int32Value: 1, int32_value: 1 }), {
    message: 'Singular.int32Value: it is there in both spellings',
  })
})

test('JSON is written with integers of 64 bits as text, and without defaults', () => {
  const bytesValue = Uint8Array.of(251, 255)
  const message = { int64Value: 5n, color: Color.GREEN, bytesValue, doubleValue: NaN }
  assert.deepEqual(Singular.toJson({ ...message, int32Value: 0, stringValue: '' }), {
    int64Value: '5',
    color: 'COLOR_GREEN',
    bytesValue: '+/8=',
    doubleValue: 'NaN',
  })
  assert.deepEqual(Singular.toJson({ color: 77, alias: 1, floatValue: Math.fround(0.1) }), {
    color: 77,
    alias: 'ALIAS_FIRST',
    floatValue: 0.1,
  })
  assert.deepEqual(Present.toJson({ int64Value: 0n }), { int64Value: '0' })
  assert.deepEqual(Tree.toJson({ children: [{}, { named: { a: { name: 'b' } } }] }), {
    children: [{}, { named: { a: { name: 'b' } } }],
  })
  assert.deepEqual(Money.toJson({ createdAtMicros: new Date(1) }), { createdAtMicros: '1000' })
  assert.throws(() => Money.toJson({ amountMicros: /** @type {any} */ (1) }), TypeError)
})
