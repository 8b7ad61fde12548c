/**
 * A call that is a stream in either direction: how it begins, sends, ends, and is cancelled. What comes back
 * goes to its sink.
 *
 * 1. Only connecting is tried again; once its Request was sent, a lost connection ends it.
 * 2. It is settled once; the sink hears of it once, and nothing after it.
 * 3. What is sent before there is a connection leaves in order once there is one.
 *
 * @module
 */

import { forgetAbort, onAbort } from './aborts.js'
import { Attempts } from './channel.js'
import { LONGEST_OUTBOX_BYTES } from './connection.js'
import {
  Cancelled,
  Code,
  ConnectionLost,
  DeadlineExceeded,
  StreamOverflow,
  TallyError,
} from './errors.js'
import { encodeCancel } from './outgoing.js'
import { DATA, encodeFrame, encodeRequestFrame, NO_DATA, REMOTE_CLOSED } from './wire.js'
import { DEADLINE_GRACE_MS } from './unary.js'

/** What is sent before a sender is told to wait until it has left and others had their turn. */
export const SEND_BURST_BYTES = 64 << 10

const NOTHING = new Uint8Array(0)

/**
 * Where a stream's answers go.
 *
 * @typedef {object} Sink
 * @property {(response: import('./wire.js').Response) => void} respond
 * @property {(payload: Uint8Array) => void} data
 * @property {() => void} end
 * @property {(error: unknown) => void} failed
 */

/**
 * @typedef {import('./connection.js').Call} Call
 * @implements {Call}
 */
export class StreamCall {
  streamId = 0
  oneReply = false
  settled = false
  expiresAt = Infinity
  #channel
  #outgoing
  #flags
  #timeoutMs
  /** Whether the server may have done something when its deadline passes here. */
  #sends
  #attempts
  /** @type {Sink} */
  #sink
  /** @type {import('./connection.js').Connection | undefined} */
  #connection = undefined
  /** @type {NodeJS.Timeout | undefined} */
  #pause = undefined
  /** @type {(() => void) | undefined} */
  #onAbort = undefined
  /**
   * What waits for the Request to be sent.
   *
   * @type {Array<{ flags: number, payload: Uint8Array }>}
   */
  #early = []
  #earlyBytes = 0
  #burstBytes = 0
  /** @type {Array<() => void>} */
  #whenBegun = []
  /**
   * Who waits for what was sent to leave.
   *
   * @type {Set<() => void>}
   */
  #senders = new Set()

  /**
   * @param {import('./channel.js').Channel} channel
   * @param {import('./outgoing.js').Outgoing} outgoing
   * @param {{ flags: number, timeoutMs: number | undefined, retryMs: number, sends: boolean }} options
   *   `timeoutMs` is of the stream as a whole; none when undefined
   * @param {Sink} sink
   */
  constructor(channel, outgoing, { flags, timeoutMs, retryMs, sends }, sink) {
    this.#channel = channel
    this.#outgoing = outgoing
    this.#flags = flags
    this.#timeoutMs = timeoutMs
    this.#sends = sends
    this.#sink = sink
    this.#attempts = new Attempts(performance.now() + retryMs)
  }

  begin() {
    const { signal } = this.#outgoing
    if (signal?.aborted) {
      this.#abort()
      return
    }
    if (signal !== undefined) {
      this.#onAbort = () => this.#abort()
      onAbort(signal, this.#onAbort)
    }
    if (this.#timeoutMs !== undefined) {
      this.expiresAt = performance.now() + this.#timeoutMs + DEADLINE_GRACE_MS
      this.#channel.deadlines.add(this)
    }
    this.#connect()
  }

  #connect() {
    const connection = this.#channel.connection
    if (connection !== undefined) {
      this.#start(connection)
      return
    }
    this.#channel.connect().then(
      (made) => this.settled || this.#start(made),
      (error) => this.settled || this.#notConnected(error),
    )
  }

  /** @param {import('./connection.js').Connection} connection */
  #start(connection) {
    this.#connection = connection
    connection.start(this)
  }

  /** @param {unknown} error */
  #notConnected(error) {
    const pauseMs = error instanceof ConnectionLost ? this.#attempts.next() : undefined
    if (pauseMs === undefined || this.#channel.closed) this.#fail(error)
    else this.#pause = setTimeout(() => this.#connect(), pauseMs)
  }

  /**
   * Sends a message. Returns a promise when the sender should wait before the next one. Throws
   * StreamOverflow when it has not waited for far too long. Once settled, does nothing.
   *
   * @param {Uint8Array} payload
   * @returns {Promise<void> | undefined}
   */
  send(payload) {
    if (this.settled) return undefined
    const waiting = this.#earlyBytes + (this.#connection?.outboxBytes ?? 0)
    if (waiting + payload.length > LONGEST_OUTBOX_BYTES) {
      const text = `${waiting} bytes wait to be sent: await each send`
      throw new StreamOverflow(Code.RESOURCE_EXHAUSTED, text)
    }
    const bytes = this.#write(0, payload)
    this.#burstBytes += bytes
    if (this.#burstBytes < SEND_BURST_BYTES) return undefined
    this.#burstBytes = 0
    return this.#sent()
  }

  /** No more messages come. */
  finish() {
    if (!this.settled) this.#write(REMOTE_CLOSED | NO_DATA, NOTHING)
  }

  /**
   * @param {number} flags
   * @param {Uint8Array} payload
   */
  #write(flags, payload) {
    if (this.streamId === 0) {
      this.#early.push({ flags, payload })
      this.#earlyBytes += payload.length
      return payload.length
    }
    const frame = encodeFrame(this.streamId, DATA, flags, payload)
    this.#connection?.write(frame)
    return frame.length
  }

  /** Resolves when what was sent has left, and what came meanwhile was read; or when it is settled. */
  async #sent() {
    if (this.streamId === 0 && !this.settled) {
      await /** @type {Promise<void>} */ (new Promise((resolve) => this.#whenBegun.push(resolve)))
    }
    await this.#drained()
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** @returns {Promise<void>} */
  #drained() {
    return new Promise((resolve) => {
      if (this.settled || this.#connection === undefined) {
        resolve()
        return
      }
      const wake = () => {
        this.#senders.delete(wake)
        resolve()
      }
      this.#senders.add(wake)
      this.#connection.drained().then(wake)
    })
  }

  /** Ends the call on the server; nothing of it is heard any more. */
  cancel() {
    if (this.settled) return
    const connection = this.#connection
    const underWay = this.streamId !== 0
    this.#settle()
    const { token } = this.#outgoing
    if (underWay) connection?.post((streamId) => encodeCancel(streamId, token))
  }

  // Of the connection.

  /** @param {number} streamId */
  encode(streamId) {
    const { names, payload, metadata } = this.#outgoing
    let nanos = 0
    if (this.#timeoutMs !== undefined) {
      const remaining = this.expiresAt - DEADLINE_GRACE_MS - performance.now()
      nanos = Math.max(1, Math.floor(remaining * 1e6))
    }
    const frames = [encodeRequestFrame(streamId, this.#flags, names, payload, nanos, metadata)]
    for (const early of this.#early) frames.push(encodeFrame(streamId, DATA, early.flags, early.payload))
    this.#early = []
    this.#earlyBytes = 0
    for (const resolve of this.#whenBegun.splice(0)) resolve()
    return frames.length === 1 ? frames[0] : Buffer.concat(frames)
  }

  /** @param {import('./wire.js').Response} response */
  respond(response) {
    this.#settle()
    this.#sink.respond(response)
  }

  /** @param {Uint8Array} payload */
  data(payload) {
    this.#sink.data(payload)
  }

  end() {
    this.#settle()
    this.#sink.end()
  }

  /** @param {TallyError} error */
  failed(error) {
    if (error instanceof ConnectionLost && !error.maybeApplied) this.#notConnected(error)
    else this.#fail(error)
  }

  // Of the deadlines.

  expire() {
    const text = `${this.#outgoing.method.name} was not answered in time`
    const error = new DeadlineExceeded(Code.DEADLINE_EXCEEDED, text)
    error.maybeApplied = this.#sends && this.streamId !== 0
    this.cancel()
    this.#sink.failed(error)
  }

  #abort() {
    const { method, signal } = this.#outgoing
    const options = { cause: signal?.reason }
    const error = new Cancelled(Code.CANCELLED, `${method.name} was aborted`, '', {}, options)
    error.maybeApplied = this.streamId !== 0
    this.cancel()
    this.#sink.failed(error)
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.settled) return
    this.#settle()
    this.#sink.failed(error)
  }

  #settle() {
    this.settled = true
    this.#channel.deadlines.remove(this)
    if (this.streamId !== 0) this.#connection?.forget(this)
    if (this.#pause !== undefined) clearTimeout(this.#pause)
    const { signal } = this.#outgoing
    if (signal !== undefined && this.#onAbort !== undefined) forgetAbort(signal, this.#onAbort)
    this.#early = []
    this.#earlyBytes = 0
    for (const resolve of this.#whenBegun.splice(0)) resolve()
    // The server may take nothing for long yet.
    for (const wake of this.#senders) wake()
  }
}
