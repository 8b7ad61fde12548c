/**
 * Runs and holds that end with the block that they were begun in: what was not finished is given back.
 *
 * 1. Ending is idempotent: the first end that the server took is the end, and disposal then does nothing.
 * 2. An end whose outcome is open is repeated with the same request and key, never replaced by another one.
 * 3. Disposal never throws, so that it hides no error of the block; what it could not do is a warning of the
 *    process, and the server gives the credit back when the hold expires.
 *
 * @module
 */

import { Ending, giveUpRun, isSettled } from './ending.js'
import { RunStatus } from './generated/tallystick/v1/usage.js'
import './symbols.js'

/** The longest text of an error that a run takes, in bytes of UTF-8. */
export const LONGEST_ERROR_BYTES = 1024

/** @typedef {import('./generated/tallystick/v1/usage.js').FinishRunRequestInit} FinishRunRequest */
/** @typedef {import('./generated/tallystick/v1/usage.js').FinishRunResponse} FinishRunResponse */
/** @typedef {import('./method.js').CallOptions} CallOptions */

/** A run that was begun. Finish it, or it is recorded as cancelled when its block ends. */
export class Run {
  #usage
  #reply
  /** @type {Ending<FinishRunResponse>} */
  #ending = new Ending()

  /**
   * @param {import('./generated/services/usage_service.js').UsageService} usage
   * @param {import('./generated/tallystick/v1/usage.js').BeginRunResponse} reply
   * @param {string} runId
   * @param {number | undefined} [attempt]
   */
  constructor(usage, reply, runId, attempt = undefined) {
    this.#usage = usage
    this.#reply = reply
    this.runId = runId
    this.attempt = attempt
  }

  /** What the server answered when it was begun: the run, its hold, and the balance. */
  get begun() {
    return this.#reply
  }

  /** What the server answered when it ended; undefined before. */
  get ended() {
    return this.#ending.reply
  }

  /**
   * The work is done: charges what it cost, or what the plan's prices say when no cost is given. Ended
   * already, returns that end.
   *
   * @param {Omit<FinishRunRequest, 'runId' | 'attempt'>} [result]
   * @param {CallOptions} [options]
   * @returns {Promise<FinishRunResponse>}
   */
  finish(result = {}, options = undefined) {
    const request = { status: RunStatus.SUCCEEDED, ...result, runId: this.runId, attempt: this.attempt }
    return this.#ending.by((own) => this.#usage.finishRun(request, own), options)
  }

  /**
   * The work failed: charges nothing unless a cost is given.
   *
   * @param {unknown} error what went wrong; its text is recorded, cut to what the server takes
   * @param {Omit<FinishRunRequest, 'runId' | 'attempt' | 'status' | 'error'>} [result]
   * @param {CallOptions} [options]
   */
  async fail(error, result = {}, options = undefined) {
    const text = cut(error instanceof Error ? error.message : String(error))
    return await this.finish({ costMicros: 0n, ...result, status: RunStatus.FAILED, error: text }, options)
  }

  /**
   * The work was given up: charges nothing unless a cost is given.
   *
   * @param {Omit<FinishRunRequest, 'runId' | 'attempt' | 'status'>} [result]
   * @param {CallOptions} [options]
   */
  cancel(result = {}, options = undefined) {
    return this.finish({ costMicros: 0n, ...result, status: RunStatus.CANCELLED }, options)
  }

  async [Symbol.asyncDispose]() {
    await giveUpRun(this.#usage, this, { status: RunStatus.CANCELLED }, this.#ending)
  }

  /**
   * As disposal after the block's error: the run is recorded as failed unless it has ended.
   *
   * @param {unknown} error
   */
  async abandon(error) {
    const text = cut(error instanceof Error ? error.message : String(error))
    await giveUpRun(this.#usage, this, { status: RunStatus.FAILED, error: text }, this.#ending)
  }
}

/** Credit that is held. Capture what the work cost, or it is released when its block ends. */
export class Hold {
  #credits
  #reply
  #captureKey
  #releaseKey
  /** @type {Ending<CaptureResponse | ReleaseResponse>} */
  #ending = new Ending()

  /**
   * @param {import('./generated/services/credit_service.js').CreditService} credits
   * @param {import('./generated/tallystick/v1/credits.js').ReserveResponse} reply
   * @param {string} idempotencyKey that it was reserved with: a job that is done again with it captures once
   *
   * @typedef {import('./generated/tallystick/v1/credits.js').CaptureRequestInit} CaptureRequest
   * @typedef {import('./generated/tallystick/v1/credits.js').CaptureResponse} CaptureResponse
   * @typedef {import('./generated/tallystick/v1/credits.js').ReleaseResponse} ReleaseResponse
   */
  constructor(credits, reply, idempotencyKey) {
    this.#credits = credits
    this.#reply = reply
    this.#captureKey = `${idempotencyKey}-capture`
    this.#releaseKey = `${idempotencyKey}-release`
    this.holdId = /** @type {{ holdId: string }} */ (reply.hold).holdId
  }

  /** What the server answered when it was made: the hold, its transaction, and the balance. */
  get begun() {
    return this.#reply
  }

  /** What the server answered when it was captured or released; undefined before. */
  get ended() {
    return this.#ending.reply
  }

  /**
   * Charges an amount, at most what is held unless `overage` is `Overage.DRAW`, and gives the rest back. All
   * of it when no amount is given.
   *
   * @param {bigint} [amountMicros]
   * @param {Omit<CaptureRequest, 'holdId' | 'amountMicros'>} [more]
   * @param {CallOptions} [options]
   */
  capture(amountMicros, more = {}, options = undefined) {
    const request = { idempotencyKey: this.#captureKey, ...more, holdId: this.holdId, amountMicros }
    return this.#ending.by((own) => this.#credits.capture(request, own), options)
  }

  /**
   * Gives all of it back.
   *
   * @param {CallOptions} [options]
   */
  release(options) {
    const request = { idempotencyKey: this.#releaseKey, holdId: this.holdId }
    return this.#ending.by((own) => this.#credits.release(request, own), options)
  }

  /**
   * Holds it for so long from now.
   *
   * @param {bigint} ttlMillis
   * @param {CallOptions} [options]
   */
  extend(ttlMillis, options) {
    return this.#credits.extend({ holdId: this.holdId, ttlMillis }, options)
  }

  async [Symbol.asyncDispose]() {
    const request = { idempotencyKey: this.#releaseKey, holdId: this.holdId }
    await this.#ending.dispose(`hold ${this.holdId}`, () => this.#credits.release(request), isSettled)
  }
}

/**
 * A text's beginning, at most as long as a run's error may be, without cutting a character in two.
 *
 * @param {string} text
 */
function cut(text) {
  // The server takes no NUL inside a text.
  const bytes = Buffer.from(text.replaceAll('\0', ' '))
  if (bytes.length <= LONGEST_ERROR_BYTES) return bytes.toString()
  let end = LONGEST_ERROR_BYTES
  while ((bytes[end] & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
