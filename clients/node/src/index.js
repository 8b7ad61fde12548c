/**
 * Client for Tallystick: prepaid credits, usage and pages, kept exactly, over a Unix socket.
 *
 * @module
 */

export { Client, DEFAULT_RETRY_MS, DEFAULT_TIMEOUT_MS, defaultSocket } from './client.js'
export * from './errors.js'
export { RunStatus } from './generated/tallystick/v1/usage.js'
export { newKey } from './keys.js'
export { dollars, formatDollars } from './money.js'
export { Hold, Run } from './runs.js'
export { toDate, toMicros } from './times.js'
export { EventWatch, PageWatch, TransactionWatch } from './watch.js'
