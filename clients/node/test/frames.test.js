// What a client makes of an answer: proto/vectors/frames/client.txt.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'

import { Client, Code, TallyError } from '../src/index.js'
import { EchoRequest, EchoResponse } from '../src/generated/testing.js'
import { DATA, encodeFrame, RESPONSE } from '../src/wire.js'
import { recorded } from './conformance/results.js'
import { serve } from './fake.js'

const FILE = new URL('../../../proto/vectors/frames/client.txt', import.meta.url)
const CODECS = { request: EchoRequest, response: EchoResponse }
const METHOD = { service: 's', name: 'm', kind: 'unary', ...CODECS, repeatable: false }

/** A name, the frame that answers, and what a client makes of it. */
function cases() {
  return fs
    .readFileSync(FILE, 'utf8')
    .split('\ncase ')
    .slice(1)
    .map((text) => {
      const [name, answer, expected] = text.trim().split('\n')
      const [type, ...hex] = answer.split(' ')
      const flags = type === 'data' ? parseInt(hex.shift() ?? '', 16) : 0
      const [kind, ...words] = expected.split(' ')
      const frame = (id) => encodeFrame(id, type === 'data' ? DATA : RESPONSE, flags, bytes(hex))
      return { name, frame, kind, words }
    })
}

function bytes(words) {
  return Buffer.from(words.join(''), 'hex')
}

test('there are cases', () => assert.ok(cases().length > 20))

for (const { name, frame: answer, kind, words } of cases()) {
  test(name, (t) =>
    recorded('vectors', 'frames/client.txt', async () => {
      const server = await serve(t, (peer, frame) => peer.send(answer(frame.streamId)))
      const client = new Client(server.path, { retryMs: 0 })
      t.after(() => client.close())
      const outcome = await client.caller.unary(METHOD, {}).catch((error) => error)
      if (kind === 'ok') {
        assert.deepEqual(Buffer.from(EchoResponse.encode(outcome)), bytes(words))
        return
      }
      assert.ok(outcome instanceof TallyError, String(outcome))
      const [code, ...message] = words
      assert.equal(outcome.code, Number(code))
      // Nobody knows what an answer that does not parse was to say, or whether the call was applied.
      const isNonsense = outcome.code === Code.INTERNAL && message.length === 0
      assert.equal(outcome.maybeApplied, isNonsense)
      if (!isNonsense) assert.deepEqual(Buffer.from(outcome.message), bytes(message))
    }),
  )
}
