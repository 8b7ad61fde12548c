// What a test may do to the daemon: fixtures, snapshots, and failures to come.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'

import * as errors from '../src/errors.js'
import { Conformance } from '../src/generated/services/conformance.js'
import { findBinary, HarnessError, startServer, useTally } from '../src/testing.js'
import { socketDirectory } from './fake.js'
import { PATIENCE_MS, PATIENT } from './patience.js'

const tally = useTally()
const FIXTURES = {
  purchases: [{ userId: 'u1', paymentId: 'p1', amountMicros: 1_000_000n }],
  calls: [{ method: 'CreditService/Consume', request: { userId: 'u1', amountMicros: '250000' } }],
}
const AVAILABLE = 750_000n
const CONSUME = 'CreditService/Consume'

async function available() {
  return (await tally.client.credits.getBalance({ userId: 'u1' })).balance.availableMicros
}

test('fixtures come from an object and from a file, and the same again replays', async (t) => {
  assert.equal(await tally.fixtures.load(FIXTURES), 2)
  assert.equal(await available(), AVAILABLE)
  const file = path.join(socketDirectory(t), 'fixtures.json')
  const text = JSON.stringify(FIXTURES, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  fs.writeFileSync(file, text)
  await tally.fixtures.load(file)
  await tally.fixtures.load(pathToFileURL(file))
  assert.equal(await available(), AVAILABLE)
  await assert.rejects(tally.fixtures.load({ purchases: [{ userId: 'u1' }] }), errors.InvalidAmount)
  await assert.rejects(tally.fixtures.load('/no/such/file'), { code: 'ENOENT' })
})

test('a snapshot is put back, its clock too', async () => {
  await tally.fixtures.load(FIXTURES)
  const then = await tally.clock.set((await tally.clock.now()) + 1_000_000n)
  await tally.snapshots.save('default')
  await tally.snapshots.save('same')
  await tally.client.credits.consume({ userId: 'u1', amountMicros: 1n })
  await tally.clock.advance({ hours: 5 })
  assert.equal(await available(), AVAILABLE - 1n)
  await tally.snapshots.restore('default')
  assert.equal(await available(), AVAILABLE)
  assert.equal(await tally.clock.now(), then)
  await tally.snapshots.restore('same')
  await assert.rejects(tally.snapshots.restore('no such'), errors.InvalidField)
})

test('a call is refused as it is told, and the next one is not', async () => {
  await tally.fixtures.load(FIXTURES)
  const details = { retry_after_millis: '250' }
  await tally.failures.refuse({ method: CONSUME, reason: 'RATE_LIMITED', details })
  const spend = () => tally.client.credits.consume({ userId: 'u1', amountMicros: 1n })
  await assert.rejects(spend, (error) => {
    return error instanceof errors.RateLimited && error.retryAfterMillis === 250n
  })
  await spend()
  await tally.failures.refuse({ method: CONSUME, code: 9, message: 'not now', skip: 1 })
  await spend()
  await assert.rejects(spend, { code: 9, message: 'not now' })
  assert.equal(await available(), AVAILABLE - 2n)
  await assert.rejects(tally.failures.delay(0.5), RangeError)
  await assert.rejects(tally.failures.storeDelay(0.5), RangeError)
  await assert.rejects(tally.failures.refuse({ reason: 'NO_SUCH' }), /no reason is named NO_SUCH/)
})

test('a reply that is lost after the commit is applied once', async () => {
  await tally.fixtures.load(FIXTURES)
  await tally.failures.dropAfter({ method: CONSUME, count: 2 })
  const { credits } = tally.server.client(PATIENT)
  const reply = await credits.consume({ userId: 'u1', amountMicros: 5n })
  assert.equal(reply.replayed, true)
  assert.equal(await available(), AVAILABLE - 5n)
  const [failure] = await tally.failures.list()
  assert.equal(failure.happened, 2n)
})

test('a call that is lost before, connections that are refused, and delays are lived through', async () => {
  await tally.fixtures.load(FIXTURES)
  await tally.failures.dropBefore({ method: CONSUME })
  await tally.failures.refuseConnection({ count: 2 })
  await tally.failures.delay(30, { method: CONSUME })
  await tally.failures.storeDelay(30)
  const began = performance.now()
  await tally.server.client(PATIENT).credits.consume({ userId: 'u1', amountMicros: 5n })
  assert.ok(performance.now() - began >= 59)
  assert.equal(await available(), AVAILABLE - 5n)
  assert.equal(await tally.failures.clear(), 0)
})

test('a full disk is an error, and failures are cleared', async () => {
  await tally.fixtures.load(FIXTURES)
  await tally.failures.storeFull({ count: 5 })
  const spend = () => tally.client.credits.consume({ userId: 'u1', amountMicros: 1n })
  await assert.rejects(spend, (error) => error instanceof errors.DiskFull && !error.maybeApplied)
  assert.equal(await tally.failures.clear(), 1)
  await spend()
})

test('a server that is kept starts again where the clock was advanced', async (t) => {
  const server = await startServer({ keep: true })
  t.after(() => server.stop())
  await server.clock.advance({ days: 31 })
  await server.fixtures.load(FIXTURES)
  await server.restart()
  const { balance } = await server.client().credits.getBalance({ userId: 'u1' })
  assert.equal(balance.availableMicros, AVAILABLE)
})

test('a commit whose outcome is unknown is found out after a restart', async (t) => {
  const server = await startServer({ keep: true })
  t.after(() => server.stop())
  await server.fixtures.load(FIXTURES)
  await server.failures.storeUnknown()
  const client = server.client(PATIENT)
  const call = client.credits.consume({ userId: 'u1', amountMicros: 5n })
  await server.restart()
  await call
  assert.equal((await client.credits.getBalance({ userId: 'u1' })).balance.availableMicros, AVAILABLE - 5n)
})

describe('a suite may ask for a daemon of its own', () => {
  const own = useTally({ args: ['--max-in-flight', '1'], clientOptions: { retryMs: 0 } })

  test('and has it', async () => {
    assert.notEqual(own.server.pid, tally.server.pid)
    const service = new Conformance(own.client.caller)
    const controller = new AbortController()
    const options = { timeoutMs: PATIENCE_MS, signal: controller.signal }
    const sleeping = service.sleep({ millis: 600_000n }, options)
    await assert.rejects(service.sleep({ millis: 600_000n }), errors.TooManyInFlight)
    controller.abort()
    await assert.rejects(sleeping, errors.Cancelled)
  })
})

describe('suites share one daemon unless they ask', () => {
  const same = useTally()

  test('and it is empty for each test', async () => {
    assert.equal(same.server.pid, tally.server.pid)
    const { credits } = same.client
    await assert.rejects(credits.consume({ userId: 'u1', amountMicros: 1n }), errors.InsufficientCredits)
  })
})

test('the program is looked for where it may be', (t) => {
  const { TALLY_BINARY, PATH } = process.env
  t.after(() => Object.assign(process.env, { PATH }, TALLY_BINARY === undefined ? {} : { TALLY_BINARY }))
  process.env.TALLY_BINARY = '/named'
  assert.equal(findBinary(), '/named')
  delete process.env.TALLY_BINARY
  const directory = socketDirectory(t)
  const installed = path.join(directory, 'tally')
  fs.writeFileSync(installed, '', { mode: 0o755 })
  process.env.PATH = `/no/such:${directory}`
  assert.equal(findBinary(), installed)
})

const atOnce = tally.client.credits.getBalance({ userId: 'u1' })

test('what is in hand can be used at once, and calls wait for the daemon', async () => {
  assert.equal((await atOnce).balance.availableMicros, 0n)
  const early = new (Object.getPrototypeOf(tally).constructor)()
  assert.throws(() => early.server, HarnessError)
  await early.close()
})

test('parallel test files have daemons of their own', async (t) => {
  const directory = socketDirectory(t)
  const testing = new URL('../src/testing.js', import.meta.url).href
  const file = `
    import assert from 'node:assert/strict'
    import { test } from 'node:test'
    import { useTally } from '${testing}'
    const tally = useTally()
    for (let turn = 0; turn < 20; turn += 1) {
      test('empty ' + turn, async () => {
        const { credits } = tally.client
        await credits.addPurchase({ userId: 'u', paymentId: 'p', amountMicros: 5n })
        const { balance } = await credits.consume({ userId: 'u', amountMicros: 5n })
        assert.equal(balance.version, 2n)
      })
    }`
  const files = ['a', 'b', 'c'].map((name) => path.join(directory, `${name}.test.mjs`))
  for (const name of files) fs.writeFileSync(name, file)
  // Not a part of this run of tests.
  const { NODE_TEST_CONTEXT, ...env } = process.env
  assert.ok(NODE_TEST_CONTEXT === undefined || NODE_TEST_CONTEXT.startsWith('child'))
  const child = spawn(process.execPath, ['--test', ...files], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (piece) => (output += piece))
  const status = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(status, 0, output)
})
