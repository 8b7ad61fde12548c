// What a user writes, for the compiler only.

import { CodecError, MessageCodec } from '../src/codec.js'
import * as errors from '../src/generated/errors.js'
import {
  ConsumeRequest,
  ConsumeRequestInit,
  ConsumeResponse,
  FinishRunRequestInit,
  Run,
  RunStatus,
} from '../src/generated/messages.js'
import { CreditService, UsageService } from '../src/generated/services/index.js'
import { Caller, ServerStream } from '../src/method.js'
import { Maps, MapsInit, Outer_Middle_Kind, Singular } from './generated/kinds.js'

declare const caller: Caller

export async function charge(): Promise<bigint> {
  const credits = new CreditService(caller)
  const request: ConsumeRequestInit = { userId: 'u1', amountMicros: 250_000n, metadata: { a: 'b' } }
  const options = { timeoutMs: 500, signal: new AbortController().signal, metadata: { a: 'b' } }
  const response: ConsumeResponse = await credits.consume(request, options)
  // A message within may be absent.
  // @ts-expect-error
  response.transaction.sequence
  // @ts-expect-error
  await credits.consume({ userId: 'u1', amountMicros: 5 })
  // @ts-expect-error
  await credits.consume({ userId: 'u1', amountMicros: new Date() })
  // @ts-expect-error
  await credits.consume({ user: 'u1' })
  // @ts-expect-error
  await credits.consume()
  return response.transaction?.balanceAfterMicros ?? 0n
}

export function finish(run: Run): FinishRunRequestInit {
  const unknown: RunStatus = 99
  const name: string | undefined = RunStatus.nameOf(run.status)
  // @ts-expect-error
  RunStatus.FINISHED
  const cost = run.status === unknown || name === undefined ? undefined : 5n
  return { runId: run.runId, status: RunStatus.SUCCEEDED, costMicros: cost }
}

export function record(usage: UsageService, at: Date) {
  async function* runs() {
    yield { runId: 'r1', startedAtMicros: at }
    yield { runId: 'r2', startedAtMicros: BigInt(at.getTime()) * 1000n }
  }
  usage.streamRuns([{ runId: 'r1' }])
  return usage.streamRuns(runs())
}

export function insufficient(error: unknown): bigint {
  if (error instanceof errors.InsufficientCredits) return error.availableMicros + error.requiredMicros
  if (error instanceof errors.VersionConflict) return BigInt(error.author.length)
  const found: typeof errors.RateLimited = errors.BY_REASON.RATE_LIMITED
  if (error instanceof found) return error.retryAfterMillis
  throw error
}

export function codec<T extends Init, Init>(codec: MessageCodec<T, Init>, init: Init): T {
  try {
    return codec.fromJson(codec.toJson(codec.decode(codec.encode(init))))
  } catch (error) {
    throw error instanceof CodecError ? new Error(error.message) : error
  }
}

// What was decoded may be given again.
export const again: Uint8Array = ConsumeRequest.encode(ConsumeRequest.create({}))
export const maps: MapsInit = {
  ...Maps.create(),
  byInt64: new Map([[5n, 'a']]),
  byString: { a: 'b' },
  toInner: { a: { number: 1 } },
}
export const kind: Outer_Middle_Kind = 1
export const { bytesValue }: Singular = Singular.create({ bytesValue: new Uint8Array(1), sint64Value: 1n })

export async function watch(stream: ServerStream<ConsumeResponse>): Promise<number> {
  let count = 0
  for await (const response of stream) count += response.commitPosition
  return count
}
