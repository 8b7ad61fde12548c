/// <reference path="disposable.d.ts" />
import type {
  BeginRunResponse,
  CaptureRequestInit,
  CaptureResponse,
  ExtendResponse,
  FinishRunRequestInit,
  FinishRunResponse,
  ReleaseResponse,
  ReserveResponse,
} from './generated/messages.js'
import type { CreditService } from './generated/services/credit_service.js'
import type { UsageService } from './generated/services/usage_service.js'
import type { CallOptions } from './method.js'

/** What a run came to: tokens, images and cost. */
export type RunResult = Omit<FinishRunRequestInit, 'runId' | 'attempt'>

/** A run that was begun. Finish it, or it is recorded as cancelled, at no cost, when its block ends. */
export declare class Run implements AsyncDisposable {
  /** Made by `client.run`. */
  constructor(usage: UsageService, reply: BeginRunResponse, runId: string, attempt?: number | undefined)
  readonly runId: string
  /** Which attempt of the run, as it was begun; the first when undefined. */
  readonly attempt: number | undefined
  /** What the server answered when it was begun: the run, its hold, and the balance. */
  readonly begun: BeginRunResponse
  /** What the server answered when it ended; undefined before. */
  readonly ended: FinishRunResponse | undefined
  /**
   * The work is done: charges what it cost, or what the plan's prices say when no cost is given. Ended
   * already, returns that end.
   */
  finish(result?: RunResult, options?: CallOptions): Promise<FinishRunResponse>
  /** The work failed: charges nothing unless a cost is given. The error's text is recorded. */
  fail(
    error: unknown,
    result?: Omit<RunResult, 'status' | 'error'>,
    options?: CallOptions,
  ): Promise<FinishRunResponse>
  /** The work was given up: charges nothing unless a cost is given. */
  cancel(result?: Omit<RunResult, 'status'>, options?: CallOptions): Promise<FinishRunResponse>
  /** Ends it as failed, at no cost, unless it has ended. Never rejects: for a block that threw this error. */
  abandon(error: unknown): Promise<void>
  /** Ends it as cancelled unless it has ended. Never rejects: a failure is a warning of the process. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Credit that is held. Capture what the work cost, or it is released when its block ends. */
export declare class Hold implements AsyncDisposable {
  /** Made by `client.hold`. */
  constructor(credits: CreditService, reply: ReserveResponse, idempotencyKey: string)
  readonly holdId: string
  /** What the server answered when it was made: the hold, its transaction, and the balance. */
  readonly begun: ReserveResponse
  /** What the server answered when it was captured or released; undefined before. */
  readonly ended: CaptureResponse | ReleaseResponse | undefined
  /**
   * Charges an amount, at most what is held unless `overage` is `Overage.DRAW`, and gives the rest back. All
   * of it when none is given.
   */
  capture(
    amountMicros?: bigint,
    more?: Omit<CaptureRequestInit, 'holdId' | 'amountMicros'>,
    options?: CallOptions,
  ): Promise<CaptureResponse>
  /** Gives all of it back. */
  release(options?: CallOptions): Promise<ReleaseResponse>
  /** Holds it for so long from now. */
  extend(ttlMillis: bigint, options?: CallOptions): Promise<ExtendResponse>
  /** Releases it unless it has ended. Never rejects: a failure is a warning of the process. */
  [Symbol.asyncDispose](): Promise<void>
}
