/**
 * The error that a call ends with: a gRPC code, a reason, and the reason's details.
 *
 * @module
 */

/** gRPC's status codes. */
export const Code = Object.freeze({
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
})

/** @type {string[]} */
const NAMES = Object.keys(Code)

/**
 * A call failed. Branch on the class or on `reason`, never on the message's text.
 *
 * An error means that nothing was applied, unless `maybeApplied` is true: then only the same call with the
 * same idempotency key tells.
 */
export class TallyError extends Error {
  /**
   * @param {number} code one of `Code`
   * @param {string} message for people
   * @param {string} [reason] the name of a reason in errors.proto, such as `INSUFFICIENT_CREDITS`
   * @param {Readonly<Record<string, string>>} [details] what a client needs to act, by name
   * @param {{ cause?: unknown }} [options]
   */
  constructor(code, message, reason = '', details = {}, options = undefined) {
    super(message, options)
    /** The gRPC status code, one of `Code`. */
    this.code = code
    /** The name of a reason in errors.proto; empty when there is none. */
    this.reason = reason
    /** What a client needs to act, by name. */
    this.details = Object.freeze({ ...details })
    /** Whether the call may have been applied all the same. */
    this.maybeApplied = false
  }

  /** The class's name. */
  get name() {
    return this.constructor.name
  }

  toString() {
    const details = Object.keys(this.details)
      .sort()
      .map((name) => ` ${name}=${this.details[name]}`)
    return `${this.name}: ${this.reason || NAMES[this.code]}: ${this.message}${details.join('')}`
  }

  /**
   * A detail that the reason promises. TypeError when the server sent none.
   *
   * @protected
   * @param {string} detail
   * @returns {string}
   */
  _text(detail) {
    const text = Object.hasOwn(this.details, detail) ? this.details[detail] : undefined
    if (text === undefined) throw new TypeError(`the server sent no ${detail}`)
    return text
  }

  /**
   * @protected
   * @param {string} detail
   * @returns {bigint}
   */
  _number(detail) {
    return BigInt(this._text(detail))
  }
}
