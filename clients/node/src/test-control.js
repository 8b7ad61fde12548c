/**
 * The hands on a daemon for tests: its clock, what it holds, and what shall fail.
 *
 * @module
 */

import { fixtureText } from './fixtures.js'
import { FailureAction } from './generated/tallystick/testing/v1/testing.js'
import { Reason } from './generated/tallystick/v1/errors.js'
import { toMicros } from './times.js'

/** @typedef {import('./generated/services/test_control.js').TestControl} TestControl */

const MILLIS = Object.freeze({
  days: 86_400_000n,
  hours: 3_600_000n,
  minutes: 60_000n,
  seconds: 1_000n,
  millis: 1n,
})

/** The daemon's clock, which runs with the machine's until it is set or advanced. */
export class Clock {
  #control

  /** @param {TestControl} control */
  constructor(control) {
    this.#control = control
  }

  /** Microseconds since the epoch. */
  async now() {
    return (await this.#control.getClock({})).nowMicros
  }

  /**
   * Stops the clock at a time, never before the ledger's last; returns the new time.
   *
   * @param {bigint | Date} time
   */
  async set(time) {
    return (await this.#control.setClock({ nowMicros: toMicros(time) })).nowMicros
  }

  /**
   * Moves the clock on, as `advance({ days: 31 })`; returns the new time.
   *
   * @param {Partial<Record<keyof typeof MILLIS, number>>} span whole numbers
   */
  async advance(span) {
    let millis = 0n
    for (const [unit, count] of Object.entries(span)) {
      if (!Object.hasOwn(MILLIS, unit)) throw new TypeError(`a span has no ${unit}`)
      millis += BigInt(count) * MILLIS[/** @type {keyof typeof MILLIS} */ (unit)]
    }
    return (await this.#control.advanceClock({ millis })).nowMicros
  }
}

/** Puts into the daemon what a file or an object lists; see `LoadFixtures` in testing.proto. */
export class Fixtures {
  #control

  /** @param {TestControl} control */
  constructor(control) {
    this.#control = control
  }

  /**
   * Returns how many items were applied. The same again replays; of an item that is refused, those before it
   * stay.
   *
   * @param {string | URL | object} source a file's path, or what it holds
   * @returns {Promise<number>}
   */
  async load(source) {
    return (await this.#control.loadFixtures({ json: await fixtureText(source) })).applied
  }
}

/** Copies of the daemon's database and clock, in its memory, by name. */
export class Snapshots {
  #control

  /** @param {TestControl} control */
  constructor(control) {
    this.#control = control
  }

  /**
   * Keeps what is there now, instead of an earlier copy of that name.
   *
   * @param {string} name
   */
  async save(name) {
    await this.#control.saveSnapshot({ name })
  }

  /**
   * Puts everything back to what it was then, and clears the failures.
   *
   * @param {string} name
   */
  async restore(name) {
    await this.#control.restoreSnapshot({ name })
  }
}

/**
 * Which calls fail, and how.
 *
 * @typedef {object} Which
 * @property {number} [skip] how many pass before the first that fails
 * @property {number} [count] how many fail; one when absent
 *
 * @typedef {Which & { method?: string }} WhichCalls `method` is `CreditService/Consume`; any when absent
 *
 * @typedef {object} Refusal
 * @property {number} [code] a gRPC status code
 * @property {string} [reason] a name such as `RATE_LIMITED`
 * @property {string} [message]
 * @property {Readonly<Record<string, string>>} [details]
 */

/** What shall fail. Several failures may wait; the earliest that fits a call is the one that happens. */
export class Failures {
  #control

  /** @param {TestControl} control */
  constructor(control) {
    this.#control = control
  }

  /**
   * Calls are answered with this error before they are looked at: UNAVAILABLE when neither a code nor a
   * reason is given.
   *
   * @param {WhichCalls & Refusal} [failure]
   */
  async refuse(failure = {}) {
    const { reason, ...rest } = failure
    return await this.#inject({ ...rest, action: FailureAction.REFUSE, reason: reasonNumber(reason) })
  }

  /**
   * Calls wait before they go on.
   *
   * @param {number} delayMs whole milliseconds
   * @param {WhichCalls} [which]
   */
  async delay(delayMs, which = {}) {
    return await this.#inject({ ...which, action: FailureAction.DELAY, delayMillis: BigInt(delayMs) })
  }

  /**
   * The connection is closed instead of running the call.
   *
   * @param {WhichCalls} [which]
   */
  dropBefore(which = {}) {
    return this.#inject({ ...which, action: FailureAction.DROP_BEFORE })
  }

  /**
   * The call is run and committed, and the connection closed instead of answering it.
   *
   * @param {WhichCalls} [which]
   */
  dropAfter(which = {}) {
    return this.#inject({ ...which, action: FailureAction.DROP_AFTER })
  }

  /**
   * New connections are closed as soon as they are made.
   *
   * @param {Which} [which]
   */
  refuseConnection(which = {}) {
    return this.#inject({ ...which, action: FailureAction.REFUSE_CONNECTION })
  }

  /**
   * Commits find the disk full.
   *
   * @param {Which} [which]
   */
  storeFull(which = {}) {
    return this.#inject({ ...which, action: FailureAction.STORE_FULL })
  }

  /**
   * Commits take longer.
   *
   * @param {number} delayMs whole milliseconds
   * @param {Which} [which]
   */
  async storeDelay(delayMs, which = {}) {
    return await this.#inject({ ...which, action: FailureAction.STORE_DELAY, delayMillis: BigInt(delayMs) })
  }

  /**
   * A commit's sync fails: its outcome is unknown, and the daemon ends.
   *
   * @param {Which} [which]
   */
  storeUnknown(which = {}) {
    return this.#inject({ ...which, action: FailureAction.STORE_UNKNOWN })
  }

  /** The failures that wait, and how often each has happened. */
  async list() {
    return (await this.#control.listFailures({})).failures
  }

  /** Lets no more fail; returns how many were waiting still. */
  async clear() {
    return (await this.#control.clearFailures({})).cleared
  }

  /**
   * @param {import('./generated/tallystick/testing/v1/testing.js').FailureInit} failure
   * @returns {Promise<bigint>} the failure's id
   */
  async #inject(failure) {
    return (await this.#control.injectFailure({ failure })).failureId
  }
}

/** @param {string | undefined} name */
function reasonNumber(name) {
  if (name === undefined) return Reason.UNSPECIFIED
  const number = /** @type {Readonly<Record<string, unknown>>} */ (Reason)[name]
  if (typeof number !== 'number') throw new TypeError(`no reason is named ${name}`)
  return /** @type {import('./generated/tallystick/v1/errors.js').Reason} */ (number)
}
