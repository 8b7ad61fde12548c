// Streams against a peer that sends, and hears, what the test says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { Client } from '../src/index.js'
import { LONGEST_OUTBOX_BYTES } from '../src/connection.js'
import { Cancelled, ConnectionLost, DeadlineExceeded, StreamOverflow } from '../src/errors.js'
import { Conformance } from '../src/generated/services/conformance.js'
import { EchoRequest, EchoResponse, SumResponse } from '../src/generated/testing.js'
import { LONGEST_BACKLOG_BYTES, MESSAGE_OVERHEAD_BYTES } from '../src/stream.js'
import {
  DATA,
  encodeFrame,
  HEADER_BYTES,
  LONGEST_PAYLOAD_BYTES,
  NO_DATA,
  REMOTE_CLOSED,
  REMOTE_OPEN,
  REQUEST,
} from '../src/wire.js'
import { echo, readRequest, serve } from './fake.js'
import { GROWING_DEADLINES_MS, PATIENT, SOON_MS } from './patience.js'

async function open(t, handler, options) {
  const server = await serve(t, handler)
  const client = new Client(server.path, { ...PATIENT, ...options })
  t.after(() => client.close())
  return { server, client, conformance: new Conformance(client.caller) }
}

const numbered = (number) => Buffer.from(EchoResponse.encode({ number: BigInt(number) }))
const EMPTY = Buffer.alloc(0)
const silent = () => undefined

/** Answers a Count by `count` messages and, unless it is told otherwise, its end. */
function counting(count, then = (peer, id) => peer.end(id)) {
  return (peer, frame) => {
    if (frame.type !== REQUEST || readRequest(frame).method !== 'Count') return
    for (let number = 0; number < count; number += 1) peer.data(frame.streamId, numbered(number))
    then(peer, frame.streamId)
  }
}

async function all(stream) {
  const found = []
  for await (const message of stream) found.push(message.number)
  return found
}

test('a stream is read in order to its end', async (t) => {
  const { server, conformance } = await open(
    t,
    // An empty message is one.
    counting(100, (peer, id) => {
      peer.data(id, EMPTY)
      peer.end(id)
    }),
  )
  const stream = conformance.count({})
  const wanted = [...Array(100).keys(), 0].map(BigInt)
  assert.deepEqual(await all(stream), wanted)
  assert.deepEqual(await stream.next(), { value: undefined, done: true })
  assert.equal(server.frames[0].flags, REMOTE_CLOSED)
  // Ended by itself: there is nothing to cancel.
  assert.equal(server.frames.length, 1)
})

test('what waits to be read stays as it came, whatever comes after it', async (t) => {
  const { server, conformance } = await open(t, (peer, frame) => {
    const request = readRequest(frame)
    if (request.method === 'Count') begun = frame.streamId
    if (request.method !== 'Echo') return
    // One message before each answer, so that each comes by a read of its own.
    peer.data(begun, numbered(sent++))
    echo(peer, frame)
  })
  let begun = 0
  let sent = 0
  const stream = conformance.count({})
  await server.until(() => begun !== 0)
  for (let turns = 0; turns < 5; turns += 1) await conformance.echo({ body: new Uint8Array(100 + turns) })
  for (let number = 0n; number < 5n; number += 1n) assert.equal((await stream.next()).value.number, number)
  await stream.close()
})

test('a stream may be read by several at once, each message by one', async (t) => {
  const { conformance } = await open(t, counting(3))
  const stream = conformance.count({})
  const steps = await Promise.all([1, 2, 3, 4].map(() => stream.next()))
  assert.deepEqual(steps.map((step) => step.value?.number), [0n, 1n, 2n, undefined])
})

test('a stream ends with its error after what came before', async (t) => {
  const fail = (peer, id) => peer.respond(id, undefined, Buffer.from([0x08, 15]))
  const { conformance } = await open(t, counting(1, fail))
  const stream = conformance.count({})
  assert.equal((await stream.next()).value.number, 0n)
  for (let time = 0; time < 2; time += 1) await assert.rejects(stream.next(), { code: 15 })
})

test('a response that says something is a last message', async (t) => {
  const { conformance } = await open(t, counting(1, (peer, id) => peer.respond(id, numbered(7))))
  assert.deepEqual(await all(conformance.count({})), [0n, 7n])
})

test('a lost connection ends a stream', async (t) => {
  const { conformance } = await open(t, counting(1, (peer) => peer.socket.end()))
  const stream = conformance.count({})
  await stream.next()
  await assert.rejects(stream.next(), (error) => error instanceof ConnectionLost && error.maybeApplied)
})

test('a message that does not parse ends the stream, here and there', async (t) => {
  const { server, conformance } = await open(
    t,
    counting(1, (peer, id) => peer.data(id, Buffer.from([0x0a]))),
  )
  const stream = conformance.count({})
  await stream.next()
  await assert.rejects(stream.next(), { code: 13 })
  await assert.rejects(stream.next(), { code: 13 })
  await server.until(() => server.frames.length === 2)
})

test('a stream that is left early is cancelled', async (t) => {
  const { server, conformance } = await open(t, counting(2, silent))
  const leaves = [
    async (stream) => {
      for await (const message of stream) if (message.number === 0n) break
    },
    async (stream) => {
      await stream.next()
      await stream.return()
    },
    async (stream) => {
      await stream.next()
      await stream[Symbol.asyncDispose]()
    },
  ]
  for (const leave of leaves) {
    server.frames.length = 0
    const stream = conformance.count({})
    await leave(stream)
    await server.until(() => server.frames.length === 2)
    const [begun, cancel] = server.frames.map(readRequest)
    const [[key, token]] = begun.metadata
    assert.equal(key, 'tally-cancel-token')
    assert.equal(cancel.method, 'Cancel')
    assert.deepEqual(cancel.payload, Buffer.from(`\n${String.fromCharCode(token.length)}${token}`))
    assert.deepEqual(await all(stream), [])
    await stream.return()
  }
})

test('leaving a stream wakes who waits for its next message', async (t) => {
  const { server, conformance } = await open(t, silent)
  const stream = conformance.count({})
  const next = stream.next()
  await server.until(() => server.frames.length === 1)
  await stream.close()
  assert.equal((await next).done, true)
})

test("a stream's deadline is kept", async (t) => {
  const { server, conformance } = await open(t, (peer, frame) => {
    if (readRequest(frame).method === 'Echo') echo(peer, frame)
  })
  const counts = () => server.frames.map(readRequest).filter(({ method }) => method === 'Count')
  for (const timeoutMs of GROWING_DEADLINES_MS) {
    const stream = conformance.count({}, { timeoutMs })
    await assert.rejects(stream.next(), (error) => error instanceof DeadlineExceeded && !error.maybeApplied)
    // What was sent has come once this is answered.
    await conformance.echo({})
    for (const { timeoutNanos } of counts()) {
      assert.ok(timeoutNanos > 0 && timeoutNanos <= timeoutMs * 1_000_000)
    }
    if (counts().length > 0) break
  }
  const sent = counts().length
  assert.ok(sent > 0)
  const endless = conformance.count({})
  await server.until(() => counts().length > sent)
  assert.equal(counts()[sent].timeoutNanos, 0)
  await endless.close()
})

test('a stream ends when its signal is aborted', async (t) => {
  const { server, conformance } = await open(t, counting(1, silent))
  const controller = new AbortController()
  const stream = conformance.count({}, { signal: controller.signal })
  await stream.next()
  const next = stream.next()
  controller.abort('enough')
  await assert.rejects(next, (error) => error instanceof Cancelled && error.cause === 'enough')
  await server.until(() => server.frames.length === 2)
  const early = conformance.count({}, { signal: controller.signal })
  await assert.rejects(early.next(), (error) => error instanceof Cancelled && !error.maybeApplied)
  assert.equal(server.frames.length, 2)
})

test('a stream that nobody reads holds up nobody and has a limit', async (t) => {
  const message = Buffer.from(EchoResponse.encode({ body: new Uint8Array((4 << 20) - 100) }))
  const fits = Math.floor(LONGEST_BACKLOG_BYTES / (message.length + MESSAGE_OVERHEAD_BYTES))
  const { server, conformance } = await open(t, (peer, frame) => {
    const { method } = readRequest(frame)
    if (method === 'Count') for (let n = 0; n <= fits; n += 1) peer.data(frame.streamId, message)
    else if (method === 'Echo') echo(peer, frame)
  })
  const stream = conformance.count({})
  assert.equal((await conformance.echo({ number: 5n })).number, 5n)
  await server.until(() => server.frames.length === 3)
  assert.equal(readRequest(server.frames[2]).method, 'Cancel')
  for (let number = 0; number < fits; number += 1) await stream.next()
  await assert.rejects(stream.next(), StreamOverflow)
})

test('empty messages that nobody reads have a limit too', async (t) => {
  const fits = LONGEST_BACKLOG_BYTES / MESSAGE_OVERHEAD_BYTES
  const { server, conformance } = await open(t, (peer, frame) => {
    if (readRequest(frame).method !== 'Count') return
    peer.send(Buffer.alloc((fits + 1) * HEADER_BYTES, encodeFrame(frame.streamId, DATA, 0, EMPTY)))
  })
  const stream = conformance.count({})
  await server.until(() => server.frames.length === 2)
  for (let number = 0; number < fits; number += 1) await stream.next()
  await assert.rejects(stream.next(), StreamOverflow)
})

test('a message as long as a frame fits alone', async (t) => {
  const message = Buffer.from(EchoResponse.encode({ body: new Uint8Array(LONGEST_PAYLOAD_BYTES - 5) }))
  assert.equal(message.length, LONGEST_PAYLOAD_BYTES)
  const { server, conformance } = await open(t, (peer, frame) => {
    if (readRequest(frame).method === 'Echo') return echo(peer, frame)
    peer.data(frame.streamId, message)
    peer.end(frame.streamId)
  })
  const stream = conformance.count({})
  // Behind the stream's end, so that it waits there.
  await conformance.echo({})
  assert.equal((await all(stream)).length, 1)
  assert.equal(server.connections, 1)
})

const numberOf = (frame) => EchoRequest.decode(frame.payload).number

/** Answers a Sum once it has ended. */
function adding(frames) {
  return (peer, frame) => {
    if ((frame.flags & NO_DATA) === 0) {
      if (frame.type === DATA) frames.push(frame)
      return
    }
    const sum = frames.map(numberOf).reduce((total, number) => total + number, 0n)
    peer.respond(frame.streamId, Buffer.from(SumResponse.encode({ sum })))
  }
}

test('a client stream sends its messages and waits for the one answer', async (t) => {
  const sent = []
  const { server, conformance } = await open(t, adding(sent))
  // An empty message is one.
  const numbers = [0n, 1n, 2n, 39n]
  assert.equal((await conformance.sum(numbers.map((number) => ({ number })))).sum, 42n)
  const [begin, ...messages] = server.frames
  const end = messages.pop()
  assert.deepEqual([begin.type, begin.flags, readRequest(begin).payload], [REQUEST, REMOTE_OPEN, EMPTY])
  assert.deepEqual(messages.map((frame) => [frame.type, frame.flags]), Array(4).fill([DATA, 0]))
  assert.deepEqual([end.type, end.flags], [DATA, REMOTE_CLOSED | NO_DATA])
  assert.equal(new Set(server.frames.map((frame) => frame.streamId)).size, 1)
})

test('a client stream takes what comes in time, and an empty one is one', async (t) => {
  const sent = []
  const { conformance } = await open(t, adding(sent))
  async function* slowly() {
    for (const number of [1n, 2n]) {
      await turn()
      yield { number }
    }
  }
  assert.equal((await conformance.sum(slowly())).sum, 3n)
  assert.equal((await conformance.sum([])).sum, 3n)
})

test('a client stream ends when the server has answered', async (t) => {
  const { conformance } = await open(t, (peer, frame) => {
    if (frame.type === REQUEST) peer.respond(frame.streamId, undefined, Buffer.from([0x08, 8]))
  })
  let returned = false
  function* endless() {
    try {
      for (let number = 0n; ; number += 1n) yield { number }
    } finally {
      returned = true
    }
  }
  await assert.rejects(conformance.sum(endless()), { code: 8 })
  await turn()
  await turn()
  assert.equal(returned, true)
  // Nor does it wait for a source that says nothing any more.
  const stuck = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(silent) }) }
  await assert.rejects(conformance.sum(stuck), { code: 8 })
})

test('a client stream that is given up is cancelled', async (t) => {
  const { server, conformance } = await open(t, (peer, frame) => {
    if (frame.type === REQUEST && readRequest(frame).method === 'Echo') echo(peer, frame)
  })
  await conformance.echo({})
  function* broken() {
    yield { number: 1n }
    throw new RangeError('no more')
  }
  const wrong = [{ number: 1n }, { number: 2 }]
  for (const [requests, kind] of [[broken(), RangeError], [wrong, TypeError]]) {
    server.frames.length = 0
    await assert.rejects(conformance.sum(requests), kind)
    const isCancel = (frame) => frame.type === REQUEST && readRequest(frame).method === 'Cancel'
    await server.until(() => server.frames.some(isCancel))
    assert.ok(!server.frames.some((frame) => frame.flags & REMOTE_CLOSED))
  }
  const controller = new AbortController()
  const aborted = conformance.sum([{}], { signal: controller.signal })
  await turn()
  controller.abort()
  await assert.rejects(aborted, (error) => error instanceof Cancelled && error.maybeApplied)
  let late
  for (const timeoutMs of GROWING_DEADLINES_MS) {
    late = await conformance.sum([{}], { timeoutMs }).catch((error) => error)
    assert.ok(late instanceof DeadlineExceeded)
    if (late.maybeApplied) break
  }
  assert.ok(late.maybeApplied)
})

test('a client stream that breaks may have been applied in part', async (t) => {
  const { conformance } = await open(t, (peer, frame) => {
    if (frame.type === DATA) peer.respond(frame.streamId, undefined, Buffer.from([0x08, 4]))
  })
  await assert.rejects(conformance.sum([{ number: 1n }]), { code: 4, maybeApplied: true })
  const tooLarge = { body: new Uint8Array(LONGEST_PAYLOAD_BYTES) }
  await assert.rejects(conformance.sum([tooLarge]), { reason: 'MESSAGE_TOO_LARGE', maybeApplied: true })
})

test('a lost connection ends a client stream and is not tried again', async (t) => {
  const { server, conformance } = await open(t, (peer, frame) => frame.type === DATA && peer.hangUp())
  await assert.rejects(conformance.sum([{ number: 1n }]), (error) => {
    return error instanceof ConnectionLost && error.maybeApplied
  })
  assert.equal(server.connections, 1)
})

test('a stream both ways is sent and read in turn', async (t) => {
  const { conformance } = await open(t, (peer, frame) => {
    if (frame.flags & REMOTE_CLOSED) peer.end(frame.streamId)
    else if (frame.type === DATA) peer.data(frame.streamId, frame.payload)
  })
  const chat = conformance.chat()
  for (const text of ['a', 'b']) {
    await chat.send({ text })
    assert.equal((await chat.next()).value.text, text)
  }
  await assert.rejects(chat.send({ text: 5 }), TypeError)
  await chat.finish()
  await chat.finish()
  assert.deepEqual(await all(chat), [])
  await assert.rejects(chat.send({}), /finished/)
})

test('sending without waiting has a limit, and waiting lets all through', async (t) => {
  let received = 0
  const { conformance } = await open(t, (peer, frame) => {
    if (frame.type === DATA) received += frame.payload.length
    if (frame.flags & REMOTE_CLOSED) peer.end(frame.streamId)
  })
  const body = new Uint8Array(1 << 20)
  const hasty = conformance.chat()
  const count = LONGEST_OUTBOX_BYTES / body.length
  const sends = Array.from({ length: count + 1 }, () => hasty.send({ body }))
  await assert.rejects(Promise.all(sends), StreamOverflow)
  await hasty.close()
  const patient = conformance.chat()
  for (let sent = 0; sent < 2 * count; sent += 1) await patient.send({ body })
  await patient.finish()
  assert.deepEqual(await all(patient), [])
  assert.ok(received >= 2 * LONGEST_OUTBOX_BYTES)
})

test('what is sent after the server has ended reaches nobody', async (t) => {
  const { conformance } = await open(t, (peer, frame) => frame.type === REQUEST && peer.end(frame.streamId))
  const chat = conformance.chat()
  assert.deepEqual(await all(chat), [])
  await chat.send({ text: 'late' })
  await chat.finish()
})

/** Sends until no more is taken, or the call has ended; the connection would be given up much later. */
async function pour(chat) {
  for (let sent = 0; sent < 8; sent += 1) await chat.send({ body: new Uint8Array(1 << 20) })
}

test('a deadline ends a send that the server does not take', async (t) => {
  const { conformance } = await open(t, (peer) => peer.socket.pause())
  const chat = conformance.chat({ timeoutMs: SOON_MS })
  await pour(chat)
  await assert.rejects(chat.next(), DeadlineExceeded)
})

test('aborting ends a send that the server does not take', async (t) => {
  const { server, conformance } = await open(t, (peer) => peer.socket.pause())
  const aborter = new AbortController()
  const chat = conformance.chat({ signal: aborter.signal })
  const sending = pour(chat)
  await server.until(() => server.frames.length > 0)
  aborter.abort()
  await sending
  await assert.rejects(chat.next(), Cancelled)
})

test('a message of a stream where one reply is due fails the call at once', async (t) => {
  const { conformance } = await open(t, (peer, frame) => peer.data(frame.streamId, numbered(1)))
  const endless = (async function* () {
    yield { number: 1n }
    await new Promise(() => undefined)
  })()
  const error = await conformance.sum(endless).catch((problem) => problem)
  assert.match(error.message, /like a stream/)
  assert.equal(error.maybeApplied, true)
})
