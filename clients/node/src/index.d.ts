/** Client for Tallystick: prepaid credits, usage and pages, kept exactly, over a Unix socket. */

export { Client, ClientOptions, DEFAULT_RETRY_MS, DEFAULT_TIMEOUT_MS, defaultSocket } from './client.js'
export * from './errors.js'
export { RunStatus } from './generated/tallystick/v1/usage.js'
export { CallOptions, Duplex, ServerStream } from './method.js'
export { dollars, formatDollars } from './money.js'
export { Hold, Run, RunResult } from './runs.js'
export { toDate, toMicros } from './times.js'
export {
  EventWatch,
  EventWatchOptions,
  PageWatch,
  PageWatchOptions,
  TransactionWatch,
  WatchOptions,
} from './watch.js'

/** A fresh idempotency key, a UUID of version 7 that is greater than every earlier one of this process. */
export declare function newKey(): string
