// Calls to a real daemon, and daemons that come and go.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'

import { Client, ConnectionLost, dollars, InsufficientCredits } from '../src/index.js'
import { BatchAborted, fromInfo } from '../src/errors.js'
import { BatchMode } from '../src/messages.js'
import { START_MS } from '../src/daemon.js'
import { HarnessError, startServer, useTally } from '../src/testing.js'
import { PATIENT, SOON_MS, waitUntil } from './patience.js'

const tally = useTally()
const TESTING = new URL('../src/testing.js', import.meta.url).href

test('credit is bought and spent, and never more than there is', async () => {
  const { credits } = tally.client
  await credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: dollars('1.00') })
  const reply = await credits.consume({ userId: 'u1', amountMicros: 250_000n })
  assert.equal(reply.balance.availableMicros, 750_000n)
  await assert.rejects(credits.consume({ userId: 'u1', amountMicros: 750_001n }), (error) => {
    assert.ok(error instanceof InsufficientCredits)
    assert.equal(error.availableMicros, 750_000n)
    assert.equal(error.requiredMicros, 750_001n)
    return !error.maybeApplied
  })
})

test('a thousand calls at once are each applied once', async () => {
  const { credits } = tally.client
  await credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: 3000n })
  const calls = Array.from({ length: 3000 }, () => credits.consume({ userId: 'u1', amountMicros: 1n }))
  const sequences = new Set((await Promise.all(calls)).map((reply) => reply.transaction.sequence))
  assert.equal(sequences.size, 3000)
  assert.equal((await credits.getBalance({ userId: 'u1' })).balance.availableMicros, 0n)
})

test('the same key again replays', async () => {
  const { credits } = tally.client
  await credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: 100n })
  const request = { userId: 'u1', amountMicros: 60n, idempotencyKey: 'job-1' }
  const first = await credits.consume(request)
  const second = await credits.consume(request)
  assert.equal(second.replayed, true)
  assert.deepEqual(second.transaction, first.transaction)
})

test('an atomic batch names the item that was refused', async () => {
  const { credits } = tally.client
  await credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: 10n })
  const items = [6n, 6n, 1n].map((amountMicros) => ({ userId: 'u1', amountMicros }))
  const { results } = await credits.batchConsume({ items, mode: BatchMode.ATOMIC })
  const failures = results.map(({ error }) => fromInfo(error.code, error.message, error.info))
  assert.ok(failures[1] instanceof InsufficientCredits)
  for (const aborted of [failures[0], failures[2]]) {
    assert.ok(aborted instanceof BatchAborted)
    assert.equal(aborted.refusedIndex, 1n)
  }
  assert.equal((await credits.getBalance({ userId: 'u1' })).balance.availableMicros, 10n)
})

test('a past balance is asked for by a Date', async () => {
  const { credits } = tally.client
  const start = new Date('2030-01-31T00:00:00Z')
  await tally.clock.set(start)
  await credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: 10n })
  await tally.clock.advance({ hours: 2 })
  await credits.consume({ userId: 'u1', amountMicros: 3n })
  const available = async (atMicros) =>
    (await credits.getBalance({ userId: 'u1', atMicros })).balance.availableMicros
  assert.equal(await available(new Date(+start + 3_600_000)), 10n)
  assert.equal(await available(BigInt(+start) * 1000n - 1n), 0n)
  assert.equal(await available(undefined), 7n)
})

test('an acting user sees its own rows only', async () => {
  await tally.client.credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: 5n })
  const own = tally.client.actingAs('u1')
  assert.equal((await own.credits.getBalance({ userId: 'u1' })).balance.availableMicros, 5n)
  await assert.rejects(own.credits.getBalance({ userId: 'u2' }), { reason: 'ACTING_USER' })
})

test('each test has an empty database, and a clock of its own', async () => {
  const { balance } = await tally.client.credits.getBalance({ userId: 'u1' })
  assert.equal(balance.availableMicros, 0n)
  const expiresAtMicros = (await tally.clock.now()) + 3_600_000_000n
  await tally.client.credits.grantPromo({ userId: 'u1', amountMicros: 5n, expiresAtMicros })
  const before = await tally.clock.set(new Date(Date.now() + 500))
  assert.equal(await tally.clock.advance({ days: 1, seconds: 2 }), before + 86_402_000_000n)
  const after = await tally.client.credits.getBalance({ userId: 'u1' })
  assert.equal(after.balance.availableMicros, 0n)
  await assert.rejects(tally.clock.advance({ weeks: 1 }), TypeError)
})

test('a stopped daemon leaves nothing', async () => {
  const server = await startServer()
  const directory = path.dirname(server.socket)
  assert.ok(fs.existsSync(directory))
  await server.client().credits.getBalance({ userId: 'u1' })
  assert.equal(await server.stop(), 0)
  assert.ok(!fs.existsSync(directory))
  assert.match(server.log(), /ended/)
})

/** A process that starts a server and then waits; killed, with what it printed. */
async function orphan(options) {
  const program = `
    import fs from 'node:fs'
    import { startServer } from '${TESTING}'
    const server = await startServer(${JSON.stringify(options)})
    fs.writeSync(1, JSON.stringify({ socket: server.socket, pid: server.pid }) + '\\n')
    setInterval(() => undefined, 1000)`
  const stdio = ['ignore', 'pipe', 'inherit']
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio })
  const exited = new Promise((resolve) => parent.once('exit', resolve))
  const line = await Promise.race([new Promise((resolve) => parent.stdout.once('data', resolve)), exited])
  parent.kill('SIGKILL')
  await exited
  return JSON.parse(line)
}

for (const keep of [false, true]) {
  test(`a daemon ends with its killed parent and leaves nothing, ${keep ? '' : 'not '}kept`, async () => {
    const { socket, pid } = await orphan({ keep })
    await waitUntil(() => !fs.existsSync(path.dirname(socket)))
    await waitUntil(() => !fs.existsSync(`/proc/${pid}`))
  })
}

test('neither an idle client nor a daemon keeps a process alive, and a call does', async () => {
  const program = `
    import { startServer } from '${TESTING}'
    import { Conformance } from '${new URL('../src/generated/services/conformance.js', import.meta.url).href}'
    const server = await startServer()
    const service = new Conformance(server.client().caller)
    service.sleep({ millis: 50n }).then(() => console.log('answered'))`
  const stdio = ['ignore', 'pipe', 'inherit']
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio })
  let output = ''
  child.stdout.on('data', (piece) => (output += piece))
  const status = await new Promise((resolve) => child.once('close', resolve))
  assert.deepEqual([status, output], [0, 'answered\n'])
})

test('a daemon that does not start says why', async () => {
  await assert.rejects(startServer({ args: ['--no-such-flag'] }), (error) => {
    assert.match(error.message, /did not start.*no-such-flag/s)
    return error instanceof HarnessError
  })
  await assert.rejects(startServer({ binary: '/no/such/tally' }), /cannot run \/no\/such\/tally/)
})

test('the trace of an error names the functions that await the call', async () => {
  async function chargeTheUser(amountMicros) {
    return await tally.client.credits.consume({ userId: 'u1', amountMicros })
  }
  async function verifyAs(userId) {
    for await (const check of tally.client.actingAs(userId).admin.verify({})) assert.fail(check.title)
  }
  const awaits = (name) => (error) => error.stack.includes(`at async ${name} (`)
  await assert.rejects(chargeTheUser(1n), awaits('chargeTheUser'))
  await assert.rejects(chargeTheUser(1), awaits('chargeTheUser'))
  await assert.rejects(verifyAs('u1'), awaits('verifyAs'))
})

test('a kept daemon that ends at once says so, and keeps no process alive', () => {
  const testing = new URL('../src/testing.js', import.meta.url).href
  const text = `
    import { startServer } from '${testing}'
    await startServer({ keep: true, binary: '/bin/true' }).catch((error) => console.log(error.message))`
  const args = ['--input-type=module', '--eval', text]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: START_MS / 2 })
  assert.deepEqual([status, stdout], [0, 'the daemon did not start (status 0): \n'])
})

test('a killed daemon is an error that says so', async () => {
  const server = await startServer()
  const client = new Client(server.socket, { retryMs: SOON_MS })
  await client.credits.getBalance({ userId: 'u1' })
  await server.kill()
  await assert.rejects(client.credits.getBalance({ userId: 'u1' }), (error) => {
    return error instanceof ConnectionLost && /cannot connect to/.test(error.message)
  })
  await assert.rejects(server.restart(), /keep/)
  assert.equal(await server.stop(), null)
})

test('calls outlive kills of the daemon and are applied once', async (t) => {
  const [callers, calls, kills] = [8, 100, 4]
  const server = await startServer({ keep: true })
  t.after(() => server.stop())
  const client = server.client({ ...PATIENT })
  const userIds = Array.from({ length: callers }, (_, number) => `u${number}`)
  for (const userId of userIds) {
    await client.credits.addPurchase({ userId, paymentId: userId, amountMicros: BigInt(calls) })
  }
  let done = 0
  const spending = userIds.map(async (userId) => {
    for (let call = 0; call < calls; call += 1) {
      await client.credits.consume({ userId, amountMicros: 1n })
      done += 1
    }
  })
  for (let kill = 1; kill <= kills; kill += 1) {
    await waitUntil(() => done >= (callers * calls * kill) / (kills + 1))
    await server.restart()
  }
  await Promise.all(spending)
  // None was lost, or the call would have failed; none was applied twice, or there were too little.
  const { balances } = await client.credits.batchGetBalances({ userIds })
  assert.deepEqual(balances.map((balance) => balance.availableMicros), Array(callers).fill(0n))
  assert.deepEqual(balances.map((balance) => balance.version), Array(callers).fill(BigInt(calls + 1)))
})
