/**
 * One unary call: its attempts, its deadline, and its one answer.
 *
 * 1. Every attempt has the same bytes for its message, the idempotency key among them.
 * 2. An attempt that may have been applied is repeated only where that is harmless.
 * 3. It is settled once; from then on it is in no table, no queue, and no timer.
 *
 * @module
 */

import { forgetAbort, onAbort } from './aborts.js'
import { Attempts } from './channel.js'
import { nonsense } from './nonsense.js'
import {
  Cancelled,
  ClientClosed,
  Code,
  ConnectionLost,
  DeadlineExceeded,
  fromStatus,
  TallyError,
} from './errors.js'
import { encodeCancel, parse } from './outgoing.js'
import { encodeRequestFrame } from './wire.js'

/** @typedef {import('./outgoing.js').Outgoing} Outgoing */

/**
 * How much longer than the deadline the client waits, for the server's own word on it: the server knows
 * whether the call was applied.
 */
export const DEADLINE_GRACE_MS = 50
const NANOS_PER_MILLI = 1e6

/**
 * After one attempt whose outcome is open, an error of these codes still does not tell.
 *
 * @type {ReadonlySet<number>}
 */
const TELLS_NOTHING = new Set([
  Code.CANCELLED,
  Code.UNKNOWN,
  Code.DEADLINE_EXCEEDED,
  Code.RESOURCE_EXHAUSTED,
  Code.INTERNAL,
  Code.UNAVAILABLE,
])

/**
 * @typedef {import('./connection.js').Call} Call
 * @implements {Call}
 */
export class UnaryCall {
  streamId = 0
  oneReply = true
  settled = false
  #channel
  #outgoing
  #deadline
  #retryMs
  /** @type {Attempts | undefined} */
  #attempts = undefined
  #maybeApplied = false
  #sent = false
  /** @type {import('./connection.js').Connection | undefined} */
  #connection = undefined
  /** @type {NodeJS.Timeout | undefined} */
  #pause = undefined
  /** @type {(() => void) | undefined} */
  #onAbort = undefined
  #resolve
  #reject

  /**
   * @param {import('./channel.js').Channel} channel
   * @param {Outgoing} outgoing
   * @param {number} timeoutMs
   * @param {number} retryMs
   * @param {(message: any) => void} resolve
   * @param {(error: unknown) => void} reject
   */
  constructor(channel, outgoing, timeoutMs, retryMs, resolve, reject) {
    this.#channel = channel
    this.#outgoing = outgoing
    this.#retryMs = retryMs
    this.#resolve = resolve
    this.#reject = reject
    const now = performance.now()
    this.#deadline = now + timeoutMs
    this.begunAt = now
    /** When the client stops waiting. */
    this.expiresAt = this.#deadline + DEADLINE_GRACE_MS
  }

  begin() {
    const { signal } = this.#outgoing
    if (signal !== undefined) {
      if (signal.aborted) {
        this.#abort()
        return
      }
      this.#onAbort = () => this.#abort()
      onAbort(signal, this.#onAbort)
    }
    this.#channel.deadlines.add(this)
    this.#attempt()
  }

  #attempt() {
    if (performance.now() >= this.#deadline) {
      this.#settle(this.#late('was not sent in time', false))
      return
    }
    const connection = this.#channel.connection
    if (connection !== undefined) {
      this.#start(connection)
      return
    }
    this.#channel.connect().then(
      (made) => this.settled || this.#start(made),
      (error) => this.settled || this.#failedAttempt(error),
    )
  }

  /** @param {import('./connection.js').Connection} connection */
  #start(connection) {
    this.#connection = connection
    connection.start(this)
  }

  // Of the connection.

  /** @param {number} streamId */
  encode(streamId) {
    this.#sent = true
    const { names, payload, metadata } = this.#outgoing
    // At least one, since none would mean no deadline.
    const nanos = Math.max(1, Math.floor((this.#deadline - performance.now()) * NANOS_PER_MILLI))
    return encodeRequestFrame(streamId, 0, names, payload, nanos, metadata)
  }

  /** @param {import('./wire.js').Response} response */
  respond(response) {
    if (response.code !== 0) {
      this.#failedAttempt(fromStatus(response.code, response.message, response.details))
      return
    }
    let message
    try {
      message = parse(this.#outgoing.method, response.payload)
    } catch (error) {
      this.#settle(error)
      return
    }
    this.#settled()
    this.#resolve(message)
  }

  data() {
    this.end()
  }

  /** A frame that only a stream has: to wait on would be to wait for what the server does not owe. */
  end() {
    this.#settle(nonsense('the server answered a call of one reply like a stream'))
  }

  /** @param {TallyError} error */
  failed(error) {
    this.#failedAttempt(error)
  }

  // Of the deadlines.

  expire() {
    const error = this.#sent
      ? this.#late('was not answered in time', true)
      : this.#late('was not sent in time', false)
    this.#settle(error)
  }

  #abort() {
    const { method, signal, token } = this.#outgoing
    const sent = this.#sent
    const cause = signal?.reason
    const error = new Cancelled(Code.CANCELLED, `${method.name} was aborted`, '', {}, { cause })
    error.maybeApplied = sent
    const connection = this.#connection
    const underWay = this.streamId !== 0
    this.#settle(error)
    if (underWay && token !== '') connection?.post((streamId) => encodeCancel(streamId, token))
  }

  /** @param {unknown} error */
  #failedAttempt(error) {
    if (this.settled) return
    if (error instanceof ClientClosed && this.#attempts !== undefined) {
      this.#settle(new ConnectionLost(error.message, { maybeApplied: this.#maybeApplied, cause: error }))
      return
    }
    if (!(error instanceof TallyError) || !this.#mayRepeat(error)) {
      this.#settle(error)
      return
    }
    this.#maybeApplied ||= error.maybeApplied
    this.#sent = this.#maybeApplied
    this.#attempts ??= new Attempts(Math.min(this.#deadline, this.begunAt + this.#retryMs))
    const pauseMs = this.#attempts.next()
    if (pauseMs === undefined) this.#settle(error)
    else this.#pause = setTimeout(() => this.#attempt(), pauseMs)
  }

  /** @param {TallyError} error */
  #mayRepeat(error) {
    if (this.#channel.closed) return false
    if (error.code !== Code.UNAVAILABLE && error.reason !== 'OUTCOME_UNKNOWN') return false
    return this.#outgoing.repeatable || !error.maybeApplied
  }

  /**
   * @param {string} what
   * @param {boolean} maybeApplied
   */
  #late(what, maybeApplied) {
    const error = new DeadlineExceeded(Code.DEADLINE_EXCEEDED, `${this.#outgoing.method.name} ${what}`)
    error.maybeApplied = maybeApplied
    return error
  }

  /** @param {unknown} error */
  #settle(error) {
    this.#settled()
    if (this.#maybeApplied && error instanceof TallyError && TELLS_NOTHING.has(error.code)) {
      error.maybeApplied = true
    }
    this.#reject(error)
  }

  #settled() {
    this.settled = true
    this.#channel.deadlines.remove(this)
    if (this.streamId !== 0) this.#connection?.forget(this)
    if (this.#pause !== undefined) clearTimeout(this.#pause)
    const { signal } = this.#outgoing
    if (signal !== undefined && this.#onAbort !== undefined) forgetAbort(signal, this.#onAbort)
  }
}
