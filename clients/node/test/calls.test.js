// Unary calls against a peer that misbehaves as it is told.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'

import { Client, ConnectionLost, DeadlineExceeded, defaultSocket, TallyError } from '../src/index.js'
import { Cancelled, ClientClosed, MessageTooLarge, TooManyInFlight } from '../src/errors.js'
import { EchoRequest } from '../src/generated/testing.js'
import { BatchConsumeRequest, ConsumeRequest, ConsumeResponse } from '../src/messages.js'
import { Conformance } from '../src/generated/services/conformance.js'
import { TestControl } from '../src/generated/services/test_control.js'
import { Caller } from '../src/caller.js'
import { Channel } from '../src/channel.js'
import { MOST_WAITING } from '../src/connection.js'
import { Deadlines, LONGEST_TIMEOUT_MS } from '../src/deadlines.js'
import { LONGEST_MESSAGE_BYTES, LONGEST_METADATA_BYTES } from '../src/outgoing.js'
import { encodeFrame, LAST_STREAM_ID, RESPONSE } from '../src/wire.js'
import { echo, readRequest, serve, socketDirectory } from './fake.js'
import { GROWING_DEADLINES_MS, PATIENCE_MS, PATIENT, SOON_MS } from './patience.js'

/** A client of a fake server, and its Conformance service. */
async function open(t, handler, options) {
  const server = await serve(t, handler)
  const client = new Client(server.path, { ...PATIENT, ...options })
  t.after(() => client.close())
  return { server, client, conformance: new Conformance(client.caller) }
}

const status = (code) => Buffer.from([0x08, code])
const silent = () => undefined

test('calls share one connection and are answered in any order', async (t) => {
  const held = []
  const { server, conformance } = await open(t, (peer, frame) => {
    held.push(frame)
    if (held.length === 3) for (const waiting of held.reverse()) echo(peer, waiting)
  })
  const replies = await Promise.all([0n, 1n, 2n].map((number) => conformance.echo({ number })))
  assert.deepEqual(replies.map((reply) => reply.number), [0n, 1n, 2n])
  assert.equal(server.connections, 1)
  assert.deepEqual(server.frames.map((frame) => frame.streamId), [1, 3, 5])
})

test('requests leave in the order of their ids, also when calls wait and are aborted', async (t) => {
  const { server, conformance } = await open(t, echo, { mostInFlight: 3 })
  const aborter = new AbortController()
  const calls = Array.from({ length: 200 }, (_, n) =>
    conformance.echo({}, n % 3 === 0 ? { signal: aborter.signal } : {}).catch(() => undefined),
  )
  await calls[4]
  aborter.abort()
  await Promise.all(calls)
  const ids = server.frames.map((frame) => frame.streamId)
  assert.ok(ids.length >= 133)
  assert.deepEqual(ids, [...ids].sort((one, other) => one - other))
})

test('what is called in one tick is written at once', async (t) => {
  const { server, conformance } = await open(t, echo)
  await conformance.echo({})
  const [theirs] = server.peers
  const write = t.mock.method(net.Socket.prototype, 'write')
  await Promise.all(Array.from({ length: 100 }, () => conformance.echo({ text: 'x' })))
  const ours = write.mock.calls.filter((call) => call.this !== theirs.socket)
  assert.equal(ours.length, 1)
})

test('a call carries its deadline, its metadata and the acting user', async (t) => {
  const { server, client } = await open(t, echo)
  const acting = client.withMetadata({ 'X-Trace': '1' }).actingAs('u1')
  const options = { timeoutMs: PATIENCE_MS, metadata: { 'X-Own': 'ü' } }
  await new Conformance(acting.caller).echo({ text: 'hi' }, options)
  await new Conformance(acting.actingAs('u2').caller).echo({})
  const [first, second] = server.frames.map(readRequest)
  assert.deepEqual([first.service, first.method], ['tallystick.testing.v1.Conformance', 'Echo'])
  assert.ok(first.timeoutNanos > 0 && first.timeoutNanos <= PATIENCE_MS * 1_000_000)
  assert.deepEqual(first.metadata, [['x-trace', '1'], ['tally-acting-user', 'u1'], ['x-own', 'ü']])
  assert.deepEqual(second.metadata, [['x-trace', '1'], ['tally-acting-user', 'u2']])
  assert.equal(server.frames[0].flags, 0)
  assert.equal(server.connections, 1)
})

test('metadata have a limit and are texts', async (t) => {
  const { client } = await open(t, echo)
  const longest = { k: 'x'.repeat(LONGEST_METADATA_BYTES - 12) }
  const bytes = await new Conformance(client.withMetadata(longest).caller).echo({ text: 'fits' })
  assert.equal(bytes.text, 'fits')
  assert.throws(() => client.withMetadata({ k: 'x'.repeat(LONGEST_METADATA_BYTES) }), RangeError)
  assert.throws(() => client.withMetadata({ k: 1 }), TypeError)
})

test('a lost connection is made again and the call repeated with its key', async (t) => {
  const { server, client } = await open(t, (peer, frame) => {
    if (peer.number < 2) peer.hangUp()
    else peer.respond(frame.streamId, Buffer.from(ConsumeResponse.encode({ commitSequence: 7n })))
  })
  const request = { userId: 'u', amountMicros: 1n }
  assert.equal((await client.credits.consume(request)).commitSequence, 7n)
  assert.deepEqual(request, { userId: 'u', amountMicros: 1n })
  const [first, second, third] = server.frames.map((frame) => readRequest(frame).payload)
  assert.match(ConsumeRequest.decode(first).idempotencyKey, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  assert.deepEqual(first, second)
  assert.deepEqual(first, third)
})

test('each item of a batch gets a key, and one that is named stays', async (t) => {
  const { server, client } = await open(t, (peer, frame) => peer.respond(frame.streamId))
  const items = [{ userId: 'a' }, { userId: 'b', idempotencyKey: 'mine' }]
  await client.credits.batchConsume({ items })
  const sent = BatchConsumeRequest.decode(readRequest(server.frames[0]).payload)
  assert.equal(sent.items[1].idempotencyKey, 'mine')
  assert.equal(sent.items[0].idempotencyKey.length, 36)
  assert.equal(items[0].idempotencyKey, undefined)
})

test('what is not repeatable is not sent twice', async (t) => {
  const { server, client } = await open(t, (peer) => peer.hangUp())
  const { pages } = client
  const calls = [
    () => new TestControl(client.caller).advanceClock({ millis: 1n }),
    // By the time of a retry somebody else may have meant the opposite.
    () => pages.publish({ pageId: 'p' }),
    () => pages.unpublish({ pageId: 'p' }),
    () => pages.deletePage({ pageId: 'p' }),
  ]
  for (const call of calls) {
    server.frames.length = 0
    await assert.rejects(call, (error) => error instanceof ConnectionLost && error.maybeApplied)
    assert.equal(server.frames.length, 1)
  }
})

test('UNAVAILABLE is tried again and other errors are not', async (t) => {
  const statuses = [14, 14, 0, 9]
  const { server, client } = await open(t, (peer, frame) => {
    const code = statuses.shift()
    peer.respond(frame.streamId, undefined, code ? status(code) : undefined)
  })
  await new TestControl(client.caller).advanceClock({ millis: 1n })
  assert.equal(server.frames.length, 3)
  await assert.rejects(client.credits.getBalance({ userId: 'u' }), (error) => {
    return error instanceof TallyError && error.code === 9 && !error.maybeApplied
  })
  assert.equal(server.frames.length, 4)
})

test('an open outcome stays open until an answer tells', async (t) => {
  // The first attempt may have been applied; what came of later ones does not say.
  const answers = { 14: true, 8: true, 9: false }
  for (const [code, maybeApplied] of Object.entries(answers)) {
    const { client } = await open(
      t,
      (peer, frame) => {
        if (peer.number === 0) peer.hangUp()
        else peer.respond(frame.streamId, undefined, status(Number(code)))
      },
      // UNAVAILABLE is tried again until this is over, whatever was answered by then.
      { retryMs: code === '14' ? SOON_MS : PATIENCE_MS },
    )
    await assert.rejects(client.credits.consume({ userId: 'u', amountMicros: 1n }), (error) => {
      assert.equal(error.code, Number(code))
      assert.equal(error.maybeApplied, maybeApplied)
      return true
    })
  }
})

test('a server that starts late is waited for', async (t) => {
  const socket = path.join(socketDirectory(t), 's')
  const client = new Client(socket, PATIENT)
  t.after(() => client.close())
  const reply = new Conformance(client.caller).echo({ number: 3n })
  // By the time that this one has failed, the other has as well, and tries again.
  const hasty = new Client(socket, { ...PATIENT, retryMs: 0 })
  await assert.rejects(new Conformance(hasty.caller).echo({}), ConnectionLost)
  await serve(t, echo, socket)
  assert.equal((await reply).number, 3n)
})

test('without a server a call ends when its retries are over', async (t) => {
  const socket = path.join(socketDirectory(t), 's')
  const client = new Client(socket, { retryMs: SOON_MS })
  await assert.rejects(client.credits.getBalance({ userId: 'u' }), (error) => {
    assert.ok(error instanceof ConnectionLost)
    assert.equal(error.maybeApplied, false)
    assert.match(error.message, /cannot connect to .*does `tally serve` run/)
    assert.ok(error.message.includes(socket))
    return true
  })
})

test('a deadline ends the call and its late answer is dropped', async (t) => {
  const late = []
  const { server, conformance } = await open(t, (peer, frame) => {
    if (EchoRequest.decode(readRequest(frame).payload).number === 1n) late.push(frame)
    else for (const answered of [...late, frame]) echo(peer, answered)
  })
  let error
  for (const timeoutMs of GROWING_DEADLINES_MS) {
    error = await conformance.echo({ number: 1n }, { timeoutMs }).catch((reason) => reason)
    assert.ok(error instanceof DeadlineExceeded)
    if (error.maybeApplied) break
  }
  assert.ok(error.maybeApplied)
  assert.equal((await conformance.echo({ number: 2n })).number, 2n)
  assert.ok(late.length > 0)
  assert.equal(server.connections, 1)
})

test('a call whose time is over before it was sent was not applied', async (t) => {
  const { server, conformance } = await open(t, echo)
  for (const timeoutMs of [0, -5]) {
    await assert.rejects(conformance.echo({}, { timeoutMs }), (error) => {
      return error instanceof DeadlineExceeded && !error.maybeApplied
    })
  }
  assert.equal(server.frames.length, 0)
  await assert.rejects(conformance.echo({}, { timeoutMs: Number.NaN }), TypeError)
  await assert.rejects(conformance.echo({}, { timeoutMs: '5' }), TypeError)
  await assert.rejects(conformance.echo({}, { timeoutMs: LONGEST_TIMEOUT_MS + 1 }), /timeoutMs is at most/)
  assert.equal((await conformance.echo({ number: 1n }, { timeoutMs: LONGEST_TIMEOUT_MS })).number, 1n)
})

test('deadlines of many calls end in their order, by one timer', (t) => {
  let now = 0
  let timer
  t.mock.method(performance, 'now', () => now)
  t.mock.method(globalThis, 'setTimeout', (fire, ms) => {
    assert.equal(timer, undefined, 'a second timer')
    timer = { fire, at: now + ms, unref: silent }
    return timer
  })
  t.mock.method(globalThis, 'clearTimeout', (cleared) => {
    if (timer === cleared) timer = undefined
  })
  const ended = []
  const deadlines = new Deadlines()
  for (const expiresAt of [90, 30, 60]) {
    deadlines.add({ expiresAt, expire: () => ended.push([expiresAt, now]) })
  }
  for (now = 0; now <= 90; now += 1) {
    if (timer?.at !== now) continue
    const { fire } = timer
    timer = undefined
    fire()
  }
  assert.deepEqual(ended, [30, 60, 90].map((at) => [at, at]))
  assert.equal(timer, undefined)
})

test('an aborted call is cancelled on the server by its token', async (t) => {
  const { server, conformance } = await open(t, (peer, frame) => {
    if (readRequest(frame).method === 'Cancel') peer.respond(frame.streamId)
  })
  const controller = new AbortController()
  const call = conformance.sleep({ millis: 1000n }, { signal: controller.signal })
  await server.until(() => server.frames.length === 1)
  controller.abort(new Error('enough'))
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Cancelled)
    assert.equal(error.maybeApplied, true)
    assert.equal(error.cause.message, 'enough')
    return true
  })
  await server.until(() => server.frames.length === 2)
  const [begun, cancel] = server.frames.map(readRequest)
  const [[key, token]] = begun.metadata
  assert.equal(key, 'tally-cancel-token')
  assert.deepEqual([cancel.service, cancel.method], ['tallystick.v1.Control', 'Cancel'])
  assert.deepEqual(cancel.payload, Buffer.concat([Buffer.from([0x0a, token.length]), Buffer.from(token)]))
})

test('a call that is aborted before it is sent was not applied', async (t) => {
  const { server, conformance } = await open(t, echo)
  await assert.rejects(conformance.echo({}, { signal: AbortSignal.abort() }), (error) => {
    assert.equal(error.cause.name, 'AbortError')
    return error instanceof Cancelled && !error.maybeApplied
  })
  assert.equal(server.frames.length, 0)
  const controller = new AbortController()
  await conformance.echo({}, { signal: controller.signal })
  controller.abort()
  assert.equal((await conformance.echo({ number: 1n })).number, 1n)
  assert.equal(server.frames.length, 2)
})

test('one signal ends all its calls under way, and is left alone by those that have ended', async (t) => {
  const { server, conformance } = await open(t, (peer, frame) => {
    if (readRequest(frame).method === 'Echo') echo(peer, frame)
  })
  const controller = new AbortController()
  const options = { signal: controller.signal }
  const add = t.mock.method(controller.signal, 'addEventListener')
  await Promise.all(Array.from({ length: 20 }, () => conformance.echo({}, options)))
  const calls = Array.from({ length: 20 }, () => conformance.sleep({}, options).catch((error) => error))
  await server.until(() => server.frames.length === 40)
  controller.abort()
  for (const error of await Promise.all(calls)) assert.ok(error instanceof Cancelled)
  // One for those that were answered, one for those that were not.
  assert.equal(add.mock.callCount(), 2)
})

test('a call that waits for its retry can be aborted, and its outcome is open', async (t) => {
  const controller = new AbortController()
  const { client } = await open(t, (peer) => {
    peer.hangUp()
    if (peer.number === 2) controller.abort()
  })
  const call = client.credits.consume({ userId: 'u', amountMicros: 1n }, { signal: controller.signal })
  await assert.rejects(call, (error) => error instanceof Cancelled && error.maybeApplied)
})

test('a client that is closed between attempts tells what is known', async (t) => {
  const { client } = await open(t, (peer) => {
    peer.hangUp()
    peer.socket.on('close', () => client.close())
  })
  const call = client.credits.consume({ userId: 'u', amountMicros: 1n })
  await assert.rejects(call, (error) => error instanceof ConnectionLost && error.maybeApplied)
})

test('details that do not parse end their own call only', async (t) => {
  const info = Buffer.from('/tallystick.v1.ErrorInfo')
  const detail = Buffer.concat([Buffer.from([0x0a, info.length]), info, Buffer.from([0x12, 1, 0xff])])
  const garbled = Buffer.concat([status(9), Buffer.from([0x1a, detail.length]), detail])
  const { server, client, conformance } = await open(t, (peer, frame) => {
    peer.respond(frame.streamId, undefined, garbled)
  })
  for (const call of [() => conformance.echo({}), () => client.admin.verify({}).next()]) {
    await assert.rejects(call, (error) => {
      assert.match(error.message, /does not parse/)
      return error instanceof TallyError && error.maybeApplied
    })
  }
  assert.equal(server.connections, 1)
})

test('a peer that does not speak ttrpc loses the connection', async (t) => {
  const { server, conformance } = await open(t, (peer, frame) => {
    if (peer.number === 0) peer.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
    else echo(peer, frame)
  })
  assert.equal((await conformance.echo({ number: 9n })).number, 9n)
  assert.equal(server.connections, 2)
})

test('a server that half-closes has said all that it will', async (t) => {
  const { client } = await open(t, (peer, frame) => {
    peer.send(encodeFrame(frame.streamId, RESPONSE, 0, Buffer.alloc(9)).subarray(0, 12))
    peer.socket.end()
  })
  await assert.rejects(new TestControl(client.caller).advanceClock({}), (error) => {
    assert.match(error.message, /closed the connection in the middle of a frame/)
    return error instanceof ConnectionLost && error.maybeApplied
  })
})

test('an answer that makes no sense leaves the outcome open', async (t) => {
  const answers = [
    (peer, id) => peer.send(encodeFrame(id, RESPONSE, 0, Buffer.from([0x0a]))),
    (peer, id) => peer.respond(id, Buffer.from([0x0a])),
    (peer, id) => peer.end(id),
  ]
  const { conformance } = await open(t, (peer, frame) => answers.shift()(peer, frame.streamId))
  for (let count = answers.length; count > 0; count -= 1) {
    await assert.rejects(conformance.echo({}), (error) => error.code === 13 && error.maybeApplied)
  }
})

test('a request beyond what the protocol carries is refused here', async (t) => {
  const { server, conformance } = await open(t, echo)
  await assert.rejects(conformance.echo({ body: new Uint8Array(LONGEST_MESSAGE_BYTES) }), (error) => {
    return error instanceof MessageTooLarge && error.limit === BigInt(LONGEST_MESSAGE_BYTES)
  })
  assert.equal(server.connections, 0)
  // Its tag and its length take five bytes.
  const body = new Uint8Array(LONGEST_MESSAGE_BYTES - 5)
  assert.equal((await conformance.echo({ body })).body.length, body.length)
})

test('numbers are no amounts in calls either', async (t) => {
  const { server, client } = await open(t, echo)
  const call = client.credits.consume({ userId: 'u', amountMicros: 0.25 })
  await assert.rejects(call, { name: 'TypeError', message: /amountMicros/ })
  assert.equal(server.connections, 0)
})

test('calls beyond the limit in flight wait for their turn', async (t) => {
  const held = []
  const { server, conformance } = await open(t, (peer, frame) => held.push(() => echo(peer, frame)), {
    mostInFlight: 2,
  })
  const done = []
  const calls = [0n, 1n, 2n, 3n].map((number) => conformance.echo({ number }).then(() => done.push(number)))
  const late = assert.rejects(conformance.echo({ number: 4n }, { timeoutMs: SOON_MS }), (error) => {
    return error instanceof DeadlineExceeded && !error.maybeApplied
  })
  await server.until(() => held.length === 2)
  await late
  assert.equal(held.length, 2)
  held[0]()
  await server.until(() => held.length === 3)
  held[1]()
  await server.until(() => held.length === 4)
  held[2]()
  held[3]()
  await Promise.all(calls)
  assert.deepEqual(done, [0n, 1n, 2n, 3n])
  assert.equal(server.frames.length, 4)
})

test('more calls than may wait are refused here', async (t) => {
  const { conformance, client } = await open(t, silent, { mostInFlight: 1 })
  const under = conformance.echo({}).catch(() => 'closed')
  await conformance.echo({}, { timeoutMs: SOON_MS }).catch(() => undefined)
  const calls = Array.from({ length: MOST_WAITING + 1 }, () => conformance.echo({}).catch((error) => error))
  const first = await Promise.race(calls)
  assert.ok(first instanceof TooManyInFlight)
  assert.equal(first.maybeApplied, false)
  await client.close()
  const errors = await Promise.all(calls)
  assert.equal(await under, 'closed')
  const lost = errors.filter((error) => error instanceof ConnectionLost && !error.maybeApplied)
  assert.equal(lost.length, MOST_WAITING - 1)
})

test('a server that takes nothing loses the connection', async (t) => {
  const server = await serve(t, silent)
  const channel = new Channel(server.path, { stallMs: SOON_MS })
  t.after(() => channel.close())
  const service = new Conformance(new Caller(channel, { timeoutMs: PATIENCE_MS, retryMs: 0 }))
  const connected = service.echo({})
  await server.until(() => server.frames.length === 1)
  const [peer] = server.peers
  peer.socket.pause()
  const calls = [connected, ...[1, 2, 3].map(() => service.echo({ body: new Uint8Array(4 << 20) }))]
  for (const call of calls) {
    await assert.rejects(call, (error) => {
      assert.match(error.message, new RegExp(`took nothing for ${SOON_MS} ms`))
      return error instanceof ConnectionLost && error.maybeApplied
    })
  }
})

test('a closed client says so, and ends what is under way', async (t) => {
  const { client, conformance } = await open(t, (peer, frame) => {
    if (readRequest(frame).method === 'Echo') echo(peer, frame)
  })
  await conformance.echo({})
  const under = assert.rejects(conformance.sleep({ millis: 1n }), (error) => {
    return error instanceof ConnectionLost && error.maybeApplied
  })
  await client.close()
  await under
  await client.close()
  await assert.rejects(conformance.echo({}), ClientClosed)
  await client[Symbol.asyncDispose]()
})

test('ids wrap around and pass over live ones', async (t) => {
  let first
  const { server, client, conformance } = await open(t, (peer, frame) => {
    if (first === undefined) first = () => echo(peer, frame)
    else echo(peer, frame)
  })
  const waiting = conformance.echo({})
  await server.until(() => first !== undefined)
  client.channel.connection.nextId = LAST_STREAM_ID
  await conformance.echo({})
  await conformance.echo({})
  assert.deepEqual(server.frames.map((frame) => frame.streamId), [1, LAST_STREAM_ID, 3])
  first()
  await waiting
})

test('an option that a client does not know, or a socket that is no path, is refused', () => {
  assert.throws(() => new Client({ socketPath: '/s' }), /a client has no option "socketPath"/)
  assert.throws(() => new Client('/s', { timeout: PATIENCE_MS }), /a client has no option "timeout"/)
  assert.throws(() => new Client(3), /a socket is a path/)
  assert.throws(() => new Client({ socket: 3 }), /a socket is a path/)
})

test('the default socket', (t) => {
  assert.equal(defaultSocket({ TALLY_SOCKET: '/x', XDG_RUNTIME_DIR: '/y' }), '/x')
  const places = ['/y/tallystick/tally.sock', '/run/tallystick/tally.sock']
  assert.ok(places.includes(defaultSocket({ XDG_RUNTIME_DIR: '/y' })))
  assert.equal(defaultSocket({}), '/run/tallystick/tally.sock')
  const directory = socketDirectory(t)
  fs.mkdirSync(path.join(directory, 'tallystick'))
  const socket = path.join(directory, 'tallystick', 'tally.sock')
  fs.writeFileSync(socket, '')
  assert.equal(defaultSocket({ XDG_RUNTIME_DIR: directory }), socket)
  assert.throws(() => new Client('/' + 'x'.repeat(107)), { name: 'RangeError', message: /107 bytes/ })
  assert.equal(new Client('/' + 'x'.repeat(106)).socket.length, 107)
  assert.throws(() => new Client({ mostInFlight: 0 }), /mostInFlight is a whole number/)
})
