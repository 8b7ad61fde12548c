/**
 * A daemon for tests: private, empty, driven by a clock of its own, gone when it is stopped, and when this
 * process ends, however it ends.
 *
 * 1. The daemon's standard input is a pipe that only this process holds: it ends with this process, and the
 *    daemon with it.
 * 2. Neither the daemon nor its pipes keep this process alive.
 *
 * @module
 */

import { Client } from './client.js'
import { Daemon, HarnessError, serveArguments } from './daemon.js'
import { TestControl } from './generated/services/test_control.js'
import './symbols.js'
import { Clock, Failures, Fixtures, Snapshots } from './test-control.js'

export { findBinary, HarnessError } from './daemon.js'

/** How long a call of a test's client may take: a machine that runs tests may be busy with others. */
export const TEST_TIMEOUT_MS = 60_000

/**
 * @typedef {object} ServerOptions
 * @property {string} [binary] the path of `tally`; found by `findBinary` when absent
 * @property {readonly string[]} [args] further flags of `tally serve`
 * @property {boolean} [keep] keeps its files while it is killed or restarted, until it is stopped
 */

/**
 * Starts a daemon; resolves once it accepts calls. Rejects with HarnessError.
 *
 * @param {ServerOptions} [options]
 * @returns {Promise<Server>}
 */
export async function startServer(options = {}) {
  const { directory, args } = serveArguments(options)
  const daemon = await Daemon.start(args, directory, options.binary)
  return new Server(daemon, args, options.binary)
}

export class Server {
  #daemon
  #args
  #binary
  #control
  /** @type {Set<Client>} */
  #clients = new Set()

  /**
   * @param {Daemon} daemon
   * @param {readonly string[]} args
   * @param {string | undefined} binary
   */
  constructor(daemon, args, binary) {
    this.#daemon = daemon
    this.#args = args
    this.#binary = binary
    /** The path of its socket. */
    this.socket = daemon.socket
    this.version = daemon.version
    this.#control = new TestControl(this.client().caller)
    /** Its clock, which runs with the machine's until it is set or advanced. */
    this.clock = new Clock(this.#control)
    /** Puts into it what files list. */
    this.fixtures = new Fixtures(this.#control)
    /** Copies of what it holds. */
    this.snapshots = new Snapshots(this.#control)
    /** What shall fail. */
    this.failures = new Failures(this.#control)
  }

  get pid() {
    return this.#daemon.pid
  }

  /**
   * A client of its own, which `stop` closes.
   *
   * @param {Omit<import('./client.js').ClientOptions, 'socket'>} [options]
   */
  client(options) {
    const client = new Client(this.socket, { timeoutMs: TEST_TIMEOUT_MS, ...options })
    this.#clients.add(client)
    return client
  }

  /** Empties the database, sets the clock free and clears the failures. Snapshots stay. */
  async reset() {
    await this.#control.reset({})
  }

  /** What the daemon has written to its log. */
  log() {
    return this.#daemon.log()
  }

  /** Ends the daemon at once, as a crash would; only one that is kept leaves its files. */
  async kill() {
    await this.#daemon.end('SIGKILL')
  }

  /** Kills the daemon, if it runs, and starts it again on the same socket and files. Only with `keep`. */
  async restart() {
    const { directory } = this.#daemon
    if (directory === undefined) throw new HarnessError('only a server with `keep` can be restarted')
    await this.kill()
    this.#daemon = await Daemon.start(this.#args, directory, this.#binary)
  }

  /** Ends the daemon in good order and removes its files; returns its exit status, null after a kill. */
  async stop() {
    await Promise.all([...this.#clients].map((client) => client.close()))
    const status = await this.#daemon.end('SIGTERM')
    this.#daemon.remove()
    return status
  }

  async [Symbol.asyncDispose]() {
    await this.stop()
  }
}
