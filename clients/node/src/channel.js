/**
 * The connection to a socket, made when it is needed and again when it was lost; and what all calls over it
 * share.
 *
 * @module
 */

import { connect, DEFAULT_MOST_IN_FLIGHT, WRITE_STALL_MS } from './connection.js'
import { Deadlines } from './deadlines.js'
import { ClientClosed, ConnectionLost } from './errors.js'

/** The pauses between attempts: doubling from the first to the longest, less up to a half by chance. */
const FIRST_PAUSE_MS = 10
const LONGEST_PAUSE_MS = 500

export class Channel {
  closed = false
  deadlines = new Deadlines()
  /** The socket's path; empty while it is not known. */
  path = ''
  #path
  #limits
  /** @type {import('./connection.js').Connection | undefined} */
  #connection = undefined
  /** @type {Promise<import('./connection.js').Connection> | undefined} */
  #connecting = undefined

  /**
   * @param {string | Promise<string>} path a promise when it is not known yet: calls wait for it
   * @param {Partial<import('./connection.js').Limits>} [limits]
   */
  constructor(path, limits = {}) {
    this.#path = path
    if (typeof path === 'string') this.path = path
    this.#limits = {
      mostInFlight: limits.mostInFlight ?? DEFAULT_MOST_IN_FLIGHT,
      stallMs: limits.stallMs ?? WRITE_STALL_MS,
    }
  }

  /** The connection, if there is one. */
  get connection() {
    return this.#connection?.closed === false ? this.#connection : undefined
  }

  /**
   * The connection. Rejects with ConnectionLost when there is none to be had, and with ClientClosed after
   * `close`.
   *
   * @returns {Promise<import('./connection.js').Connection>}
   */
  connect() {
    if (this.closed) return Promise.reject(new ClientClosed())
    const connection = this.connection
    if (connection !== undefined) return Promise.resolve(connection)
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  async #connect() {
    this.path = await this.#path
    const connection = await connect(this.path, this.#limits)
    if (this.closed) {
      connection.end('the client was closed')
      throw new ConnectionLost('the client was closed', { maybeApplied: false })
    }
    this.#connection = connection
    return connection
  }

  /** Ends the connection for good; resolves when nothing of it is left. */
  async close() {
    this.closed = true
    const connecting = this.#connecting
    await this.#connection?.close('the client was closed')
    // Its callers are told by themselves.
    await connecting?.catch(() => undefined)
  }
}

/** The pauses between attempts, until a time is over. */
export class Attempts {
  #until
  #pauseMs = FIRST_PAUSE_MS

  /** @param {number} until by `performance.now()` */
  constructor(until) {
    this.#until = until
  }

  /** How long to wait before another attempt; undefined when there is no time for one. */
  next() {
    const wait = this.#pauseMs * (0.5 + Math.random() / 2)
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
    return performance.now() + wait >= this.#until ? undefined : wait
  }
}
