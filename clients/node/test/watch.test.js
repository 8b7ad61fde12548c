// Watches of the ledger: against a peer that cuts them as the test says, and against a real server.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Client } from '../src/index.js'
import {
  ActingUser,
  Cancelled,
  Code,
  ConnectionLost,
  InvalidField,
  ShuttingDown,
  TallyError,
} from '../src/errors.js'
import { ErrorInfo } from '../src/generated/tallystick/v1/errors.js'
import { CreditService } from '../src/generated/services/credit_service.js'
import {
  WatchEventsRequest,
  WatchEventsResponse,
  WatchTransactionsRequest,
  WatchTransactionsResponse,
} from '../src/generated/messages.js'
import { LONGEST_BACKLOG_BYTES } from '../src/stream.js'
import { startServer, useTally } from '../src/testing.js'
import { REQUEST } from '../src/wire.js'
import { field, readRequest, serve } from './fake.js'
import { PATIENT, waitUntil } from './patience.js'

const tally = useTally()

/** A Status, encoded. */
function failure(code, reason, metadata = {}) {
  const info = Buffer.from(ErrorInfo.encode({ reason, domain: 'tallystick', metadata }))
  const typeUrl = Buffer.from('type.googleapis.com/tallystick.v1.ErrorInfo')
  const detail = Buffer.concat([field(1, typeUrl), field(2, info)])
  return Buffer.concat([Buffer.from([0x08, code]), field(2, Buffer.from('cut')), field(3, detail)])
}

function message(nextSequence, sequences = [], description = '') {
  const transactions = sequences.map((sequence) => ({ sequence: BigInt(sequence), description }))
  return Buffer.from(WatchTransactionsResponse.encode({ transactions, nextSequence: BigInt(nextSequence) }))
}

/** Answers each call with its messages and its end; a call more is refused. */
async function cut(t, answers, options, method = 'WatchTransactions', type = WatchTransactionsRequest) {
  const asked = []
  const server = await serve(t, (peer, frame) => {
    if (frame.type !== REQUEST) return
    const request = readRequest(frame)
    if (request.method !== method) return
    asked.push(type.decode(request.payload))
    const [messages, end] = answers.shift() ?? [[], failure(Code.INVALID_ARGUMENT, 'INVALID_FIELD')]
    for (const payload of messages) peer.data(frame.streamId, payload)
    if (end === 'hang up') peer.socket.end()
    else if (end === 'end') peer.end(frame.streamId)
    else if (end !== undefined) peer.respond(frame.streamId, undefined, end)
  })
  const client = new Client(server.path, { ...PATIENT, ...options })
  t.after(() => client.close())
  return { client, asked }
}

const froms = (asked) => asked.map((request) => Number(request.fromSequence))

test('a watch goes on after its last row, whatever has cut it', async (t) => {
  const { client, asked } = await cut(t, [
    [[message(5), message(7, [5, 6])], failure(Code.UNAVAILABLE, 'STREAM_ENDED')],
    [[], failure(Code.UNAVAILABLE, 'SHUTTING_DOWN')],
    [[message(7), message(8, [7])], failure(Code.OUT_OF_RANGE, 'LAGGED', { resume_sequence: '8' })],
    [[message(8), message(20, [9]), message(20)], 'hang up'],
    [[message(20), message(21, [20])], 'end'],
    [[message(21), message(22, [21])], undefined],
  ])
  const watch = client.watch({ userIds: ['a'] })
  assert.equal(watch.nextSequence, 0n)
  const seen = []
  for await (const row of watch) {
    seen.push([Number(row.sequence), Number(watch.nextSequence)])
    if (seen.length === 6) break
  }
  assert.deepEqual(seen, [
    [5, 6],
    [6, 7],
    [7, 8],
    [9, 20],
    [20, 21],
    [21, 22],
  ])
  assert.deepEqual(froms(asked), [0, 7, 7, 8, 20, 21])
  assert.ok(asked.every((request) => request.userIds.join() === 'a'))
  assert.deepEqual(await watch.next(), { value: undefined, done: true })
})

test('rows that are asked for at once come in their order', async (t) => {
  const { client } = await cut(t, [[[message(5), message(6, [5]), message(9, [6, 7, 8])], undefined]])
  const watch = client.watch()
  const rows = await Promise.all([watch.next(), watch.next(), watch.next(), watch.next()])
  assert.deepEqual(
    rows.map((row) => Number(row.value?.sequence)),
    [5, 6, 7, 8],
  )
  await watch.close()
})

test('an error that would come again ends a watch', async (t) => {
  const { client, asked } = await cut(t, [
    [[message(5), message(6, [5])], failure(Code.CANCELLED, 'CANCELLED')],
  ])
  const watch = client.watch({ fromSequence: 5n })
  assert.equal((await watch.next()).value?.sequence, 5n)
  await assert.rejects(watch.next(), TallyError)
  assert.equal(watch.nextSequence, 6n)
  assert.equal(asked.length, 1)
})

test('a watch gives up when no server comes back', async (t) => {
  const down = Array.from({ length: 100 }, () => [[], failure(Code.UNAVAILABLE, 'SHUTTING_DOWN')])
  const { client } = await cut(t, down, { retryMs: 0 })
  await assert.rejects(client.watch().next(), ShuttingDown)
})

test('the attempts of a watch are no attempts of its streams', async (t) => {
  const streams = t.mock.method(CreditService.prototype, 'watchTransactions')
  const client = new Client('/tmp/no-server-is-here', { retryMs: 500 })
  const connections = t.mock.method(client.channel, 'connect')
  await assert.rejects(client.watch().next(), ConnectionLost)
  assert.ok(streams.mock.callCount() > 0)
  assert.equal(connections.mock.callCount(), streams.mock.callCount())
  await client.close()
})

test('a closed watch neither begins nor has rows', async (t) => {
  const { client, asked } = await cut(t, [[[message(5), message(7, [5, 6])], undefined]])
  const unread = client.watch()
  await unread.close()
  assert.equal((await (await unread.begin()).next()).done, true)
  const watch = await client.watch().begin()
  assert.equal((await watch.next()).value?.sequence, 5n)
  await watch.close()
  assert.equal((await (await watch.begin()).next()).done, true)
  assert.equal(watch.nextSequence, 6n)
  assert.equal(asked.length, 1)
})

test('a signal ends a watch, and so does closing its client', async (t) => {
  const { client } = await cut(t, [
    [[message(5)], undefined],
    [[message(5)], undefined],
  ])
  const abort = new AbortController()
  const watch = await client.watch({}, { signal: abort.signal }).begin()
  const row = watch.next()
  abort.abort()
  await assert.rejects(row, Cancelled)
  const other = await client.watch().begin()
  const lost = other.next()
  await Promise.all([assert.rejects(lost), client.close()])
})

test('a reader that takes nothing for long loses no row', async (t) => {
  const begun = []
  let sent = false
  const text = 'x'.repeat(1 << 20)
  const last = 2 * (LONGEST_BACKLOG_BYTES >> 20)
  const server = await serve(t, (peer, frame) => {
    if (frame.type !== REQUEST || readRequest(frame).method !== 'WatchTransactions') return
    const first = Number(WatchTransactionsRequest.decode(readRequest(frame).payload).fromSequence)
    begun.push(first)
    for (let number = first; number <= last; number += 1) {
      peer.data(frame.streamId, message(number + 1, [number], text))
    }
    peer.socket.write('', () => (sent = true))
  })
  const client = new Client(server.path, PATIENT)
  t.after(() => client.close())
  const watch = client.watch({ fromSequence: 1n })
  assert.equal((await watch.next()).value?.sequence, 1n)
  await waitUntil(() => sent)
  for (let number = 2; number <= last; number += 1) {
    assert.equal((await watch.next()).value?.sequence, BigInt(number))
  }
  assert.ok(begun.length > 1)
  await watch.close()
})

test('rows come from a real server across its restart', async (t) => {
  const server = await startServer({ keep: true })
  t.after(() => server.stop())
  const client = new Client(server.socket, PATIENT)
  t.after(() => client.close())
  await client.credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: 100n })
  const all = client.watch({ fromSequence: 1n })
  const some = await client.watch({ userIds: ['u2'] }).begin()
  assert.equal((await all.next()).value?.paymentId, 'p1')
  await client.credits.addPurchase({ userId: 'u2', paymentId: 'p2', amountMicros: 100n })
  await server.kill()
  await server.restart()
  for (let number = 0; number < 3; number += 1) {
    for (const userId of ['u1', 'u2']) await client.credits.consume({ userId, amountMicros: 1n })
  }
  const rows = []
  for (let number = 0; number < 7; number += 1) rows.push((await all.next()).value)
  assert.deepEqual(
    rows.map((row) => Number(row.sequence)),
    [2, 3, 4, 5, 6, 7, 8],
  )
  const theirs = []
  for (let number = 0; number < 4; number += 1) theirs.push((await some.next()).value)
  assert.deepEqual(
    theirs,
    rows.filter((row) => row.userId === 'u2'),
  )
  await all.close()
  await some.close()
})

test('an acting user watches its own rows only', async () => {
  const { client } = tally
  await client.credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: 100n })
  const view = client.actingAs('u1')
  const own = view.watch({ fromSequence: 1n, userIds: ['u1'] })
  assert.equal((await own.next()).value?.paymentId, 'p1')
  await own.close()
  for (const userIds of [[], ['u2']]) {
    await assert.rejects(view.watch({ fromSequence: 1n, userIds }).next(), ActingUser)
  }
  await assert.rejects(client.watch({ fromSequence: 99n }).next(), InvalidField)
})

function events(nextEventId, ids = []) {
  const list = ids.map((eventId) => ({ eventId: BigInt(eventId) }))
  return Buffer.from(WatchEventsResponse.encode({ events: list, nextEventId: BigInt(nextEventId) }))
}

test('a watch of events goes on after its last one, whatever has cut it', async (t) => {
  const answers = [
    [[events(5), events(7, [5, 6])], failure(Code.UNAVAILABLE, 'STREAM_ENDED')],
    [[], failure(Code.UNAVAILABLE, 'SHUTTING_DOWN')],
    [[events(7), events(8, [7])], failure(Code.OUT_OF_RANGE, 'LAGGED', { resume_sequence: '8' })],
    [[events(8), events(20, [9]), events(20)], 'hang up'],
    [[events(20), events(21, [20])], 'end'],
    [[events(21), events(22, [21])], undefined],
  ]
  const { client, asked } = await cut(t, answers, {}, 'WatchEvents', WatchEventsRequest)
  const watch = client.watchEvents({ userIds: ['a'] })
  assert.equal(watch.nextEventId, 0n)
  const seen = []
  for await (const event of watch) {
    seen.push([Number(event.eventId), Number(watch.nextEventId)])
    if (seen.length === 6) break
  }
  assert.deepEqual(seen, [
    [5, 6],
    [6, 7],
    [7, 8],
    [9, 20],
    [20, 21],
    [21, 22],
  ])
  assert.deepEqual(
    asked.map((request) => Number(request.fromEventId)),
    [0, 7, 7, 8, 20, 21],
  )
  assert.ok(asked.every((request) => request.userIds.join() === 'a'))
})

test('events come from a real server across its restart', async (t) => {
  const server = await startServer({ keep: true })
  t.after(() => server.stop())
  const client = new Client(server.socket, PATIENT)
  t.after(() => client.close())
  await client.usage.putAlertRule({ rule: { ruleId: 'low', everyUser: true, balanceBelowMicros: 10n } })
  const cross = async (userId, name) => {
    await client.credits.addPurchase({ userId, paymentId: `${userId}-${name}`, amountMicros: 20n })
    await client.credits.consume({ userId, amountMicros: 20n })
  }
  await cross('u1', '1')
  const all = client.watchEvents({ fromEventId: 1n })
  const some = await client.watchEvents({ userIds: ['u2'] }).begin()
  assert.equal((await all.next()).value?.userId, 'u1')
  await cross('u2', '1')
  await server.kill()
  await server.restart()
  await cross('u1', '2')
  await cross('u2', '2')
  const rest = []
  for (let number = 0; number < 3; number += 1) rest.push((await all.next()).value)
  assert.deepEqual(
    rest.map((event) => Number(event.eventId)),
    [2, 3, 4],
  )
  assert.deepEqual([(await some.next()).value, (await some.next()).value], [rest[0], rest[2]])
  assert.equal(all.nextEventId, 5n)
  await all.close()
  await some.close()
})

test('changes of pages come from a real server across its restart', async (t) => {
  const server = await startServer({ keep: true })
  t.after(() => server.stop())
  const client = new Client(server.socket, PATIENT)
  t.after(() => client.close())
  const create = (userId, pageId) => client.pages.createPage({ userId, pageId, title: pageId })
  await create('u1', 'a')
  const all = client.watchPages({ fromUpdate: 1n })
  const some = await client.watchPages({ userIds: ['u2'] }).begin()
  assert.equal((await all.next()).value?.pageId, 'a')
  await create('u2', 'b')
  await server.kill()
  await server.restart()
  await client.pages.deletePage({ pageId: 'a' })
  await create('u2', 'c')
  const rest = []
  for (let number = 0; number < 3; number += 1) rest.push((await all.next()).value)
  assert.deepEqual(
    rest.map((update) => [Number(update.updateNumber), update.pageId]),
    [
      [2, 'b'],
      [3, 'a'],
      [4, 'c'],
    ],
  )
  assert.deepEqual([(await some.next()).value, (await some.next()).value], [rest[0], rest[2]])
  assert.equal(all.nextUpdate, 5n)
  await all.close()
  await some.close()
})
