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

import { Client } from './client.js'
import { TestControl } from './generated/services/test_control.js'
import { HarnessError, startServer, TEST_TIMEOUT_MS } from './harness.js'
import { Clock, Failures, Fixtures, Snapshots } from './test-control.js'

export { findBinary, HarnessError, Server, startServer } from './harness.js'
export { Clock, Failures, Fixtures, Snapshots } from './test-control.js'

/**
 * The daemon of this process, which is one test file: `node --test` runs each in a process of its own.
 *
 * @type {{ server: Promise<import('./harness.js').Server>, users: number } | undefined}
 */
let shared = undefined

/**
 * Registers hooks, for the whole file or for the suite in which it is called: a daemon, empty for each test.
 * Suites of one file share it unless they ask for options of their own. What it returns may be used at once:
 * calls wait until the daemon accepts them.
 *
 * @param {import('./harness.js').ServerOptions & { clientOptions?: object }} [options]
 * @returns {Tally}
 */
export function useTally(options) {
  const tally = new Tally(options?.clientOptions)
  const isOwn = options !== undefined
  before(async () => {
    if (isOwn) {
      tally.open(await startServer(options))
      return
    }
    shared ??= { server: startServer(), users: 0 }
    shared.users += 1
    tally.open(await shared.server)
  })
  beforeEach(() => tally.server.reset())
  after(async () => {
    const server = await tally.close()
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
  /** @type {(socket: string) => void} */
  #tell = () => undefined
  #controlling

  /** @param {object} [clientOptions] */
  constructor(clientOptions) {
    const socket = /** @type {Promise<string>} */ (new Promise((resolve) => (this.#tell = resolve)))
    /** A client of the daemon. */
    this.client = new Client({ timeoutMs: TEST_TIMEOUT_MS, ...clientOptions, socket })
    // A connection of its own, which outlives what a test does to the others.
    this.#controlling = new Client({ timeoutMs: TEST_TIMEOUT_MS, socket })
    const control = new TestControl(this.#controlling.caller)
    /** The daemon's clock. */
    this.clock = new Clock(control)
    /** Puts into it what files list. */
    this.fixtures = new Fixtures(control)
    /** Copies of what it holds. */
    this.snapshots = new Snapshots(control)
    /** What shall fail. */
    this.failures = new Failures(control)
  }

  /** @param {import('./harness.js').Server} server */
  open(server) {
    this.#server = server
    this.#tell(server.socket)
  }

  async close() {
    await Promise.all([this.client.close(), this.#controlling.close()])
    return this.#server
  }

  /** The daemon; only while the tests run. */
  get server() {
    if (this.#server === undefined) throw new HarnessError('the daemon runs while the tests do')
    return this.#server
  }
}
