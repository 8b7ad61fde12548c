/**
 * One connection, shared by all calls of a client: their frames go out together, their answers are handed
 * out as they come.
 *
 * 1. A call is in the table from before its request is written until its last frame came or it was forgotten.
 * 2. Once `closed`, the table and the queue are empty and stay so; every call that was there has failed.
 * 3. Calls beyond the limit in flight, or beyond what waits to be written, wait here for their turn.
 * 4. The socket keeps the process alive while calls are under way, and only then.
 *
 * @module
 */

import net from 'node:net'

import { Code, ConnectionLost, TooManyInFlight } from './errors.js'
import { nonsense } from './nonsense.js'
import { Queue } from './queue.js'
import {
  DATA,
  decodeResponse,
  FrameParser,
  LAST_STREAM_ID,
  NO_DATA,
  ProtocolError,
  REMOTE_CLOSED,
  RESPONSE,
} from './wire.js'

/** Calls under way at once. A server takes 1,024 unless it was told otherwise; the rest is for cancelling. */
export const DEFAULT_MOST_IN_FLIGHT = 1000
/** Calls that wait for their turn. Further ones are refused with TooManyInFlight. */
export const MOST_WAITING = 1 << 16
/** Bytes that may wait to be written, before calls wait for their turn and a stream's `send` is refused. */
export const LONGEST_OUTBOX_BYTES = 16 << 20
/** What is written at once at the latest; less than that waits for the end of the tick. */
export const FLUSH_BYTES = 256 << 10
/** What is read at once at most. */
const RECEIVE_BYTES = 256 << 10
/** Writing that makes no progress for this long ends the connection. */
export const WRITE_STALL_MS = 30_000

/**
 * Where to look, by the error's code.
 *
 * @type {Readonly<Record<string, string>>}
 */
const ADVICE = {
  ENOENT: '; does `tally serve` run, with this socket?',
  ECONNREFUSED: '; does `tally serve` run, with this socket?',
  EACCES: '; may this user write to the socket?',
}

/**
 * A call, as its connection sees it. The connection owns `streamId`, which is 0 before and after.
 *
 * @typedef {object} Call
 * @property {number} streamId
 * @property {boolean} oneReply one Response is all that may come: Data ends the call as `end` says
 * @property {boolean} settled what waits for its turn and is settled by then is not begun
 * @property {(streamId: number) => Buffer} encode the frame that begins it
 * @property {(response: import('./wire.js').Response) => void} respond the call's end, by a Response; its
 *   bytes are overwritten afterwards
 * @property {(payload: Uint8Array) => void} data one message of a stream; overwritten afterwards
 * @property {() => void} end a stream's good end
 * @property {(error: import('./errors.js').TallyError) => void} failed the connection ended first, or the
 *   answer makes no sense
 */

/**
 * @typedef {object} Limits
 * @property {number} mostInFlight
 * @property {number} stallMs
 */

/**
 * Connects. Rejects with ConnectionLost, with nothing sent.
 *
 * @param {string} path
 * @param {Limits} limits
 * @returns {Promise<Connection>}
 */
export function connect(path, limits) {
  return new Promise((resolve, reject) => {
    /** @type {Connection | undefined} */
    let connection
    // One buffer for all reads: what is kept longer than it takes to hand it out is copied.
    const buffer = Buffer.allocUnsafe(RECEIVE_BYTES)
    const callback = (/** @type {number} */ size) => {
      connection?.received(buffer.subarray(0, size))
      return true
    }
    const socket = net.createConnection({ path, onread: { buffer, callback } })
    socket.once('error', (error) => {
      const { code } = /** @type {{ code?: string }} */ (error)
      const message = `cannot connect to ${path}: ${error.message}${(code && ADVICE[code]) ?? ''}`
      reject(new ConnectionLost(message, { maybeApplied: false, cause: error }))
    })
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      connection = new Connection(socket, limits)
      resolve(connection)
    })
  })
}

export class Connection {
  closed = false
  #socket
  #limits
  #parser = new FrameParser()
  /** @type {Map<number, Call>} */
  #table = new Map()
  /** @type {Queue<Call>} */
  #waiting = new Queue()
  #nextId = 1
  /** @type {Buffer[]} */
  #pending = []
  #pendingBytes = 0
  #flushScheduled = false
  /** @type {Array<() => void>} */
  #whenDrained = []
  #onFrame = this.#dispatch.bind(this)

  /**
   * @param {import('node:net').Socket} socket connected
   * @param {Limits} limits
   */
  constructor(socket, limits) {
    this.#socket = socket
    this.#limits = limits
    socket.unref()
    socket.on('end', () => this.#hungUp())
    socket.on('error', (error) => this.end(`the connection was lost: ${error.message}`, error))
    socket.on('close', () => this.end('the connection was closed'))
    socket.on('drain', () => this.#drained())
    socket.on('timeout', () => this.end(`the server took nothing for ${limits.stallMs} ms`))
  }

  /** Bytes that wait to be written. */
  get outboxBytes() {
    return this.#pendingBytes + this.#socket.writableLength
  }

  /**
   * Begins a call, now or when it is its turn. What becomes of it is told to the call.
   *
   * @param {Call} call
   */
  start(call) {
    if (this.closed) {
      call.failed(new ConnectionLost('the connection has ended', { maybeApplied: false }))
    } else if (this.#waiting.size === 0 && this.#hasRoom()) {
      this.#begin(call)
    } else if (this.#waiting.size < MOST_WAITING) {
      this.#waiting.push(call)
    } else {
      const message = `${MOST_WAITING} calls wait already`
      const details = { limit: String(MOST_WAITING) }
      call.failed(new TooManyInFlight(Code.RESOURCE_EXHAUSTED, message, 'TOO_MANY_IN_FLIGHT', details))
    }
  }

  /**
   * Sends a request whose answer nobody waits for.
   *
   * @param {(streamId: number) => Buffer} encode
   */
  post(encode) {
    if (!this.closed) this.write(encode(this.#takeId()))
  }

  /**
   * Writes a frame, with what else is written in this tick. Once closed, nothing.
   *
   * @param {Buffer} frame
   */
  write(frame) {
    if (this.closed) return
    this.#pending.push(frame)
    this.#pendingBytes += frame.length
    if (this.#pendingBytes >= FLUSH_BYTES) {
      this.#flush()
    } else if (!this.#flushScheduled) {
      this.#flushScheduled = true
      process.nextTick(flushLater, this)
    }
  }

  /** Resolves when what was written has left, or when the connection has ended. */
  drained() {
    this.#flush()
    if (this.closed || !this.#socket.writableNeedDrain) return Promise.resolve()
    return /** @type {Promise<void>} */ (new Promise((resolve) => this.#whenDrained.push(resolve)))
  }

  /**
   * Drops whatever still comes for the call.
   *
   * @param {Call} call
   */
  forget(call) {
    if (call.streamId !== 0 && this.#table.get(call.streamId) === call) this.#remove(call)
    this.#next()
  }

  /**
   * Ends the connection and fails every call on it.
   *
   * @param {string} reason
   * @param {unknown} [cause]
   */
  end(reason, cause) {
    if (this.closed) return
    this.closed = true
    this.#socket.destroy()
    this.#pending = []
    this.#pendingBytes = 0
    for (const resolve of this.#whenDrained.splice(0)) resolve()
    const calls = [...this.#table.values()]
    this.#table.clear()
    for (const call of calls) {
      call.streamId = 0
      call.failed(new ConnectionLost(reason, { maybeApplied: true, cause }))
    }
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      if (!call.settled) call.failed(new ConnectionLost(reason, { maybeApplied: false, cause }))
    }
  }

  /**
   * As `end`; resolves when the socket is closed.
   *
   * @param {string} reason
   * @returns {Promise<void>}
   */
  close(reason) {
    const socket = this.#socket
    const closed = new Promise((resolve) => {
      if (socket.closed) resolve(undefined)
      else socket.once('close', () => resolve(undefined))
    })
    this.end(reason)
    return closed
  }

  #hasRoom() {
    return this.#table.size < this.#limits.mostInFlight && this.outboxBytes < LONGEST_OUTBOX_BYTES
  }

  /** @param {Call} call */
  #begin(call) {
    if (this.#table.size === 0) this.#socket.ref()
    call.streamId = this.#takeId()
    this.#table.set(call.streamId, call)
    this.write(call.encode(call.streamId))
  }

  /** @param {Call} call */
  #remove(call) {
    this.#table.delete(call.streamId)
    call.streamId = 0
    if (this.#table.size === 0 && this.#waiting.size === 0) this.#socket.unref()
  }

  /** Begins those whose turn it is. */
  #next() {
    if (this.#waiting.size === 0) return
    while (this.#waiting.size > 0 && !this.closed && this.#hasRoom()) {
      const call = this.#waiting.shift()
      if (call !== undefined && !call.settled) this.#begin(call)
    }
    if (this.#table.size === 0 && this.#waiting.size === 0) this.#socket.unref()
  }

  #takeId() {
    let id = this.#nextId
    while (this.#table.has(id)) id = following(id)
    this.#nextId = following(id)
    return id
  }

  /** Writes all that is pending. */
  flush() {
    this.#flushScheduled = false
    this.#flush()
  }

  #flush() {
    if (this.#pending.length === 0) return
    const bytes = this.#pending.length === 1 ? this.#pending[0] : Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    // Reading what comes counts as progress too: a peer that answers is alive.
    if (!this.#socket.write(bytes)) this.#socket.setTimeout(this.#limits.stallMs)
  }

  #drained() {
    this.#socket.setTimeout(0)
    for (const resolve of this.#whenDrained.splice(0)) resolve()
    this.#next()
  }

  /**
   * Takes bytes that came. They may be overwritten afterwards.
   *
   * @param {Buffer} chunk
   */
  received(chunk) {
    try {
      this.#parser.feed(chunk, this.#onFrame)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.end(`the connection was lost: ${error.message}`, error)
    }
    this.#next()
  }

  #hungUp() {
    const where = this.#parser.inFrame ? ' in the middle of a frame' : ''
    this.end(`the server closed the connection${where}`)
  }

  /**
   * @param {number} streamId
   * @param {number} type
   * @param {number} flags
   * @param {Uint8Array} payload
   */
  #dispatch(streamId, type, flags, payload) {
    if (type !== RESPONSE && type !== DATA) return
    const call = this.#table.get(streamId)
    if (call === undefined) return
    const ends = type === RESPONSE || (flags & REMOTE_CLOSED) !== 0 || call.oneReply
    if (ends) this.#remove(call)
    if (type === RESPONSE) {
      respond(call, payload)
      return
    }
    if ((flags & NO_DATA) === 0 && !call.oneReply) call.data(payload)
    if (ends) call.end()
  }

  /**
   * Where the ids go on, for a test of their wrapping.
   *
   * @param {number} id
   */
  set nextId(id) {
    this.#nextId = id
  }
}

/** @param {Connection} connection */
function flushLater(connection) {
  connection.flush()
}

/**
 * @param {Call} call
 * @param {Uint8Array} payload
 */
function respond(call, payload) {
  let response
  try {
    response = decodeResponse(payload)
  } catch (problem) {
    if (!(problem instanceof ProtocolError)) throw problem
    call.failed(nonsense(`the answer does not parse: ${problem.message}`, problem))
    return
  }
  call.respond(response)
}

/** @param {number} id */
function following(id) {
  return id + 2 > LAST_STREAM_ID ? 1 : id + 2
}
