// What a client makes of a Response: proto/vectors/frames/client.txt.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'

import { Client, TallyError } from '../src/index.js'
import { encodeFrame, RESPONSE } from '../src/wire.js'
import { serve } from './fake.js'

const VECTORS = new URL('../../../proto/vectors/frames/client.txt', import.meta.url)
/** Messages as they are, so that bytes are compared. */
const BYTES = { typeName: 'bytes', encode: (bytes) => bytes, decode: (bytes) => Buffer.from(bytes) }
const METHOD = { service: 's', name: 'm', request: BYTES, response: BYTES, repeatable: false, key: undefined }

const bytesOf = (words) => Buffer.from(words.join(''), 'hex')

/** The cases: a name, the Response, and what a client makes of it. */
function cases() {
  const [, ...texts] = fs.readFileSync(VECTORS, 'utf8').split('\ncase ')
  return texts.map((text) => {
    const [name, response, expected] = text.split('\n')
    const [, ...answer] = response.trim().split(' ')
    const [kind, ...words] = expected.trim().split(' ')
    return { name, answer: bytesOf(answer), kind, words }
  })
}

for (const { name, answer, kind, words } of cases()) {
  test(`a response is taken as the vector says: ${name}`, async (t) => {
    const respond = (peer, frame) => peer.send(encodeFrame(frame.streamId, RESPONSE, 0, answer))
    const server = await serve(t, respond)
    const client = new Client(server.path, { retryMs: 0 })
    t.after(() => client.close())
    const call = client.caller.unary(METHOD, new Uint8Array(0))
    if (kind === 'ok') {
      assert.deepEqual(Buffer.from(await call), bytesOf(words))
      return
    }
    assert.equal(kind, 'error')
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof TallyError)
      assert.equal(error.code, Number(words[0]))
      // Nobody knows what an answer that does not parse was to say.
      const unparsed = error.code === 13 && words.length === 1
      assert.equal(error.maybeApplied, unparsed)
      if (!unparsed) assert.deepEqual(Buffer.from(error.message), bytesOf(words.slice(1)))
      return true
    })
  })
}
