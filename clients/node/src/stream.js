/**
 * A stream from the server, read by a loop; and one with a sending half.
 *
 * 1. Messages are read in the order in which they came, then the end or the error, and that again and again.
 * 2. What waits to be read is bounded: a reader that falls further behind loses its stream.
 *
 * @module
 */

import { Code, fromStatus, StreamOverflow } from './errors.js'
import { parse, serialize } from './outgoing.js'
import { Queue } from './queue.js'
import './symbols.js'
import { rethrow } from './traces.js'

/**
 * What may wait to be read, in bytes of messages. ttrpc cannot slow a sender down, so a reader that falls
 * further behind loses its stream instead of the process its memory.
 */
export const LONGEST_BACKLOG_BYTES = 16 << 20
/** What a message counts for beside its bytes, so that empty ones are bounded as well. */
export const MESSAGE_OVERHEAD_BYTES = 64

/** @typedef {import('./outgoing.js').Method} Method */

/**
 * Who waits for the next message.
 *
 * @template Message
 * @typedef {object} Reader
 * @property {(step: IteratorResult<Message, undefined>) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * The messages of one call, in order. Iterate it; leaving the loop early ends the call on the server.
 *
 * @template Message
 */
export class Stream {
  #method
  /** @type {import('./stream-call.js').StreamCall | undefined} */
  #call = undefined
  /** @type {Queue<Uint8Array>} */
  #waiting = new Queue()
  #waitingBytes = 0
  /** @type {Queue<Reader<Message>>} */
  #readers = new Queue()
  #ended = false
  /** @type {unknown} */
  #error = undefined

  /** @param {Method} method */
  constructor(method) {
    this.#method = method
  }

  /** @param {import('./stream-call.js').StreamCall} call */
  attach(call) {
    this.#call = call
  }

  [Symbol.asyncIterator]() {
    return this
  }

  /** @returns {Promise<IteratorResult<Message, undefined>>} */
  next() {
    const payload = this.#waiting.shift()
    if (payload !== undefined) {
      this.#waitingBytes -= payload.length + MESSAGE_OVERHEAD_BYTES
      return new Promise((resolve) => resolve(this.#step(payload)))
    }
    if (this.#error !== undefined) return Promise.reject(this.#error).catch(rethrow)
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    const step = /** @type {Promise<IteratorResult<Message, undefined>>} */ (
      new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
    )
    return step.catch(rethrow)
  }

  /** Ends the stream, on the server too; what was not read is dropped. */
  async return() {
    this.#waiting.clear()
    this.#waitingBytes = 0
    this.#finish(undefined)
    this.#call?.cancel()
    return { value: undefined, done: /** @type {const} */ (true) }
  }

  /** As `return`. */
  async close() {
    await this.return()
  }

  async [Symbol.asyncDispose]() {
    await this.return()
  }

  /**
   * @param {Uint8Array} payload
   * @returns {IteratorResult<Message, undefined>}
   */
  #step(payload) {
    try {
      return { value: parse(this.#method, payload), done: false }
    } catch (error) {
      this.#call?.cancel()
      this.#waiting.clear()
      this.#waitingBytes = 0
      this.#ended = true
      this.#error = error
      throw error
    }
  }

  // Of the call.

  /** @param {import('./wire.js').Response} response */
  respond(response) {
    if (response.code !== 0) {
      this.#finish(fromStatus(response.code, response.message, response.details))
      return
    }
    // Some servers end a stream so. Only one that says something is a message.
    if (response.payload.length > 0) this.data(response.payload)
    this.#finish(undefined)
  }

  /** @param {Uint8Array} payload */
  data(payload) {
    if (this.#ended) return
    const cost = payload.length + MESSAGE_OVERHEAD_BYTES
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      try {
        reader.resolve(this.#step(payload))
      } catch (error) {
        reader.reject(error)
      }
    } else if (this.#waiting.size === 0 || this.#waitingBytes + cost <= LONGEST_BACKLOG_BYTES) {
      this.#waiting.push(Buffer.from(payload))
      this.#waitingBytes += cost
    } else {
      const text = `${this.#waitingBytes} bytes wait to be read`
      this.#call?.cancel()
      this.#finish(new StreamOverflow(Code.RESOURCE_EXHAUSTED, text))
    }
  }

  end() {
    this.#finish(undefined)
  }

  /** @param {unknown} error */
  failed(error) {
    this.#finish(error)
  }

  /** @param {unknown} error */
  #finish(error) {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      if (error === undefined) reader.resolve({ value: undefined, done: true })
      else reader.reject(error)
    }
  }
}

/**
 * A stream both ways: `send` messages, `finish` when there are no more, iterate what comes back.
 *
 * @template Init, Message
 * @extends {Stream<Message>}
 */
export class Duplex extends Stream {
  #codec
  /** @type {import('./stream-call.js').StreamCall | undefined} */
  #sender = undefined
  #sentAll = false

  /** @param {Method} method */
  constructor(method) {
    super(method)
    this.#codec = method.request
  }

  /** @param {import('./stream-call.js').StreamCall} call */
  attach(call) {
    super.attach(call)
    this.#sender = call
  }

  /**
   * Sends a message. Await it, so that what is sent does not pile up here. What is sent after the server has
   * ended the call reaches nobody.
   *
   * @param {Init} message
   * @returns {Promise<void>}
   */
  async send(message) {
    if (this.#sentAll) throw new TypeError('the sending half was finished')
    await this.#sender?.send(serialize(this.#codec, message))
  }

  /** No more messages come. */
  async finish() {
    if (!this.#sentAll) this.#sender?.finish()
    this.#sentAll = true
  }
}
