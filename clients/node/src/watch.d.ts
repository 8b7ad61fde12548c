/// <reference path="disposable.d.ts" />
import type { Event, PageUpdate, Transaction } from './generated/messages.js'
import type { CreditService } from './generated/services/credit_service.js'
import type { PageService } from './generated/services/page_service.js'
import type { UsageService } from './generated/services/usage_service.js'
import type { CallOptions } from './method.js'

export interface WatchOptions {
  /** The sequence of the first row; the next row that is committed when absent or 0. */
  fromSequence?: bigint | undefined
  /** Whose rows; all users' when absent or empty. */
  userIds?: Iterable<string> | undefined
}

export interface EventWatchOptions {
  /** The id of the first event; the next event that is committed when absent or 0. */
  fromEventId?: bigint | undefined
  /** Whose events; all users' when absent or empty. */
  userIds?: Iterable<string> | undefined
}

export interface PageWatchOptions {
  /** The number of the first change; the next change that is committed when absent or 0. */
  fromUpdate?: bigint | undefined
  /** Whose pages; all users' when absent or empty. */
  userIds?: Iterable<string> | undefined
}

/**
 * Rows as they are committed, without end. It goes on by itself when its stream reached its lifetime, the
 * server was restarted or the reader fell behind. Leaving its loop ends it on the server too.
 */
declare class Watch<Row> implements AsyncIterableIterator<Row>, AsyncDisposable {
  /** Where a watch begins that goes on after the last row that came; 0 before it is known. */
  readonly nextNumber: bigint
  /** Waits until the server has said where the watch begins, as the first row would. */
  begin(): Promise<this>
  next(): Promise<IteratorResult<Row, undefined>>
  /** Ends the watch. */
  return(): Promise<{ value: undefined; done: true }>
  /** As `return`. */
  close(): Promise<void>
  [Symbol.asyncIterator](): this
  [Symbol.asyncDispose](): Promise<void>
}

/** The ledger's rows as they are committed. */
export declare class TransactionWatch extends Watch<Transaction> {
  /** Made by `client.watch`. */
  constructor(credits: CreditService, watch: WatchOptions, retryMs: number, options?: CallOptions)
  /** The `fromSequence` of a watch that goes on after the last row that came; 0 before it is known. */
  readonly nextSequence: bigint
}

/**
 * Events as they are committed. Whoever keeps `nextEventId` after each event that was dealt with, and begins
 * there after a restart of their own, meets each event at least once.
 */
export declare class EventWatch extends Watch<Event> {
  /** Made by `client.watchEvents`. */
  constructor(usage: UsageService, watch: EventWatchOptions, retryMs: number, options?: CallOptions)
  /** The `fromEventId` of a watch that goes on after the last event that came; 0 before it is known. */
  readonly nextEventId: bigint
}

/**
 * Changes of pages as they are committed; a page that changed several times while the watch was cut comes
 * once, by its last change. Whoever keeps `nextUpdate` after each change that was dealt with, and begins
 * there after a restart of their own, misses no page.
 */
export declare class PageWatch extends Watch<PageUpdate> {
  /** Made by `client.watchPages`. */
  constructor(pages: PageService, watch: PageWatchOptions, retryMs: number, options?: CallOptions)
  /** The `fromUpdate` of a watch that goes on after the last change that came; 0 before it is known. */
  readonly nextUpdate: bigint
}
