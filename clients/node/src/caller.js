/**
 * What the service stubs call through: the channel, and what holds for every call over it.
 *
 * @module
 */

import { LONGEST_TIMEOUT_MS } from './deadlines.js'
import { fromStatus, TallyError } from './errors.js'
import { nonsense } from './nonsense.js'
import { withKeys } from './keys.js'
import { namesFor, newToken, parse, serialize, serializeMetadata, withToken } from './outgoing.js'
import { Duplex, Stream } from './stream.js'
import { StreamCall } from './stream-call.js'
import { rethrow } from './traces.js'
import { UnaryCall } from './unary.js'
import { REMOTE_CLOSED, REMOTE_OPEN } from './wire.js'

const NOTHING = new Uint8Array(0)

/** @typedef {import('./outgoing.js').Method} Method */
/** @typedef {import('./method.js').CallOptions} CallOptions */
/** @typedef {{ timeoutMs: number, retryMs: number }} Times */

export class Caller {
  #channel
  #times
  #metadata
  #metadataBytes

  /**
   * @param {import('./channel.js').Channel} channel
   * @param {Times} times of every call: how long it may take, and how long it is tried again
   * @param {ReadonlyMap<string, string>} [metadata]
   */
  constructor(channel, times, metadata = new Map()) {
    this.#channel = channel
    this.#times = times
    this.#metadata = metadata
    this.#metadataBytes = serializeMetadata(metadata)
  }

  /** How long a call that did not get through is tried again. */
  get retryMs() {
    return this.#times.retryMs
  }

  /**
   * The same, with these entries instead of earlier ones of their names.
   *
   * @param {Readonly<Record<string, string>>} metadata
   */
  withMetadata(metadata) {
    return new Caller(this.#channel, this.#times, this.#merged(metadata))
  }

  /** The same, for calls that are tried again by whoever makes them. */
  once() {
    return new Caller(this.#channel, { ...this.#times, retryMs: 0 }, this.#metadata)
  }

  /** @param {Readonly<Record<string, string>>} metadata */
  #merged(metadata) {
    const merged = new Map(this.#metadata)
    for (const [name, value] of Object.entries(metadata)) merged.set(name.toLowerCase(), value)
    return merged
  }

  /**
   * @param {Method} method
   * @param {any} request
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  unary(method, request, options) {
    const reply = new Promise((resolve, reject) => {
      const keyed = withKeys(method.key, request ?? {})
      const { repeatable } = method
      const outgoing = this.#outgoing(
        method,
        serialize(method.request, keyed),
        typeof repeatable === 'boolean' ? repeatable : repeatable(keyed),
        options,
        options?.signal !== undefined,
      )
      const timeoutMs = checkedTimeout('timeoutMs', options?.timeoutMs) ?? this.#times.timeoutMs
      new UnaryCall(this.#channel, outgoing, timeoutMs, this.#times.retryMs, resolve, reject).begin()
    })
    return reply.catch(rethrow)
  }

  /**
   * A stream has no deadline unless it is given one. Only connecting is tried again.
   *
   * @param {Method} method
   * @param {any} request
   * @param {CallOptions} [options]
   * @returns {Stream<any>}
   */
  serverStream(method, request, options) {
    const stream = new Stream(method)
    const payload = serialize(method.request, request ?? {})
    const call = this.#streamCall(method, payload, REMOTE_CLOSED, false, options, stream)
    stream.attach(call)
    call.begin()
    return stream
  }

  /**
   * Sends the requests as they come and waits for the one answer. It has no deadline unless it is given one.
   * Only connecting is tried again: the requests come once.
   *
   * @param {Method} method
   * @param {Iterable<any> | AsyncIterable<any>} requests
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  clientStream(method, requests, options) {
    const reply = new Promise((resolve, reject) => {
      const sink = new OneAnswer(method, resolve, reject)
      const call = this.#streamCall(method, NOTHING, REMOTE_OPEN, true, options, sink)
      call.oneReply = true
      call.begin()
      sendAll(call, method, requests).catch((error) => {
        if (error instanceof TallyError) error.maybeApplied ||= call.streamId !== 0
        call.cancel()
        reject(error)
      })
    })
    return reply.catch(rethrow)
  }

  /**
   * As `serverStream`, with a half that sends.
   *
   * @param {Method} method
   * @param {CallOptions} [options]
   * @returns {Duplex<any, any>}
   */
  bidirectional(method, options) {
    const stream = new Duplex(method)
    const call = this.#streamCall(method, NOTHING, REMOTE_OPEN, true, options, stream)
    stream.attach(call)
    call.begin()
    return stream
  }

  /**
   * @param {Method} method
   * @param {Uint8Array} payload
   * @param {number} flags
   * @param {boolean} sends
   * @param {CallOptions | undefined} options
   * @param {import('./stream-call.js').Sink} sink
   */
  #streamCall(method, payload, flags, sends, options, sink) {
    const outgoing = this.#outgoing(method, payload, false, options, true)
    const timeoutMs = checkedTimeout('timeoutMs', options?.timeoutMs)
    const { retryMs } = this.#times
    return new StreamCall(this.#channel, outgoing, { flags, timeoutMs, retryMs, sends }, sink)
  }

  /**
   * @param {Method} method
   * @param {Uint8Array} payload
   * @param {boolean} repeatable
   * @param {CallOptions | undefined} options
   * @param {boolean} cancellable
   * @returns {import('./outgoing.js').Outgoing}
   */
  #outgoing(method, payload, repeatable, options, cancellable) {
    const own = options?.metadata
    let metadata = own === undefined ? this.#metadataBytes : serializeMetadata(this.#merged(own))
    const token = cancellable ? newToken() : ''
    if (cancellable) metadata = withToken(metadata, token)
    return { method, names: namesFor(method), payload, metadata, repeatable, signal: options?.signal, token }
  }
}

/**
 * Sends each request, and the end; stops early when the call is settled.
 *
 * @param {StreamCall} call
 * @param {Method} method
 * @param {Iterable<any> | AsyncIterable<any>} requests
 */
async function sendAll(call, method, requests) {
  for await (const request of requests) {
    // The server may answer before it has heard everything, and then hears no more.
    if (call.settled) return
    const sent = call.send(serialize(method.request, request))
    if (sent !== undefined) await sent
  }
  call.finish()
}

/** The one answer of a client stream. */
class OneAnswer {
  #method
  #resolve
  #reject

  /**
   * @param {Method} method
   * @param {(message: any) => void} resolve
   * @param {(error: unknown) => void} reject
   */
  constructor(method, resolve, reject) {
    this.#method = method
    this.#resolve = resolve
    this.#reject = reject
  }

  /** @param {import('./wire.js').Response} response */
  respond(response) {
    if (response.code !== 0) {
      const error = fromStatus(response.code, response.message, response.details)
      // Of a stream that breaks some may have been applied.
      error.maybeApplied = true
      this.#reject(error)
      return
    }
    try {
      this.#resolve(parse(this.#method, response.payload))
    } catch (error) {
      this.#reject(error)
    }
  }

  data() {
    this.end()
  }

  end() {
    this.#reject(nonsense('the server answered a call of one reply like a stream'))
  }

  /** @param {unknown} error */
  failed(error) {
    this.#reject(error)
  }
}

/**
 * A time-out, if there is one. TypeError for what is no number, RangeError beyond what a timer can do.
 *
 * @param {string} name
 * @param {number | undefined} timeoutMs
 */
export function checkedTimeout(name, timeoutMs) {
  if (timeoutMs === undefined) return undefined
  if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) {
    throw new TypeError(`${name} is a number of milliseconds`)
  }
  if (timeoutMs > LONGEST_TIMEOUT_MS) {
    throw new RangeError(`${name} is at most ${LONGEST_TIMEOUT_MS}, not ${timeoutMs}`)
  }
  return timeoutMs
}
