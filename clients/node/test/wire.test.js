// Frames and envelopes, by their bytes.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ErrorInfo } from '../src/generated/tallystick/v1/errors.js'
import {
  decodeResponse,
  encodeFrame,
  encodeMetadata,
  encodeNames,
  encodeRequestFrame,
  FrameParser,
  LONGEST_PAYLOAD_BYTES,
  ProtocolError,
  REMOTE_CLOSED,
  REQUEST,
} from '../src/wire.js'
import { field, readRequest } from './fake.js'

const NONE = Buffer.alloc(0)

function parse(data, step, parser = new FrameParser()) {
  const found = []
  for (let at = 0; at < data.length; at += step) {
    parser.feed(data.subarray(at, at + step), (id, type, flags, payload) =>
      found.push([id, type, flags, payload.toString('latin1')]),
    )
  }
  assert.equal(parser.inFrame, false)
  return found
}

test('a frame has ten bytes, big-endian, and its payload', () => {
  const frame = encodeFrame(0x01020305, REQUEST, REMOTE_CLOSED, Buffer.from('abc'))
  assert.equal(frame.toString('hex'), '00000003' + '01020305' + '01' + '01' + '616263')
  assert.equal(encodeFrame(0xffffffff, 3, 5, NONE).toString('hex'), '00000000ffffffff0305')
})

test('frames come whole from bytes in any pieces', () => {
  const frames = [
    [1, 2, 0, ''],
    [3, 3, 5, 'x'.repeat(300)],
    [0xffffffff, 9, 255, 'y'],
    [5, 1, 0, ''],
  ]
  const encode = ([id, type, flags, text]) => encodeFrame(id, type, flags, Buffer.from(text))
  const data = Buffer.concat(frames.map(encode))
  for (let step = 1; step <= 13; step += 1) assert.deepEqual(parse(data, step), frames)
  for (const step of [300, 310, 320, 321, 1000]) assert.deepEqual(parse(data, step), frames)
})

test('a frame at the limit passes and one byte more does not', () => {
  const header = encodeFrame(1, 2, 0, NONE)
  header.writeUInt32BE(LONGEST_PAYLOAD_BYTES)
  const [[, , , payload]] = parse(Buffer.concat([header, Buffer.alloc(LONGEST_PAYLOAD_BYTES)]), 1 << 16)
  assert.equal(payload.length, LONGEST_PAYLOAD_BYTES)
  header.writeUInt32BE(LONGEST_PAYLOAD_BYTES + 1)
  for (const step of [1, 10]) assert.throws(() => parse(header, step), ProtocolError)
})

test('a request has its fields', () => {
  const metadata = [
    ['k', 'v'],
    ['k', ''],
  ]
  const names = encodeNames('s', 'm')
  const frame = encodeRequestFrame(1, 0, names, Buffer.from('p'), 300, encodeMetadata(metadata))
  const hex = '0a0173' + '12016d' + '1a0170' + '20ac02' + '2a060a016b120176' + '2a050a016b1200'
  assert.equal(frame.subarray(10).toString('hex'), hex)
  const request = readRequest({ payload: frame.subarray(10) })
  const payload = Buffer.from('p')
  assert.deepEqual(request, { service: 's', method: 'm', payload, timeoutNanos: 300, metadata })
  const bare = encodeRequestFrame(1, 0, names, NONE, 0, NONE)
  assert.equal(bare.subarray(10).toString('hex'), '0a017312016d')
  const long = encodeRequestFrame(1, 0, names, Buffer.alloc(300), 10_000_000_000, NONE)
  assert.equal(readRequest({ payload: long.subarray(10) }).payload.length, 300)
  assert.equal(readRequest({ payload: long.subarray(10) }).timeoutNanos, 10_000_000_000)
})

test('a response is read with its details', () => {
  const info = ErrorInfo.encode({ reason: 'R', domain: 'tallystick' })
  const url = 'type.googleapis.com/tallystick.v1.ErrorInfo'
  const detail = Buffer.concat([field(1, Buffer.from(url)), field(2, info)])
  const status = Buffer.concat([Buffer.from([0x08, 9]), field(2, Buffer.from('grüße')), field(3, detail)])
  // Fields that nobody knows, of every wire type, are passed over.
  const unknown = Buffer.from([0x78, 1, 0x79, 0, 1, 2, 3, 4, 5, 6, 7, 0x7d, 0, 1, 2, 3])
  const fields = [unknown, field(15, NONE), field(1, status), field(2, Buffer.from('p'))]
  const response = decodeResponse(Buffer.concat(fields))
  assert.equal(response.code, 9)
  assert.equal(response.message, 'grüße')
  assert.equal(response.details.length, 1)
  assert.equal(response.details[0][0], url)
  assert.deepEqual(Buffer.from(response.details[0][1]), Buffer.from(info))
  assert.equal(String(response.payload), 'p')
})

test('an absent and an empty status are success', () => {
  for (const data of [NONE, field(1, NONE)]) {
    const { code, message, payload } = decodeResponse(data)
    assert.deepEqual([code, message, payload.length], [0, '', 0])
  }
})

test('what is no response is refused', () => {
  const long = ['ff'.repeat(11), '09' + '00'.repeat(7), '0a03' + '1201ff']
  const short = ['0a', '0a05', '0aff', '08', '0b', '0f', '0d0000', '0801', '1001']
  for (const data of [...short, ...long]) {
    assert.throws(() => decodeResponse(Buffer.from(data, 'hex')), ProtocolError, data)
  }
})
