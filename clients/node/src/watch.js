/**
 * What grows at the server, the ledger, the events and the changes of pages: one sequence of rows, whatever
 * cuts the streams that bring them.
 *
 * 1. Rows come once and in order: each stream begins after the last row that was handed out.
 * 2. A watch ends by an error that another stream would meet as well, when no server was there for as long
 *    as a call is tried again, and when it is left.
 *
 * @module
 */

import { Attempts } from './channel.js'
import { Code, Lagged, StreamEnded, StreamOverflow, TallyError } from './errors.js'
import './symbols.js'

/**
 * @typedef {import('./messages.js').Transaction} Transaction
 * @typedef {import('./messages.js').Event} Event
 * @typedef {import('./messages.js').PageUpdate} PageUpdate
 * @typedef {import('./method.js').CallOptions} CallOptions
 */

/**
 * What is watched: how a stream of it is opened, and what its messages say.
 *
 * @template Row, Message
 * @typedef {object} Feed
 * @property {(from: bigint, userIds: string[]) => import('./method.js').ServerStream<Message>} open
 * @property {(message: Message) => Row[]} rows
 * @property {(message: Message) => bigint} following
 * @property {(row: Row) => bigint} number
 */

/**
 * Rows as they are committed, without end. Leaving its loop ends it on the server too.
 *
 * @template Row, Message
 */
class Watch {
  #feed
  #userIds
  #retryMs
  /** @type {Row[]} */
  #rows = []
  #place = 0
  #following
  /** @type {import('./method.js').ServerStream<Message> | undefined} */
  #stream = undefined
  /** @type {Attempts | undefined} */
  #attempts = undefined
  #left = false
  /**
   * Who asks for a row waits for who asked before.
   *
   * @type {Promise<unknown>}
   */
  #turn = Promise.resolve()

  /**
   * @param {Feed<Row, Message>} feed
   * @param {bigint} first
   * @param {Iterable<string> | undefined} userIds
   * @param {number} retryMs
   */
  constructor(feed, first, userIds, retryMs) {
    this.#feed = feed
    this.#following = first
    this.#userIds = [...(userIds ?? [])]
    this.#retryMs = retryMs
  }

  /** Where a watch begins that goes on after the last row that came; 0 before it is known. */
  get nextNumber() {
    return this.#place < this.#rows.length ? this.#feed.number(this.#rows[this.#place]) : this.#following
  }

  [Symbol.asyncIterator]() {
    return this
  }

  /** @returns {Promise<IteratorResult<Row, undefined>>} */
  next() {
    const step = this.#turn.then(() => this.#next())
    this.#turn = step.catch(() => undefined)
    return step
  }

  /** Waits until the server has said where the watch begins, as the first row would. */
  async begin() {
    const begun = this.#turn.then(async () => {
      while (!this.#left && this.#stream === undefined) await this.#read()
    })
    this.#turn = begun.catch(() => undefined)
    await begun
    return this
  }

  /** @returns {Promise<IteratorResult<Row, undefined>>} */
  async #next() {
    while (!this.#left) {
      if (this.#place < this.#rows.length) {
        const value = this.#rows[this.#place]
        this.#place += 1
        return { value, done: false }
      }
      await this.#read()
    }
    return { value: undefined, done: true }
  }

  /** Takes a message, of another stream if the one before has ended. */
  async #read() {
    try {
      // How often it is tried is decided here.
      this.#stream ??= this.#feed.open(this.nextNumber, this.#userIds)
      const { value: message, done } = await this.#stream.next()
      if (this.#left) return
      if (done) throw new StreamEnded(Code.UNAVAILABLE, 'the server ended the stream', 'STREAM_ENDED')
      this.#rows = this.#feed.rows(message)
      this.#place = 0
      this.#following = this.#feed.following(message)
      this.#attempts = undefined
    } catch (error) {
      this.#stream = undefined
      if (this.#left) return
      const pauseMs = this.#pause(error)
      await new Promise((resolve) => setTimeout(() => resolve(undefined), pauseMs))
    }
  }

  /**
   * The milliseconds until the next stream. Throws the error when there is none to be.
   *
   * @param {unknown} error
   */
  #pause(error) {
    if (error instanceof Lagged || error instanceof StreamOverflow) return 0
    if (!(error instanceof TallyError) || error.code !== Code.UNAVAILABLE) throw error
    this.#attempts ??= new Attempts(performance.now() + this.#retryMs)
    const pauseMs = this.#attempts.next()
    if (pauseMs === undefined) throw error
    return pauseMs
  }

  /** Ends the watch. */
  async return() {
    this.#left = true
    const stream = this.#stream
    this.#stream = undefined
    await stream?.return()
    return { value: undefined, done: /** @type {const} */ (true) }
  }

  /** As `return`. */
  async close() {
    await this.return()
  }

  async [Symbol.asyncDispose]() {
    await this.return()
  }
}

/**
 * The ledger's rows as they are committed, without end. Leaving its loop ends it on the server too.
 *
 * @extends {Watch<Transaction, import('./messages.js').WatchTransactionsResponse>}
 */
export class TransactionWatch extends Watch {
  /**
   * @param {import('./generated/services/credit_service.js').CreditService} credits
   * @param {import('./watch.js').WatchOptions} watch
   * @param {number} retryMs
   * @param {CallOptions} [options]
   */
  constructor(credits, watch, retryMs, options) {
    super(
      {
        open: (fromSequence, userIds) => credits.watchTransactions({ fromSequence, userIds }, options),
        rows: (message) => message.transactions,
        following: (message) => message.nextSequence,
        number: (row) => row.sequence,
      },
      watch.fromSequence ?? 0n,
      watch.userIds,
      retryMs,
    )
  }

  /** The `fromSequence` of a watch that goes on after the last row that came; 0 before it is known. */
  get nextSequence() {
    return this.nextNumber
  }
}

/**
 * Events as they are committed, without end. Leaving its loop ends it on the server too.
 *
 * @extends {Watch<Event, import('./messages.js').WatchEventsResponse>}
 */
export class EventWatch extends Watch {
  /**
   * @param {import('./generated/services/usage_service.js').UsageService} usage
   * @param {import('./watch.js').EventWatchOptions} watch
   * @param {number} retryMs
   * @param {CallOptions} [options]
   */
  constructor(usage, watch, retryMs, options) {
    super(
      {
        open: (fromEventId, userIds) => usage.watchEvents({ fromEventId, userIds }, options),
        rows: (message) => message.events,
        following: (message) => message.nextEventId,
        number: (event) => event.eventId,
      },
      watch.fromEventId ?? 0n,
      watch.userIds,
      retryMs,
    )
  }

  /** The `fromEventId` of a watch that goes on after the last event that came; 0 before it is known. */
  get nextEventId() {
    return this.nextNumber
  }
}

/**
 * Changes of pages as they are committed, without end. Leaving its loop ends it on the server too.
 *
 * @extends {Watch<PageUpdate, import('./messages.js').WatchPagesResponse>}
 */
export class PageWatch extends Watch {
  /**
   * @param {import('./generated/services/page_service.js').PageService} pages
   * @param {import('./watch.js').PageWatchOptions} watch
   * @param {number} retryMs
   * @param {CallOptions} [options]
   */
  constructor(pages, watch, retryMs, options) {
    super(
      {
        open: (fromUpdate, userIds) => pages.watchPages({ fromUpdate, userIds }, options),
        rows: (message) => message.updates,
        following: (message) => message.nextUpdate,
        number: (update) => update.updateNumber,
      },
      watch.fromUpdate ?? 0n,
      watch.userIds,
      retryMs,
    )
  }

  /** The `fromUpdate` of a watch that goes on after the last change that came; 0 before it is known. */
  get nextUpdate() {
    return this.nextNumber
  }
}
