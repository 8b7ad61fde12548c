/**
 * Every way a call can fail, as a class.
 *
 * `TallyError` is the base. A failure with a reason of errors.proto has that reason's class, such as
 * `InsufficientCredits`; the few without one have a class of their code, below.
 *
 * @module
 */

import { BY_REASON } from './generated/errors.js'
import { ErrorInfo } from './generated/tallystick/v1/errors.js'
import { nonsense } from './nonsense.js'
import { Code, TallyError } from './status.js'

export * from './generated/errors.js'
export { Code, TallyError }

/** How the detail is named in a status; what stands before the slash is free. */
const ERROR_INFO = '/tallystick.v1.ErrorInfo'

/** The server cannot answer now. Nothing was applied, unless `maybeApplied`. */
export class Unavailable extends TallyError {}

/** There is no connection, or it ended before the answer. The client has tried again already. */
export class ConnectionLost extends Unavailable {
  /**
   * @param {string} message
   * @param {{ maybeApplied: boolean, cause?: unknown }} options
   */
  constructor(message, { maybeApplied, cause }) {
    super(Code.UNAVAILABLE, message, '', {}, cause === undefined ? undefined : { cause })
    this.maybeApplied = maybeApplied
  }
}

/** The call's time is over. `maybeApplied` is true when it was the client that stopped waiting. */
export class DeadlineExceeded extends TallyError {}

/** The call was cancelled: by its AbortSignal, whose reason is the `cause`, or by somebody with its token. */
export class Cancelled extends TallyError {}

/** The server has no such method: it is older than this client, or does not serve it here. */
export class Unimplemented extends TallyError {}

/** A stream's messages were not taken as fast as they came, and the client's buffer is full. */
export class StreamOverflow extends TallyError {}

/** The client was closed before the call was made. */
export class ClientClosed extends Error {
  constructor() {
    super('the client is closed')
  }

  get name() {
    return 'ClientClosed'
  }
}

/** @type {Map<number, typeof TallyError>} */
const BY_CODE = new Map([
  [Code.UNAVAILABLE, Unavailable],
  [Code.DEADLINE_EXCEEDED, DeadlineExceeded],
  [Code.CANCELLED, Cancelled],
  [Code.UNIMPLEMENTED, Unimplemented],
])

const OUTCOME_UNKNOWN = 'OUTCOME_UNKNOWN'

/**
 * The error for a status.
 *
 * @param {number} code
 * @param {string} message
 * @param {Iterable<readonly [typeUrl: string, value: Uint8Array]>} [details]
 * @returns {TallyError}
 */
export function fromStatus(code, message, details = []) {
  const known = code >= Code.OK && code <= Code.UNAUTHENTICATED ? code : Code.UNKNOWN
  for (const [typeUrl, value] of details) {
    if (!typeUrl.endsWith(ERROR_INFO)) continue
    let info
    try {
      info = ErrorInfo.decode(value)
    } catch (problem) {
      return nonsense('the answer does not parse: its details are none', problem)
    }
    return fromInfo(known, message, info)
  }
  return make(BY_CODE.get(known), known, message)
}

/**
 * The error for a reason; also for one item's `ItemError` in a batch.
 *
 * @param {number} code
 * @param {string} message
 * @param {{ reason: string, metadata: Readonly<Record<string, string>> }} info
 * @returns {TallyError}
 */
export function fromInfo(code, message, info) {
  /** @type {Readonly<Record<string, typeof TallyError>>} */
  const kinds = BY_REASON
  const kind = Object.hasOwn(kinds, info.reason) ? kinds[info.reason] : undefined
  const error = make(kind ?? BY_CODE.get(code), code, message, info.reason, info.metadata)
  error.maybeApplied = info.reason === OUTCOME_UNKNOWN
  return error
}

/**
 * @param {typeof TallyError | undefined} kind
 * @param {number} code
 * @param {string} message
 * @param {string} [reason]
 * @param {Readonly<Record<string, string>>} [details]
 */
function make(kind, code, message, reason, details) {
  return new (kind ?? TallyError)(/** @type {any} */ (code), message, reason, details)
}
