/**
 * The ledger as it grows: one sequence of rows, whatever cuts the streams that bring them.
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
 * @typedef {import('./messages.js').WatchTransactionsResponse} Message
 * @typedef {import('./watch.js').WatchOptions} WatchOptions
 */

/** The ledger's rows as they are committed, without end. Leaving its loop ends it on the server too. */
export class TransactionWatch {
  #credits
  #userIds
  #options
  #retryMs
  /** @type {Transaction[]} */
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
   * @param {import('./generated/services/credit_service.js').CreditService} credits
   * @param {WatchOptions} watch
   * @param {number} retryMs
   * @param {import('./method.js').CallOptions} [options]
   */
  constructor(credits, watch, retryMs, options) {
    this.#credits = credits
    this.#following = watch.fromSequence ?? 0n
    this.#userIds = [...(watch.userIds ?? [])]
    this.#retryMs = retryMs
    this.#options = options
  }

  /** The `fromSequence` of a watch that goes on after the last row that came; 0 before it is known. */
  get nextSequence() {
    return this.#place < this.#rows.length ? this.#rows[this.#place].sequence : this.#following
  }

  [Symbol.asyncIterator]() {
    return this
  }

  /** @returns {Promise<IteratorResult<Transaction, undefined>>} */
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

  /** @returns {Promise<IteratorResult<Transaction, undefined>>} */
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
    const request = { fromSequence: this.nextSequence, userIds: this.#userIds }
    try {
      // How often it is tried is decided here.
      this.#stream ??= this.#credits.watchTransactions(request, this.#options)
      const { value: message, done } = await this.#stream.next()
      if (this.#left) return
      if (done) throw new StreamEnded(Code.UNAVAILABLE, 'the server ended the stream', 'STREAM_ENDED')
      this.#rows = message.transactions
      this.#place = 0
      this.#following = message.nextSequence
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
