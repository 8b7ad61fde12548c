// The example web server, over HTTP, with a real daemon behind it.
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { after, before, test } from 'node:test'

import { createModel } from '../examples/web-server/model.js'
import { createServer } from '../examples/web-server/server.js'
import { dollars, RunStatus } from '../src/index.js'
import { GrantExpiry } from '../src/messages.js'
import { useTally } from '../src/testing.js'
import { SOON_MS } from './patience.js'

const tally = useTally({ clientOptions: { retryMs: SOON_MS } })
const model = createModel()
const access = new EventEmitter()
let server
let url

before(async () => {
  await once(model.listen(0, '127.0.0.1'), 'listening')
  const modelUrl = `http://127.0.0.1:${model.address().port}/`
  server = createServer({ tally: tally.client, modelUrl, log: (line) => access.emit('line', line) })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${server.address().port}`
  // Where no daemon starts, nobody closes them.
  for (const each of [server, model]) each.unref()
})
after(() => {
  for (const each of [server, model]) {
    each.close()
    each.closeAllConnections?.()
  }
})

async function fund(amount = '1.00') {
  await tally.client.credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: dollars(amount) })
}

async function generate(body, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const reply = await fetch(`${url}/generate`, { method: 'POST', body: text, headers })
  return { status: reply.status, retryAfter: reply.headers.get('retry-after'), ...(await reply.json()) }
}

const HELLO = { userId: 'u1', prompt: 'hello old world' }

async function runs() {
  return (await tally.client.usage.listRuns({ userId: 'u1' })).runs
}

async function held() {
  return (await tally.client.credits.getBalance({ userId: 'u1' })).balance.heldMicros
}

test('a generation is charged what it took, and shows in the stats', async () => {
  await fund()
  const { status, text, cost, left, runId } = await generate(HELLO)
  assert.deepEqual([status, text, cost, left], [200, 'world old hello', '0.0006', '0.9994'])
  const [run] = await runs()
  assert.deepEqual([run.runId, run.status, run.inputTokens], [runId, RunStatus.SUCCEEDED, 3n])
  const stats = await (await fetch(`${url}/stats/u1`)).json()
  assert.equal(stats.totals.count, '1')
  assert.equal(stats.totals.costMicros, '600')
  assert.equal(stats.byModel[0].name, 'reverser-1')
  assert.equal(stats.days.length, 7)
})

test('a request that is sent again is charged once', async () => {
  await fund()
  const headers = { 'idempotency-key': 'request-1' }
  const first = await generate(HELLO, headers)
  assert.deepEqual(await generate(HELLO, headers), first)
  assert.equal((await runs()).length, 1)
  // The run was finished at another cost.
  assert.equal((await generate({ userId: 'u1', prompt: 'other' }, headers)).status, 409)
})

test('a user without enough credit pays first, and two at once cannot overdraw', async () => {
  const refused = await generate(HELLO)
  assert.deepEqual(refused, {
    status: 402,
    retryAfter: null,
    error: 'INSUFFICIENT_CREDITS',
    required: '0.05',
    available: '0.00',
  })
  await fund('0.06')
  const both = await Promise.all([generate(HELLO), generate(HELLO)])
  assert.equal(both.filter((reply) => reply.status === 200).length >= 1, true)
  for (const run of await runs()) assert.equal(run.uncollectedMicros, 0n)
})

test('who calls too often, or has used the plan up, is told when to come back', async () => {
  await fund()
  const details = { retry_after_millis: '2500' }
  await tally.failures.refuse({ method: 'UsageService/BeginRun', reason: 'RATE_LIMITED', details })
  const limited = await generate(HELLO)
  assert.deepEqual([limited.status, limited.retryAfter, limited.error], [429, '3', 'RATE_LIMITED'])
  const limits = { monthlyGenerations: 0n }
  const plan = { planId: 'none', monthlyCreditMicros: 1n, grantExpiry: GrantExpiry.NEVER, limits }
  await tally.client.usage.putPlan({ plan })
  await tally.client.admin.putUserSettings({ settings: { userId: 'u1', planId: 'none' } })
  const exceeded = await generate(HELLO)
  assert.deepEqual([exceeded.status, exceeded.error], [429, 'QUOTA_EXCEEDED'])
  assert.ok(Number(exceeded.retryAfter) >= 1 && Number(exceeded.retryAfter) <= 31 * 86_400)
})

test('a model that fails costs nothing, and the run says why', async () => {
  await fund()
  const { status, error } = await generate({ userId: 'u1', prompt: 'fail' })
  assert.deepEqual([status, error], [502, 'the model answered 500'])
  const [run] = await runs()
  assert.deepEqual([run.status, run.error], [RunStatus.FAILED, 'the model answered 500'])
  assert.equal(run.chargedMicros, 0n)
  assert.equal(await held(), 0n)
})

test('a browser that goes away cancels its run', async () => {
  await fund()
  const controller = new AbortController()
  const asked = once(model, 'request')
  const body = JSON.stringify({ userId: 'u1', prompt: 'slow thoughts' })
  const reply = fetch(`${url}/generate`, { method: 'POST', body, signal: controller.signal })
  await asked
  const logged = once(access, 'line')
  controller.abort()
  await assert.rejects(reply, { name: 'AbortError' })
  assert.deepEqual(await logged, ['POST /generate 499'])
  const [run] = await runs()
  assert.deepEqual([run.status, run.chargedMicros], [RunStatus.CANCELLED, 0n])
  assert.equal(await held(), 0n)
})

test('a daemon that is away is not the end of the world', async () => {
  await tally.failures.refuse({ count: 1000 })
  const { status, retryAfter } = await generate(HELLO)
  assert.deepEqual([status, retryAfter], [503, '1'])
  await tally.failures.clear()
})

test('what makes no sense is refused', async () => {
  for (const body of ['', 'null', '{"userId":1,"prompt":"x"}', '{"userId":"u1"}', '{']) {
    assert.equal((await generate(body)).status, 400, body)
  }
  assert.equal((await generate({ userId: '', prompt: 'x' })).status, 400)
  assert.equal((await generate({ userId: 'u1', prompt: 'x'.repeat(70_000) })).status, 400)
  assert.equal((await fetch(`${url}/nowhere`)).status, 404)
})
