/// <reference path="disposable.d.ts" />
import type { AdminService } from './generated/services/admin_service.js'
import type { Control } from './generated/services/control.js'
import type { CreditService } from './generated/services/credit_service.js'
import type { PageService } from './generated/services/page_service.js'
import type { UsageService } from './generated/services/usage_service.js'
import type { BeginRunRequestInit, ReserveRequestInit } from './generated/messages.js'
import type { CallOptions, Caller } from './method.js'
import type { Hold, Run } from './runs.js'
import type {
  EventWatch,
  EventWatchOptions,
  PageWatch,
  PageWatchOptions,
  TransactionWatch,
  WatchOptions,
} from './watch.js'

/** Milliseconds that a call may take, its retries included. */
export declare const DEFAULT_TIMEOUT_MS: number
/** Milliseconds after its start in which a call that did not get through is tried again. */
export declare const DEFAULT_RETRY_MS: number

/** `TALLY_SOCKET`; else the socket below `XDG_RUNTIME_DIR` if it is there; else the system's. */
export declare function defaultSocket(environment?: Readonly<Record<string, string | undefined>>): string

export interface ClientOptions {
  /** The socket's path, at most 107 bytes; `defaultSocket()` when absent. Calls wait for a promise of it. */
  socket?: string | Promise<string> | undefined
  /** How long a call may take, its retries included; 10,000 when absent. */
  timeoutMs?: number | undefined
  /** How long a call that did not get through is tried again; 5,000 when absent, never when 0. */
  retryMs?: number | undefined
  /** Calls under way at once, 1 to 65,536; 1,000 when absent. Further ones wait for their turn. */
  mostInFlight?: number | undefined
  /** Sent with each call. */
  metadata?: Readonly<Record<string, string>> | undefined
}

/** What a run is begun with. A `runId` is made when there is none; the `type` is `text` unless named. */
export type RunOptions = BeginRunRequestInit

/**
 * A connection to `tally serve`, which all calls share: they go down one socket at once.
 *
 * It connects with the first call, and again whenever the connection was lost. A call that did not get
 * through is tried again with the same idempotency key, for `retryMs`; `timeoutMs` bounds it all. An idle
 * client keeps no process alive.
 */
export declare class Client implements AsyncDisposable {
  constructor(options?: ClientOptions)
  constructor(socket: string, options?: Omit<ClientOptions, 'socket'>)

  /** The socket's path; empty while it is not known. */
  readonly socket: string
  /** Prepaid credits: balances, holds and the ledger. */
  readonly credits: CreditService
  /** Runs, what users have used of their plans, and plans. */
  readonly usage: UsageService
  /** Pages with their sections and versions, and media. */
  readonly pages: PageService
  /** Users, and the server itself. */
  readonly admin: AdminService
  /** Cancellation of other calls. */
  readonly control: Control
  /** For the stubs of further services. */
  readonly caller: Caller

  /** The same connection; calls carry these metadata as well. */
  withMetadata(metadata: Readonly<Record<string, string>>): Client
  /** The same connection; calls may touch this user's rows only. */
  actingAs(userId: string): Client

  /** Begins a run: checks the quota and holds the estimate. For `await using`; see also `withRun`. */
  run(run: RunOptions, options?: CallOptions): Promise<Run>
  /** Holds credit. For `await using`; see also `withHold`. */
  hold(hold: ReserveRequestInit, options?: CallOptions): Promise<Hold>
  /**
   * Begins a run, does the work, and returns what it returned. A run that the work has not ended is recorded
   * as cancelled, or as failed when the work threw, and costs nothing.
   */
  withRun<T>(run: RunOptions, work: (run: Run) => Promise<T>, options?: CallOptions): Promise<T>
  /**
   * Holds credit, does the work, and returns what it returned. What the work has neither captured nor
   * released is released.
   */
  withHold<T>(hold: ReserveRequestInit, work: (hold: Hold) => Promise<T>, options?: CallOptions): Promise<T>

  /**
   * The ledger's rows as they are committed, from a row on or from the next one: for `for await`. It goes on
   * by itself wherever its stream was cut, and has no end. The options are of each of its streams.
   */
  watch(watch?: WatchOptions, options?: CallOptions): TransactionWatch

  /**
   * Events as they are committed, from one on or from the next one: for `for await`. It goes on by itself
   * wherever its stream was cut, and has no end. The options are of each of its streams.
   */
  watchEvents(watch?: EventWatchOptions, options?: CallOptions): EventWatch

  /**
   * Changes of pages as they are committed, from one on or from the next one: for `for await`. From an
   * earlier one each page that changed since comes once. It goes on by itself wherever its stream was cut,
   * and has no end. The options are of each of its streams.
   */
  watchPages(watch?: PageWatchOptions, options?: CallOptions): PageWatch

  /** Ends the connection, also for every client that `actingAs` made from this one. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
