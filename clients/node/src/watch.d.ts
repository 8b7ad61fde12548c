/// <reference path="disposable.d.ts" />
import type { Transaction } from './generated/messages.js'
import type { CreditService } from './generated/services/credit_service.js'
import type { CallOptions } from './method.js'

export interface WatchOptions {
  /** The sequence of the first row; the next row that is committed when absent or 0. */
  fromSequence?: bigint | undefined
  /** Whose rows; all users' when absent or empty. */
  userIds?: Iterable<string> | undefined
}

/**
 * The ledger's rows as they are committed, without end. It goes on by itself when its stream reached its
 * lifetime, the server was restarted or the reader fell behind. Leaving its loop ends it on the server too.
 */
export declare class TransactionWatch implements AsyncIterableIterator<Transaction>, AsyncDisposable {
  /** Made by `client.watch`. */
  constructor(credits: CreditService, watch: WatchOptions, retryMs: number, options?: CallOptions)
  /** The `fromSequence` of a watch that goes on after the last row that came; 0 before it is known. */
  readonly nextSequence: bigint
  /** Waits until the server has said where the watch begins, as the first row would. */
  begin(): Promise<this>
  next(): Promise<IteratorResult<Transaction, undefined>>
  /** Ends the watch. */
  return(): Promise<{ value: undefined; done: true }>
  /** As `return`. */
  close(): Promise<void>
  [Symbol.asyncIterator](): this
  [Symbol.asyncDispose](): Promise<void>
}
