// The codec's own rules: what is refused and how it is said, what survives, and what nobody may do with it.

import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import vm from 'node:vm'

import { CodecError, UNKNOWN } from '../src/codec.js'
import { NESTING_LIMIT } from '../src/codec-read.js'
import { ConsumeRequest, RateLimit } from '../src/generated/messages.js'
import * as kinds from './generated/kinds.js'
import { Inherited, Words } from './generated/names.js'
import { Google } from './peer.js'

const { Choices, Color, Empty, Inner, Maps, Money, Numbers, Older, Present, Repeated, Singular, Tree } = kinds
const google = new Google()
after(() => google.close())

/** @param {string} text */
const unhex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex')
/** @param {Uint8Array} bytes */
const hex = (bytes) => Buffer.from(bytes).toString('hex')

const MALFORMED = [
  [Inner, '08', 'Inner.number: the bytes end within a varint'],
  [Inner, '08 ff', 'Inner.number: the bytes end within a varint'],
  [Inner, '08 ffffffffffffffffffff01', 'Inner.number: a varint is longer than ten bytes'],
  [Inner, '12 05 61', 'Inner.text: the bytes end within a value'],
  [Inner, '12', 'Inner.text: the bytes end within a length'],
  [Inner, '12 ff', 'Inner.text: the bytes end within a length'],
  [Inner, '12 8080808080 00', 'Inner.text: a length is longer than five bytes'],
  [Inner, '12 8180808010 61', 'Inner.text: a length is longer than 32 bits'],
  [Inner, '12 02 c3 28', 'Inner.text: text that is not UTF-8'],
  [Inner, '12 02 c0 80', 'Inner.text: text that is not UTF-8'],
  [Inner, '12 03 eda080', 'Inner.text: text that is not UTF-8'],
  [Inner, `12 1e ${'61'.repeat(29)} ff`, 'Inner.text: text that is not UTF-8'],
  [Inner, '1a 04 1a 02 08 ff', 'Inner.number: the bytes end within a varint'],
  [Inner, '1a 03 12 05 61', 'Inner.text: the bytes end within a value'],
  [Inner, '22 02 01 ff', 'Inner.numbers: the bytes end within a varint'],
  [Inner, '80', 'Inner: the bytes end within a tag'],
  [Inner, '808080808001', 'Inner: a tag is longer than five bytes'],
  [Inner, '00', 'Inner: a tag with the field number 0'],
  [Inner, '0f', 'Inner.number: the wire type 7, which there is not'],
  [Inner, '0e', 'Inner.number: the wire type 6, which there is not'],
  [Inner, '0c', 'Inner.number: the end of a group that did not begin'],
  [Inner, 'a301', 'Inner (field 20): the bytes end within a group'],
  [Inner, 'a301 08', 'Inner (field 20): the bytes end within a varint'],
  [Inner, 'a301 ac01', 'Inner (field 20): the end of a group that did not begin'],
  [Inner, '0d 000000', 'Inner.number: the bytes end within a value'],
  [Repeated, '42 05 0000000000', 'Repeated.fixed64Values: the bytes end within a value'],
  [Repeated, '3a 03 000000', 'Repeated.fixed32Values: the bytes end within a value'],
  [Maps, '62 04 0a 03 61 62', 'Maps.byString: the bytes end within a value'],
  [Singular, '5d 0000', 'Singular.floatValue: the bytes end within a value'],
  [Singular, '61 00000000000000', 'Singular.doubleValue: the bytes end within a value'],
]

test('what is no message is refused, by Google too, and the error names message and field', async () => {
  for (const [codec, bytes, text] of MALFORMED) {
    assert.throws(
      () => codec.decode(unhex(bytes)),
      (error) => error instanceof CodecError && error.name === 'CodecError' && error.message === text,
      `${bytes}: ${text}`,
    )
  }
  const requests = MALFORMED.map(([codec, bytes]) => ({ type: codec.typeName, bytes: hex(unhex(bytes)) }))
  for (const [index, { error }] of (await google.ask(requests)).entries()) {
    assert.ok(error, `Google takes ${MALFORMED[index]}`)
  }
  assert.throws(() => Inner.decode(/** @type {any} */ ('08')), TypeError)
})

/** Bytes of a Tree with that many below it. */
function nested(depth) {
  let bytes = Buffer.alloc(0)
  const varint = (/** @type {number} */ value) =>
    value < 128 ? [value] : [(value & 127) | 128, value >>> 7]
  for (let level = 0; level < depth; level++) bytes = Buffer.from([0x12, ...varint(bytes.length), ...bytes])
  return bytes
}

test('nesting ends at its limit, where Google ends too', async () => {
  const group = (/** @type {number} */ depth) =>
    Buffer.from([...Array(depth).fill(0xfb), ...Array(depth).fill(0xfc)].flatMap((byte) => [byte, 0x01]))
  const cases = [nested, group].flatMap((make) => [make(NESTING_LIMIT), make(NESTING_LIMIT + 1)])
  const answers = await google.ask(cases.map((bytes) => ({ type: Tree.typeName, bytes: hex(bytes) })))
  assert.deepEqual(answers.map(({ error }) => error === undefined), [true, false, true, false])
  for (const index of [0, 2]) assert.equal(hex(Tree.encode(Tree.decode(cases[index]))), hex(cases[index]))
  assert.throws(() => Tree.decode(cases[1]), { message: 'Tree.left: nested deeper than 100' })
  assert.throws(() => Tree.decode(cases[3]), { message: 'Tree (field 31): nested deeper than 100' })
  const round = { name: 'a' }
  Object.assign(round, { left: round })
  assert.throws(() => Tree.encode(round), { message: 'Tree.left: nested deeper than 100' })
  let json = {}
  for (let level = 0; level < NESTING_LIMIT; level++) json = { left: json }
  assert.equal(Tree.encode(Tree.fromJson(json)).length, nested(NESTING_LIMIT).length)
  assert.throws(() => Tree.fromJson({ left: json }), CodecError)
})

test('fields that are not known are kept, also in copies and in groups', () => {
  const message = { int64Value: 5n, doubleValue: 0.5, stringValue: 'grüße', inner: { number: 7 } }
  const older = Older.decode(Singular.encode(message))
  assert.equal(older.int64Value, 5n)
  const back = Singular.decode(Older.encode({ ...older, int64Value: 6n }))
  assert.deepEqual(back, Singular.create({ ...message, int64Value: 6n }))
  const group = '0b 08 01 13 14 0c'.replaceAll(' ', '')
  assert.equal(hex(Empty.encode(Empty.decode(unhex(group)))), group)
  assert.equal(Empty.decode(new Uint8Array(0))[UNKNOWN], undefined)
  // A known number with another wire type is not known.
  assert.equal(hex(Inner.encode(Inner.decode(unhex('0a0161')))), '0a0161')
})

test('a message that comes twice is merged, of other values the last one counts', () => {
  const [first, second] = [{ number: 1, text: 'a', numbers: [1n] }, { text: 'b', again: {}, numbers: [2n] }]
  const twice = [{ inner: first, boolValue: true }, { inner: second }]
  const both = Buffer.concat(twice.map((message) => Singular.encode(message)))
  const merged = Inner.create({ number: 1, text: 'b', again: {}, numbers: [1n, 2n] })
  assert.deepEqual(Singular.decode(both), Singular.create({ inner: merged, boolValue: true }))
  const choices = [{ inner: first }, { inner: second }].map((message) => Choices.encode(message))
  assert.deepEqual(Choices.decode(Buffer.concat(choices)).inner, merged)
  const between = [choices[0], Choices.encode({ int32Value: 1 }), choices[1]]
  assert.deepEqual(Choices.decode(Buffer.concat(between)), Choices.create({ inner: second }))
})

test('a oneof may have one member only', () => {
  assert.throws(() => RateLimit.encode({ userId: 'a', uid: 3 }), {
    name: 'TypeError',
    message: 'RateLimit.subject: only one of userId and uid may be set',
  })
  assert.deepEqual(Choices.decode(Choices.encode({ int32Value: 0 })), Choices.create({ int32Value: 0 }))
})

test('defaults are left out, minus zero and NaN are not defaults', () => {
  assert.equal(Singular.encode(Singular.create()).length, 0)
  const zeros = { doubleValue: -0, floatValue: -0, int32Value: -0 }
  assert.equal(hex(Singular.encode(zeros)), '5d00000080610000000000000080')
  assert.ok(Object.is(Singular.decode(Singular.encode({ doubleValue: NaN })).doubleValue, NaN))
  assert.equal(hex(Singular.encode({ int32Value: -1 })), '08ffffffffffffffffff01')
  const present = { int32Value: 0, stringValue: '', bytesValue: new Uint8Array(0) }
  assert.equal(hex(Present.encode(present)), '080072007a00')
  // What 64 bits say of an int32 are its lower 32.
  assert.equal(Singular.decode(unhex('08ffffffff0f')).int32Value, -1)
  assert.equal(Singular.decode(unhex('0880808080f01f')).int32Value, 0)
})

test('repeated numbers are read packed or not, and written as the proto says', () => {
  const message = { int32Values: [1, -1], fixed64Values: [1n] }
  const [packed, unpacked] = [Repeated.encode(message), kinds.Unpacked.encode(message)]
  assert.notEqual(hex(packed), hex(unpacked))
  assert.deepEqual(Repeated.decode(unpacked), Repeated.create(message))
  assert.deepEqual(kinds.Unpacked.decode(packed), kinds.Unpacked.create(message))
})

test('enums are open, and know their names', () => {
  assert.deepEqual([Color.RED, Color.nameOf(-5), Color.nameOf(99)], [1, 'NEGATIVE', undefined])
  assert.equal(Singular.decode(Singular.encode({ color: 99 })).color, 99)
  assert.deepEqual(Object.keys(Color), ['UNSPECIFIED', 'RED', 'GREEN', 'NEGATIVE', 'LARGEST'])
  assert.throws(() => Object.assign(Color, { RED: 2 }), TypeError)
})

const REFUSED = [
  [
    ConsumeRequest,
    { amountMicros: 5 },
    'TypeError: ConsumeRequest.amountMicros: a bigint in the range of int64, not a number',
  ],
  [
    ConsumeRequest,
    { amountMicros: new Date(0) },
    'TypeError: ConsumeRequest.amountMicros: a bigint in the range of int64, not an object ([object Date])',
  ],
  [
    ConsumeRequest,
    { amountMicros: 2n ** 63n },
    'RangeError: ConsumeRequest.amountMicros: a bigint in the range of int64, not 9223372036854775808',
  ],
  [ConsumeRequest, { userId: null }, 'TypeError: ConsumeRequest.userId: a string, not null'],
  [
    ConsumeRequest,
    { userId: 'a\ud800' },
    'TypeError: ConsumeRequest.userId: text with half of a surrogate pair, which is not Unicode',
  ],
  [ConsumeRequest, { user_id: 'a' }, 'TypeError: ConsumeRequest has no field "user_id"'],
  [ConsumeRequest, { metadata: { a: 1 } }, 'TypeError: ConsumeRequest.metadata: a string, not a number'],
  [
    ConsumeRequest,
    { metadata: ['a'] },
    'TypeError: ConsumeRequest.metadata: an object or a Map, not an array',
  ],
  [
    Singular,
    { int32Value: 1.5 },
    'RangeError: Singular.int32Value: a whole number in the range of int32, not 1.5',
  ],
  [
    Singular,
    { int32Value: 2 ** 31 },
    'RangeError: Singular.int32Value: a whole number in the range of int32, not 2147483648',
  ],
  [
    Singular,
    { int32Value: 1n },
    'TypeError: Singular.int32Value: a number in the range of int32, not a bigint',
  ],
  [
    Singular,
    { uint32Value: -1 },
    'RangeError: Singular.uint32Value: a whole number in the range of uint32, not -1',
  ],
  [
    Singular,
    { sint32Value: NaN },
    'RangeError: Singular.sint32Value: a whole number in the range of int32, not NaN',
  ],
  [
    Singular,
    { uint64Value: -1n },
    'RangeError: Singular.uint64Value: a bigint in the range of uint64, not -1',
  ],
  [
    Singular,
    { sint64Value: 2n ** 63n },
    'RangeError: Singular.sint64Value: a bigint in the range of int64, not 9223372036854775808',
  ],
  [
    Singular,
    { fixed64Value: 2n ** 64n },
    'RangeError: Singular.fixed64Value: a bigint in the range of uint64, not 18446744073709551616',
  ],
  [
    Singular,
    { sfixed64Value: 5 },
    'TypeError: Singular.sfixed64Value: a bigint in the range of int64, not a number',
  ],
  [
    Singular,
    { floatValue: 1e39 },
    'RangeError: Singular.floatValue: a number in the range of float, not 1e+39',
  ],
  [Singular, { doubleValue: '1' }, 'TypeError: Singular.doubleValue: a number, not a string'],
  [Singular, { boolValue: 0 }, 'TypeError: Singular.boolValue: a boolean, not a number'],
  [Singular, { bytesValue: 'AA==' }, 'TypeError: Singular.bytesValue: a Uint8Array, not a string'],
  [Singular, { color: 'RED' }, 'TypeError: Singular.color: a number in the range of int32, not a string'],
  [Singular, { inner: 5 }, 'TypeError: Singular.inner: an object, not a number'],
  [Singular, { inner: { text: 5 } }, 'TypeError: Inner.text: a string, not a number'],
  [Repeated, { inners: {} }, 'TypeError: Repeated.inners: an array, not an object ([object Object])'],
  [
    Repeated,
    { int32Values: [1, undefined] },
    'TypeError: Repeated.int32Values: a number in the range of int32, not undefined',
  ],
  [Maps, { byInt32: { a: 'b' } }, 'TypeError: Maps.byInt32: a number in the range of int32, not a string'],
  [Maps, { byBool: { yes: 'b' } }, 'TypeError: Maps.byBool: a boolean, not a string'],
  [
    Maps,
    { byInt64: new Map([[1, 'a']]) },
    'TypeError: Maps.byInt64: a bigint in the range of int64, not a number',
  ],
  [
    Money,
    { createdAtMicros: 5 },
    'TypeError: Money.createdAtMicros: a bigint of microseconds or a Date, not a number',
  ],
  [
    Money,
    { createdAtMicros: new Date(NaN) },
    'RangeError: Money.createdAtMicros: a valid Date, not Invalid Date',
  ],
]

test('values of a wrong type or range are refused, and the error names message and field', () => {
  for (const [codec, init, text] of REFUSED) {
    assert.throws(
      () => codec.encode(init),
      (error) => String(error) === text,
      text,
    )
  }
  for (const value of [undefined, null, 'a', 5]) {
    assert.throws(() => Inner.encode(/** @type {any} */ (value)), TypeError)
  }
})

test('after a refusal, and within another encoding, encoding goes on as before', () => {
  assert.throws(() => Tree.encode({ left: { left: { name: /** @type {any} */ (5) } } }), TypeError)
  assert.equal(hex(Tree.encode({ name: 'a' })), '0a0161')
  const message = {
    get name() {
      return hex(Tree.encode({ name: 'b', right: {} }))
    },
    right: {},
  }
  assert.deepEqual(Tree.decode(Tree.encode(message)), Tree.create({ name: '0a01621a00', right: {} }))
})

test('times may be Dates, of any realm, amounts may not', () => {
  const at = new Date('2026-11-24T12:00:00.123Z')
  const micros = BigInt(at.getTime()) * 1000n
  const foreign = vm.runInNewContext(`new Date(${at.getTime()})`)
  const message = { createdAtMicros: at, fromMicros: foreign, seenAtMicros: [at, micros] }
  assert.deepEqual(
    Money.create(message),
    Money.create({ createdAtMicros: micros, fromMicros: micros, seenAtMicros: [micros, micros] }),
  )
})

test('Maps and Uint8Arrays are taken from any realm', () => {
  const foreign = vm.runInNewContext('new Map([["a", new Uint8Array([1, 2])]])')
  assert.deepEqual({ ...Maps.create({ toBytes: foreign }).toBytes }, { a: Uint8Array.of(1, 2) })
  const bytes = vm.runInNewContext('new Uint8Array([10, 1, 97])')
  assert.equal(Tree.decode(bytes).name, 'a')
})

test('keys of maps are what the proto says', () => {
  const maps = Maps.create({
    byBool: new Map([[true, 'a']]),
    byInt64: { '-9223372036854775808': 'b' },
    bySint32: { '-1': 'c' },
    byUint64: new Map([[2n ** 64n - 1n, 'd']]),
  })
  assert.deepEqual({ ...maps.byBool }, { true: 'a' })
  assert.deepEqual({ ...maps.byInt64 }, { '-9223372036854775808': 'b' })
  assert.deepEqual({ ...maps.bySint32 }, { '-1': 'c' })
  assert.deepEqual({ ...maps.byUint64 }, { '18446744073709551615': 'd' })
})

test('no prototype is polluted', () => {
  const json = JSON.parse('{"metadata": {"__proto__": "polluted", "constructor": "c"}}')
  for (const message of [ConsumeRequest.fromJson(json), ConsumeRequest.create(json)]) {
    assert.equal(Object.getPrototypeOf(message.metadata), null)
    assert.deepEqual(Object.keys(message.metadata), ['__proto__', 'constructor'])
    assert.deepEqual(Object.entries(/** @type {object} */ (ConsumeRequest.toJson(message).metadata)), [
      ['__proto__', 'polluted'],
      ['constructor', 'c'],
    ])
  }
  assert.equal(/** @type {any} */ ({}).polluted, undefined)
  assert.throws(() => ConsumeRequest.fromJson(JSON.parse('{"__proto__": {"userId": "a"}}')), CodecError)
})

test('fields have the names of what every object has', () => {
  assert.equal(Inherited.encode({}).length, 0)
  const init = { constructor: 'a', toString: 'b', hasOwnProperty: true, isPrototypeOf: {} }
  const message = Inherited.create(init)
  const json = JSON.parse('{"__proto__": "p", "valueOf": "v"}')
  const both = Inherited.fromJson(json)
  assert.ok(Object.hasOwn(both, '__proto__'))
  assert.deepEqual(Object.entries(Inherited.toJson(both)), [['valueOf', 'v'], ['__proto__', 'p']])
  assert.equal(Object.getPrototypeOf(both), Object.prototype)
  assert.deepEqual([message.constructor, message.toString, message.hasOwnProperty], ['a', 'b', true])
  const words = { class: 'a', default: 'b', 'not-a-name': 5, "it's": 'c', UPPERCASE: 1, Leading: 2 }
  assert.deepEqual(Words.decode(Words.encode(words)), Words.create(words))
})

test('what was encoded stays what it was, whatever is encoded later or done with it', () => {
  const texts = Array.from({ length: 2000 }, (_, index) => 'x'.repeat(index % 97) + index)
  const encoded = texts.map((name) => Tree.encode({ name }))
  for (const [index, bytes] of encoded.entries()) assert.equal(Tree.decode(bytes).name, texts[index])
  try {
    structuredClone(encoded[1999], { transfer: [encoded[1999].buffer] })
  } catch (error) {
    assert.equal(error.name, 'DataCloneError')
  }
  assert.equal(hex(Tree.encode({ name: 'a' })), '0a0161')
  assert.equal(Tree.decode(encoded[1998]).name, texts[1998])
})

test('bytes are copies, and large messages are written', () => {
  const encoded = Singular.encode({ bytesValue: Uint8Array.of(1, 2, 3) })
  const { bytesValue } = Singular.decode(encoded)
  encoded.fill(0)
  assert.deepEqual(bytesValue, Uint8Array.of(1, 2, 3))
  for (const size of [127, 128, 16383, 16384, 2 ** 21 - 1, 2 ** 21, 3 << 20]) {
    const message = { left: { left: { name: 'é'.repeat(size / 2) + 'a'.repeat(size % 2) } } }
    assert.deepEqual(Tree.decode(Tree.encode(message)), Tree.create(message))
  }
  assert.equal(hex(Numbers.encode({ last: 'z', first: 'a' })), '0a0161faffffff0f017a')
})
