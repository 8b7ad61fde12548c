/**
 * The client: one socket, the services, and what holds for every call.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { Caller, checkedTimeout } from './caller.js'
import { Channel } from './channel.js'
import { begin, giveUpHold, giveUpRun, lasting } from './ending.js'
import { AdminService } from './generated/services/admin_service.js'
import { Control } from './generated/services/control.js'
import { CreditService } from './generated/services/credit_service.js'
import { PageService } from './generated/services/page_service.js'
import { UsageService } from './generated/services/usage_service.js'
import { newKey } from './keys.js'
import { RunStatus } from './generated/tallystick/v1/usage.js'
import { Hold, Run } from './runs.js'
import './symbols.js'
import { EventWatch, PageWatch, TransactionWatch } from './watch.js'

/** Milliseconds that a call may take, its retries included. */
export const DEFAULT_TIMEOUT_MS = 10_000
/** Milliseconds after its start in which a call that did not get through is tried again. */
export const DEFAULT_RETRY_MS = 5_000
/** The kernel's limit on a socket's path, in bytes. */
export const LONGEST_SOCKET_PATH_BYTES = 107

const SYSTEM_SOCKET = '/run/tallystick/tally.sock'
const ACTING_USER = 'tally-acting-user'
const LONGEST_IN_FLIGHT = 65_536
const OPTIONS = new Set(['socket', 'timeoutMs', 'retryMs', 'mostInFlight', 'metadata'])

/**
 * `TALLY_SOCKET`; else the socket below `XDG_RUNTIME_DIR` if it is there; else the system's.
 *
 * @param {Readonly<Record<string, string | undefined>>} [environment]
 * @returns {string}
 */
export function defaultSocket(environment = process.env) {
  if (environment.TALLY_SOCKET) return environment.TALLY_SOCKET
  if (environment.XDG_RUNTIME_DIR) {
    const path = join(environment.XDG_RUNTIME_DIR, 'tallystick', 'tally.sock')
    if (existsSync(path) || !existsSync(SYSTEM_SOCKET)) return path
  }
  return SYSTEM_SOCKET
}

/**
 * A connection to `tally serve`, which all calls share: they go down one socket at once.
 *
 * It connects with the first call, and again whenever the connection was lost. A call that did not get
 * through is tried again with the same idempotency key, for `retryMs`; `timeoutMs` bounds it all. An idle
 * client keeps no process alive.
 */
export class Client {
  #channel
  #caller

  /**
   * @param {string | ClientOptions} [socket] the socket's path, or all options
   * @param {Omit<ClientOptions, 'socket'>} [more]
   * @param {Shared} [shared] of the client that this one is a view of
   *
   * @typedef {{ channel: Channel, caller: Caller }} Shared
   * @typedef {import('./client.js').ClientOptions} ClientOptions
   */
  constructor(socket, more, shared) {
    const options = typeof socket === 'object' ? { ...socket } : { ...more, socket }
    const { channel, caller } = shared ?? open(options)
    this.#channel = channel
    this.#caller = caller
    /** Prepaid credits: balances, holds and the ledger. */
    this.credits = new CreditService(caller)
    /** Runs, what users have used of their plans, and plans. */
    this.usage = new UsageService(caller)
    /** Pages with their sections and versions, and media. */
    this.pages = new PageService(caller)
    /** Users, and the server itself. */
    this.admin = new AdminService(caller)
    /** Cancellation of other calls. */
    this.control = new Control(caller)
  }

  /** The socket's path. */
  get socket() {
    return this.#channel.path
  }

  /** What its calls go through; for tests of it. */
  get channel() {
    return this.#channel
  }

  /** For the stubs of further services, such as the test harness's. */
  get caller() {
    return this.#caller
  }

  /**
   * The same connection; calls carry these metadata as well.
   *
   * @param {Readonly<Record<string, string>>} metadata
   * @returns {Client}
   */
  withMetadata(metadata) {
    const shared = { channel: this.#channel, caller: this.#caller.withMetadata(metadata) }
    return new Client({}, {}, shared)
  }

  /**
   * The same connection; calls may touch this user's rows only.
   *
   * @param {string} userId
   */
  actingAs(userId) {
    return this.withMetadata({ [ACTING_USER]: userId })
  }

  /**
   * Begins a run: checks the quota and holds the estimate. For `await using`; see also `withRun`.
   *
   * @param {Partial<import('./messages.js').BeginRunRequestInit>} run `runId` is a fresh one when absent,
   *   `type` is `text`
   * @param {import('./method.js').CallOptions} [options]
   * @returns {Promise<Run>}
   */
  async run(run, options) {
    const named = { runId: run.runId || newKey(), attempt: run.attempt }
    const reply = await begin(
      () => this.usage.beginRun({ ...run, type: run.type || 'text', runId: named.runId }, options),
      () => giveUpRun(this.usage, named, { status: RunStatus.CANCELLED }, undefined, lasting(options)),
    )
    return new Run(this.usage, reply, named.runId, named.attempt)
  }

  /**
   * Holds credit. For `await using`; see also `withHold`.
   *
   * @param {import('./messages.js').ReserveRequestInit} hold
   * @param {import('./method.js').CallOptions} [options]
   * @returns {Promise<Hold>}
   */
  async hold(hold, options) {
    const request = { ...hold, idempotencyKey: hold.idempotencyKey || newKey() }
    const reply = await begin(
      () => this.credits.reserve(request, options),
      () => giveUpHold(this.credits, request, lasting(options)),
    )
    return new Hold(this.credits, reply, request.idempotencyKey)
  }

  /**
   * Begins a run, does the work, and returns what it returned. A run that the work has not ended is recorded
   * as cancelled, or as failed when the work threw, and costs nothing.
   *
   * @template T
   * @param {Partial<import('./messages.js').BeginRunRequestInit>} run
   * @param {(run: Run) => Promise<T>} work
   * @param {import('./method.js').CallOptions} [options]
   * @returns {Promise<T>}
   */
  async withRun(run, work, options) {
    const begun = await this.run(run, options)
    try {
      return await work(begun)
    } catch (error) {
      await begun.abandon(error)
      throw error
    } finally {
      await begun[Symbol.asyncDispose]()
    }
  }

  /**
   * Holds credit, does the work, and returns what it returned. What the work has neither captured nor
   * released is released.
   *
   * @template T
   * @param {import('./messages.js').ReserveRequestInit} hold
   * @param {(hold: Hold) => Promise<T>} work
   * @param {import('./method.js').CallOptions} [options]
   * @returns {Promise<T>}
   */
  async withHold(hold, work, options) {
    const begun = await this.hold(hold, options)
    try {
      return await work(begun)
    } finally {
      await begun[Symbol.asyncDispose]()
    }
  }

  /**
   * The ledger's rows as they are committed, from a row on or from the next one: for `for await`. It goes on
   * by itself wherever its stream was cut, and has no end.
   *
   * @param {import('./watch.js').WatchOptions} [watch]
   * @param {import('./method.js').CallOptions} [options] of each of its streams
   */
  watch(watch, options) {
    const credits = new CreditService(this.#caller.once())
    return new TransactionWatch(credits, watch ?? {}, this.#caller.retryMs, options)
  }

  /**
   * Events as they are committed, from one on or from the next one: for `for await`. It goes on by itself
   * wherever its stream was cut, and has no end.
   *
   * @param {import('./watch.js').EventWatchOptions} [watch]
   * @param {import('./method.js').CallOptions} [options] of each of its streams
   */
  watchEvents(watch, options) {
    const usage = new UsageService(this.#caller.once())
    return new EventWatch(usage, watch ?? {}, this.#caller.retryMs, options)
  }

  /**
   * Changes of pages as they are committed, from one on or from the next one: for `for await`. From an
   * earlier one each page that changed since comes once. It goes on by itself wherever its stream was cut,
   * and has no end.
   *
   * @param {import('./watch.js').PageWatchOptions} [watch]
   * @param {import('./method.js').CallOptions} [options] of each of its streams
   */
  watchPages(watch, options) {
    const pages = new PageService(this.#caller.once())
    return new PageWatch(pages, watch ?? {}, this.#caller.retryMs, options)
  }

  /** Ends the connection, also for every client that `actingAs` made from this one. */
  async close() {
    await this.#channel.close()
  }

  async [Symbol.asyncDispose]() {
    await this.close()
  }
}

/**
 * @param {ClientOptions} options
 * @returns {Shared}
 */
function open(options) {
  for (const name of Object.keys(options)) {
    // Left alone, it would be another socket or limit than the one that was meant.
    if (!OPTIONS.has(name)) throw new TypeError(`a client has no option "${name}"`)
  }
  const path = options.socket ?? defaultSocket()
  if (typeof path !== 'string' && typeof path !== 'object') {
    throw new TypeError(`a socket is a path, not a ${typeof path}`)
  }
  if (typeof path === 'string' && Buffer.byteLength(path) > LONGEST_SOCKET_PATH_BYTES) {
    throw new RangeError(`a socket's path has at most ${LONGEST_SOCKET_PATH_BYTES} bytes: ${path}`)
  }
  const times = {
    timeoutMs: checkedTimeout('timeoutMs', options.timeoutMs) ?? DEFAULT_TIMEOUT_MS,
    retryMs: checkedTimeout('retryMs', options.retryMs) ?? DEFAULT_RETRY_MS,
  }
  const channel = new Channel(path, { mostInFlight: checkedInFlight(options.mostInFlight) })
  return { channel, caller: new Caller(channel, times).withMetadata(options.metadata ?? {}) }
}

/** @param {number | undefined} count */
function checkedInFlight(count) {
  if (count === undefined) return undefined
  if (!Number.isInteger(count) || count < 1 || count > LONGEST_IN_FLIGHT) {
    throw new RangeError(`mostInFlight is a whole number from 1 to ${LONGEST_IN_FLIGHT}, not ${count}`)
  }
  return count
}
