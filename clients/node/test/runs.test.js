// Runs and holds that end with their block.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'

import { dollars, RunStatus } from '../src/index.js'
import { Cancelled, ConnectionLost, InsufficientCredits, InvalidField, QuotaExceeded } from '../src/errors.js'
import { LONGEST_ERROR_BYTES } from '../src/runs.js'
import { GrantExpiry, HoldState } from '../src/messages.js'
import { useTally } from '../src/testing.js'
import { SOON_MS, waitUntil } from './patience.js'

const tally = useTally({ clientOptions: { retryMs: SOON_MS } })
// Without a type, which is `text` then.
const RUN = { userId: 'u1', model: 'm', estimateMicros: 400_000n }
const HOLD = { userId: 'u1', amountMicros: 400_000n }
const dispose = (resource) => resource[Symbol.asyncDispose]()

async function fund(userId = 'u1') {
  await tally.client.credits.addPurchase({ userId, paymentId: userId, amountMicros: dollars('1.00') })
}

async function balance() {
  const { availableMicros, heldMicros } = (await tally.client.credits.getBalance({ userId: 'u1' })).balance
  return [availableMicros, heldMicros]
}

async function recorded(runId) {
  return (await tally.client.usage.getRun({ runId })).run
}

test('a run that is finished is charged once', async () => {
  await fund()
  const run = await tally.client.run(RUN)
  assert.match(run.runId, /^[0-9a-f-]{36}$/)
  assert.equal(run.begun.run.status, RunStatus.RUNNING)
  assert.equal(run.begun.run.type, 'text')
  assert.deepEqual(await balance(), [600_000n, 400_000n])
  const ended = await run.finish({ costMicros: 250_000n, inputTokens: 10n })
  assert.equal(await run.finish({ costMicros: 1n }), ended)
  assert.equal(run.ended, ended)
  await dispose(run)
  assert.deepEqual(await balance(), [750_000n, 0n])
  const { status, inputTokens, chargedMicros } = await recorded(run.runId)
  assert.deepEqual([status, inputTokens, chargedMicros], [RunStatus.SUCCEEDED, 10n, 250_000n])
})

test('a run that is left is cancelled and costs nothing', async () => {
  await fund()
  const run = await tally.client.run({ ...RUN, runId: 'job-1' })
  assert.equal(run.runId, 'job-1')
  await dispose(run)
  await dispose(run)
  assert.deepEqual(await balance(), [1_000_000n, 0n])
  assert.equal((await recorded('job-1')).status, RunStatus.CANCELLED)
  assert.equal(run.ended.run.status, RunStatus.CANCELLED)
})

test('a run fails and is cancelled by its own words, at what cost is named', async () => {
  await fund()
  const failed = await tally.client.run(RUN)
  await failed.fail(new Error('the model is down'), { costMicros: 5n })
  const { status, error, costMicros } = await recorded(failed.runId)
  assert.deepEqual([status, error, costMicros], [RunStatus.FAILED, 'the model is down', 5n])
  const cancelled = await tally.client.run(RUN)
  await cancelled.cancel({ outputTokens: 3n })
  const after = await recorded(cancelled.runId)
  assert.deepEqual([after.status, after.outputTokens, after.costMicros], [RunStatus.CANCELLED, 3n, 0n])
})

test('the text of a long error is cut between characters', async () => {
  // Five bytes a pair: two bytes before the limit the next character has three.
  const cases = [
    ['x'.repeat(2000), LONGEST_ERROR_BYTES],
    ['ü€'.repeat(500), LONGEST_ERROR_BYTES - 2],
  ]
  for (const [text, length] of cases) {
    const run = await tally.client.run({ ...RUN, estimateMicros: 0n })
    await run.fail(`${text}`)
    const { error } = await recorded(run.runId)
    assert.equal(Buffer.byteLength(error), length)
    assert.ok(text.startsWith(error))
  }
  const run = await tally.client.run({ ...RUN, estimateMicros: 0n })
  await run.fail('a\0b')
  assert.equal((await recorded(run.runId)).error, 'a b')
})

test('withRun returns what the work returned, and ends what it left', async () => {
  await fund()
  const { client } = tally
  const finished = await client.withRun(RUN, async (run) => {
    await run.finish({ costMicros: 1n })
    return run
  })
  assert.equal((await recorded(finished.runId)).status, RunStatus.SUCCEEDED)
  const left = await client.withRun(RUN, async (run) => run)
  assert.equal((await recorded(left.runId)).status, RunStatus.CANCELLED)
  const work = async () => {
    throw new RangeError('broken')
  }
  await assert.rejects(client.withRun({ ...RUN, runId: 'broken' }, work), RangeError)
  const { status, error } = await recorded('broken')
  assert.deepEqual([status, error], [RunStatus.FAILED, 'broken'])
  assert.deepEqual(await balance(), [999_999n, 0n])
})

test('what cannot be begun is not ended either', async () => {
  await assert.rejects(tally.client.run(RUN), InsufficientCredits)
  await assert.rejects(tally.client.hold(HOLD), InsufficientCredits)
  const planId = 'small'
  const limits = { monthlyGenerations: 0n }
  const plan = { planId, monthlyCreditMicros: 1n, grantExpiry: GrantExpiry.NEVER, limits }
  await tally.client.usage.putPlan({ plan })
  await tally.client.admin.putUserSettings({ settings: { userId: 'u1', planId } })
  await fund()
  let worked = false
  const work = async () => (worked = true)
  await assert.rejects(tally.client.withRun(RUN, work), QuotaExceeded)
  assert.equal(worked, false)
})

test('a finish that was refused leaves the run to be ended otherwise', async () => {
  await fund()
  const run = await tally.client.run(RUN)
  await assert.rejects(run.finish({ costMicros: -1n }), (error) => error.code === 3)
  await assert.rejects(run.finish({ costMicros: 0.5 }), TypeError)
  await assert.rejects(run.finish({ error: 'x'.repeat(1025) }), InvalidField)
  await dispose(run)
  assert.equal((await recorded(run.runId)).status, RunStatus.CANCELLED)
})

test('a finish whose outcome is open is repeated as it was', async () => {
  await fund()
  const run = await tally.client.run(RUN)
  // As long as the retries last; then disposal finds out.
  await tally.failures.dropAfter({ method: 'UsageService/FinishRun' })
  await tally.failures.refuseConnection({ count: 1000 })
  await assert.rejects(run.finish({ costMicros: 250_000n }), { code: 14, maybeApplied: true })
  await tally.failures.clear()
  await dispose(run)
  assert.equal(run.ended.run.status, RunStatus.SUCCEEDED)
  assert.deepEqual(await balance(), [750_000n, 0n])
})

test('what may have begun is ended before the error comes', async () => {
  await fund()
  for (const begin of [
    (signal) => tally.client.run({ ...RUN, runId: 'r1' }, { signal }),
    (signal) => tally.client.hold({ ...HOLD, idempotencyKey: 'k' }, { signal }),
  ]) {
    const controller = new AbortController()
    await tally.failures.storeDelay(60_000)
    const begun = assert.rejects(begin(controller.signal), (error) => {
      return error instanceof Cancelled && error.maybeApplied
    })
    // The commit is under way, and will be made.
    await waitUntil(async () => (await tally.failures.list())[0].happened > 0n)
    controller.abort()
    await tally.failures.clear()
    await begun
  }
  assert.equal((await recorded('r1')).status, RunStatus.CANCELLED)
  const { holds } = await tally.client.credits.listHolds({ userId: 'u1' })
  assert.deepEqual(holds.map((hold) => hold.state), [HoldState.RELEASED, HoldState.RELEASED])
  assert.deepEqual(await balance(), [1_000_000n, 0n])
})

test('disposal finishes what was aborted, by none of its signals and times', async () => {
  await fund()
  const abortOnceDelayed = async (method, call) => {
    const id = await tally.failures.delay(60_000, { method })
    const controller = new AbortController()
    const called = call({ signal: controller.signal })
    const isIt = ({ failureId, happened }) => failureId === id && happened > 0n
    await waitUntil(async () => (await tally.failures.list()).some(isIt))
    controller.abort()
    await called
  }
  const work = (run) => {
    const finish = (options) => run.finish({ costMicros: 250_000n }, options)
    return abortOnceDelayed('UsageService/FinishRun', finish)
  }
  await assert.rejects(tally.client.withRun({ ...RUN, runId: 'r1' }, work), Cancelled)
  assert.equal((await recorded('r1')).status, RunStatus.SUCCEEDED)
  const hold = await tally.client.hold(HOLD)
  const capture = (options) => hold.capture(50_000n, {}, options)
  await assert.rejects(abortOnceDelayed('CreditService/Capture', capture), Cancelled)
  await dispose(hold)
  assert.deepEqual(await balance(), [700_000n, 0n])
})

test('a finish that surely was not made is not made by disposal either', async () => {
  await fund()
  const run = await tally.client.run(RUN)
  await tally.failures.refuse({ method: 'UsageService/FinishRun', count: 1000 })
  await assert.rejects(run.finish({ costMicros: 250_000n }), { code: 14, maybeApplied: false })
  await tally.failures.clear()
  await dispose(run)
  assert.equal((await recorded(run.runId)).status, RunStatus.CANCELLED)
  assert.deepEqual(await balance(), [1_000_000n, 0n])
})

test("disposal hides no error of the block's, and what it could not do is a warning", async () => {
  await fund()
  await tally.failures.dropBefore({ method: 'UsageService/FinishRun', count: 1000 })
  const warned = once(process, 'warning')
  const work = async () => {
    throw new RangeError('broken')
  }
  await assert.rejects(tally.client.withRun({ ...RUN, runId: 'r1' }, work), RangeError)
  const [warning] = await warned
  assert.equal(warning.code, 'TALLY_NOT_RELEASED')
  assert.match(warning.message, /run r1 was not ended, and is held until it expires/)
})

test('a run that somebody else has ended is left alone', async () => {
  await fund()
  const run = await tally.client.run(RUN)
  await tally.client.usage.finishRun({ runId: run.runId, status: RunStatus.SUCCEEDED, costMicros: 5n })
  await dispose(run)
  assert.equal(run.ended, undefined)
  assert.equal((await recorded(run.runId)).status, RunStatus.SUCCEEDED)
})

test('a hold is captured once, and the rest goes back', async () => {
  await fund()
  const hold = await tally.client.hold(HOLD)
  assert.deepEqual(await balance(), [600_000n, 400_000n])
  const captured = await hold.capture(250_000n, { description: 'a page' })
  assert.equal(captured.transaction.description, 'a page')
  assert.equal(await hold.release(), captured)
  await dispose(hold)
  assert.deepEqual(await balance(), [750_000n, 0n])
  const whole = await tally.client.hold(HOLD)
  await whole.capture()
  assert.deepEqual(await balance(), [350_000n, 0n])
})

test('a hold that is left is released', async () => {
  await fund()
  const hold = await tally.client.hold(HOLD)
  const extended = await hold.extend(60_000n)
  assert.equal(extended.hold.holdId, hold.holdId)
  await assert.rejects(hold.capture(400_001n), { reason: 'CAPTURE_EXCEEDS_HOLD' })
  await dispose(hold)
  assert.deepEqual(await balance(), [1_000_000n, 0n])
  const released = await tally.client.hold(HOLD)
  await released.release()
  await dispose(released)
  const expired = await tally.client.hold({ ...HOLD, ttlMillis: 1000n })
  await tally.clock.advance({ hours: 1 })
  await dispose(expired)
  assert.deepEqual(await balance(), [1_000_000n, 0n])
})

test('withHold returns what the work returned, and releases what it left', async () => {
  await fund()
  const { client } = tally
  assert.equal(await client.withHold(HOLD, async (hold) => (await hold.capture(1n)).hold.capturedMicros), 1n)
  assert.equal(await client.withHold(HOLD, async () => 5), 5)
  const work = async () => {
    throw new RangeError('broken')
  }
  await assert.rejects(client.withHold(HOLD, work), RangeError)
  assert.deepEqual(await balance(), [999_999n, 0n])
})

test('a job that is done again under its key captures once', async () => {
  await fund()
  const hold = { ...HOLD, idempotencyKey: 'job-1' }
  const job = () => tally.client.withHold(hold, async (begun) => (await begun.capture(250_000n)).replayed)
  assert.deepEqual([await job(), await job()], [false, true])
  assert.deepEqual(await balance(), [750_000n, 0n])
})

test('a capture whose reply was lost is found by the same key', async () => {
  await fund()
  const hold = await tally.client.hold(HOLD)
  await tally.failures.dropAfter({ method: 'CreditService/Capture' })
  await tally.failures.refuseConnection({ count: 1000 })
  await assert.rejects(hold.capture(250_000n), (error) => {
    return error instanceof ConnectionLost && error.maybeApplied
  })
  await tally.failures.clear()
  const captured = await hold.capture(250_000n)
  assert.equal(captured.replayed, true)
  assert.deepEqual(await balance(), [750_000n, 0n])
})
