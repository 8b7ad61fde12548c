// The messages of proto/vectors, as Google's implementation writes them: read and written again they are the
// same bytes, and so they are through JSON.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'

import * as messages from '../src/generated/messages.js'
import * as testing from '../src/generated/testing.js'
import { recorded } from './conformance/results.js'

const packages = new Map([
  ['tallystick.v1', messages],
  ['tallystick.testing.v1', testing],
])

/** @returns {{ codec: any, bytes: Buffer }[]} */
function vectors() {
  const file = new URL('../../../proto/vectors/messages/messages.txt', import.meta.url)
  const found = []
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [name, hex] = line.split(' ')
    const dot = name.lastIndexOf('.')
    // The client has no messages of gRPC's services.
    const of = packages.get(name.slice(0, dot))
    if (of === undefined) continue
    const codec = /** @type {any} */ (of)[name.slice(dot + 1)]
    assert.ok(codec, `${name} is not there`)
    found.push({ codec, bytes: Buffer.from(hex === '-' ? '' : hex, 'hex') })
  }
  assert.ok(found.length > 900)
  return found
}

test('every vector is written again byte for byte', () =>
  recorded('vectors', 'messages/messages.txt', async () => {
    for (const { codec, bytes } of vectors()) {
      assert.equal(Buffer.from(codec.encode(codec.decode(bytes))).toString('hex'), bytes.toString('hex'))
    }
  }))

test('every vector is the same through JSON', () => {
  for (const { codec, bytes } of vectors()) {
    const json = JSON.parse(JSON.stringify(codec.toJson(codec.decode(bytes))))
    assert.equal(Buffer.from(codec.encode(codec.fromJson(json))).toString('hex'), bytes.toString('hex'))
  }
})
