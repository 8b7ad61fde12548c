// What a user writes with a client, for the compiler only.

import {
  Client,
  ClientClosed,
  Code,
  ConnectionLost,
  dollars,
  formatDollars,
  InsufficientCredits,
  newKey,
  RunStatus,
  TallyError,
  toDate,
} from '../src/index.js'
import { startServer, useTally } from '../src/testing.js'

export async function charge(client: Client, userId: string): Promise<string> {
  const acting: Client = client.actingAs(userId)
  try {
    const reply = await acting.credits.consume({ userId, amountMicros: dollars('0.25') }, { timeoutMs: 500 })
    const at: Date = toDate(reply.transaction?.createdAtMicros ?? 0n)
    return `${at.toISOString()} ${formatDollars(reply.balance?.availableMicros ?? 0n)}`
  } catch (error) {
    if (error instanceof InsufficientCredits) {
      const short: bigint = error.requiredMicros - error.availableMicros
      // @ts-expect-error
      error.retryAfterMillis
      return formatDollars(short)
    }
    if (error instanceof ConnectionLost) return String(error.maybeApplied)
    if (error instanceof TallyError && error.code === Code.NOT_FOUND) return error.reason
    throw error
  }
}

export async function generate(client: Client): Promise<bigint> {
  const run = await client.run({ userId: 'u', model: 'm', type: 'text', estimateMicros: 5n })
  // @ts-expect-error
  await run.finish({ costMicros: 5 })
  // @ts-expect-error
  await run.finish({ runId: 'other' })
  await run.finish({ costMicros: 5n, inputTokens: 7n })
  await run[Symbol.asyncDispose]()
  const cost: number = await client.withRun({ userId: 'u' }, async (begun) => {
    await begun.fail(new Error('no'), { costMicros: 1n })
    return begun.ended?.run?.status === RunStatus.FAILED ? 1 : 0
  })
  const hold = await client.hold({ userId: 'u', amountMicros: dollars('1') })
  // @ts-expect-error
  await hold.capture(0.25)
  const captured = await hold.capture(250_000n, { description: 'a page' })
  return captured.hold?.capturedMicros ?? BigInt(cost)
}

export async function verify(client: Client, signal: AbortSignal): Promise<string[]> {
  const found: string[] = []
  const stream = client.admin.verify({}, { signal })
  for await (const check of stream) found.push(check.title)
  await stream[Symbol.asyncDispose]()
  return found
}

export function make(): Client[] {
  // @ts-expect-error
  new Client({ timeout: 5 })
  // @ts-expect-error
  dollars(0.25)
  new ClientClosed().message
  const metadata = { a: newKey() }
  return [new Client(), new Client('/s', { retryMs: 0 }), new Client({ socket: '/s', metadata })]
}

export async function test(): Promise<void> {
  const tally = useTally()
  await tally.clock.advance({ days: 31 })
  await tally.failures.dropAfter({ method: 'CreditService/Consume', count: 2 })
  // @ts-expect-error
  await tally.failures.storeFull({ method: 'CreditService/Consume' })
  const server = await startServer({ keep: true })
  await server.fixtures.load({ purchases: [{ userId: 'u', paymentId: 'p', amountMicros: 5n }] })
  const status: number | null = await server.stop()
  status?.toFixed()
}
