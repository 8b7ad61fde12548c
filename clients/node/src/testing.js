/**
 * A real daemon for tests, and its hooks for `node:test`.
 *
 *     import { useTally } from 'tallystick/testing'
 *
 *     const tally = useTally()
 *
 *     test('a charge', async () => {
 *       await tally.client.credits.addPurchase({ userId: 'u1', paymentId: 'p1', amountMicros: 1_000_000n })
 *     })
 *
 * @module
 */

import { after, before, beforeEach } from 'node:test'

import { HarnessError, startServer } from './harness.js'

export { findBinary, HarnessError, Server, startServer } from './harness.js'
export { Clock, Failures } from './test-control.js'

/**
 * The daemon of this process, which is one test file: `node --test` runs each in a process of its own.
 *
 * @type {{ server: Promise<import('./harness.js').Server>, users: number } | undefined}
 */
let shared = undefined

/**
 * Registers hooks, for the whole file or for the suite in which it is called: a daemon, empty for each test.
 * Suites of one file share it unless they ask for options of their own.
 *
 * @param {import('./harness.js').ServerOptions & { clientOptions?: object }} [options]
 * @returns {Tally}
 */
export function useTally(options) {
  const tally = new Tally()
  const isOwn = options !== undefined
  before(async () => {
    if (isOwn) {
      tally.open(await startServer(options), options.clientOptions)
      return
    }
    shared ??= { server: startServer(), users: 0 }
    shared.users += 1
    tally.open(await shared.server)
  })
  beforeEach(() => tally.server.reset())
  after(async () => {
    const server = tally.close()
    if (!isOwn) {
      if (shared === undefined || --shared.users > 0) return
      shared = undefined
    }
    await server?.stop()
  })
  return tally
}

/** What a test has in its hands. */
class Tally {
  /** @type {import('./harness.js').Server | undefined} */
  #server = undefined
  /** @type {import('./client.js').Client | undefined} */
  #client = undefined

  /**
   * @param {import('./harness.js').Server} server
   * @param {object} [clientOptions]
   */
  open(server, clientOptions) {
    this.#server = server
    this.#client = server.client(clientOptions)
  }

  close() {
    const server = this.#server
    this.#server = this.#client = undefined
    return server
  }

  /** The daemon. */
  get server() {
    if (this.#server === undefined) throw new HarnessError('the daemon runs while the tests do')
    return this.#server
  }

  /** A client of the daemon. */
  get client() {
    if (this.#client === undefined) throw new HarnessError('the daemon runs while the tests do')
    return this.#client
  }

  /** Its clock. */
  get clock() {
    return this.server.clock
  }

  /** What shall fail. */
  get failures() {
    return this.server.failures
  }
}
