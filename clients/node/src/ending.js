/**
 * How runs and holds end, and how what may have begun is given back. No public API.
 *
 * @module
 */

import {
  HoldExpired,
  HoldNotFound,
  HoldSettled,
  InsufficientCredits,
  RunConflict,
  RunNotFound,
  TallyError,
} from './errors.js'
import { newKey } from './keys.js'

const WARNING_CODE = 'TALLY_NOT_RELEASED'

/** @typedef {import('./generated/tallystick/v1/usage.js').FinishRunResponse} FinishRunResponse */
/** @typedef {import('./generated/tallystick/v1/credits.js').ReleaseResponse} ReleaseResponse */
/** @typedef {import('./method.js').CallOptions} CallOptions */

/**
 * What ends once: the request that was sent to end it, and its reply.
 *
 * @template Reply
 */
export class Ending {
  /** @type {(() => Promise<Reply>) | undefined} */
  #open = undefined
  /** @type {Reply | undefined} */
  reply = undefined

  /**
   * Ends it by this call, unless an end was made; then returns that one's reply.
   *
   * @param {(options: CallOptions | undefined) => Promise<Reply>} call
   * @param {CallOptions | undefined} options of this attempt: its signal and its time are no other's
   * @returns {Promise<Reply>}
   */
  async by(call, options) {
    if (this.reply !== undefined) return this.reply
    this.#open = () => call(lasting(options))
    try {
      this.reply = await call(options)
    } catch (error) {
      // What was surely not applied leaves it to be ended otherwise.
      if (!mayBeApplied(error)) this.#open = undefined
      throw error
    }
    return this.reply
  }

  /**
   * Ends it by the end whose outcome is open, else by this call. Never throws.
   *
   * @param {string} what
   * @param {() => Promise<Reply>} call
   * @param {(error: unknown) => boolean} hasEnded whether an error of this call says that there is nothing
   *   left to end
   */
  async dispose(what, call, hasEnded) {
    if (this.reply !== undefined) return
    try {
      this.reply = await (this.#open ?? call)()
    } catch (error) {
      if (this.#open === undefined && hasEnded(error)) return
      const detail = error instanceof Error ? error.message : String(error)
      process.emitWarning(`${what} was not ended, and is held until it expires: ${detail}`, {
        type: 'TallystickWarning',
        code: WARNING_CODE,
      })
    }
  }
}

/**
 * A call's options for what is done after it: without its signal and its time, which may be over.
 *
 * @param {CallOptions | undefined} options
 * @returns {CallOptions}
 */
export function lasting(options) {
  return { metadata: options?.metadata }
}

/**
 * Whether a call that failed may have been applied: only the same one again tells.
 *
 * @param {unknown} error
 */
function mayBeApplied(error) {
  return error instanceof TallyError && error.maybeApplied
}

/**
 * Begins something. When it fails with its outcome open, what may have begun is ended first.
 *
 * @template Reply
 * @param {() => Promise<Reply>} begin
 * @param {() => Promise<void>} undo
 * @returns {Promise<Reply>}
 */
export async function begin(begin, undo) {
  try {
    return await begin()
  } catch (error) {
    if (mayBeApplied(error)) await undo()
    throw error
  }
}

/**
 * Ends a run without cost, unless it has ended. Never throws.
 *
 * @param {import('./generated/services/usage_service.js').UsageService} usage
 * @param {{ runId: string, attempt?: number | undefined }} run
 * @param {{ status: number, error?: string }} how
 * @param {Ending<FinishRunResponse>} [ending]
 * @param {CallOptions} [options]
 */
export async function giveUpRun(usage, run, how, ending = new Ending(), options = undefined) {
  // Somebody else has finished it, then, or it never began.
  const hasEnded = (/** @type {unknown} */ error) => {
    return error instanceof RunConflict || error instanceof RunNotFound
  }
  const request = { ...how, runId: run.runId, attempt: run.attempt, costMicros: 0n }
  await ending.dispose(`run ${run.runId}`, () => usage.finishRun(request, options), hasEnded)
}

/**
 * Finds by its key what may be held, and releases it. Never throws.
 *
 * @param {import('./generated/services/credit_service.js').CreditService} credits
 * @param {import('./generated/tallystick/v1/credits.js').ReserveRequestInit} request
 * @param {CallOptions} [options]
 */
export async function giveUpHold(credits, request, options) {
  /** @type {Ending<ReleaseResponse>} */
  const ending = new Ending()
  const release = async () => {
    const { hold } = await credits.reserve(request, options)
    return await credits.release({ idempotencyKey: newKey(), holdId: hold?.holdId }, options)
  }
  // What the credit does not suffice for now was not held before.
  const hasEnded = (/** @type {unknown} */ error) => {
    return isSettled(error) || error instanceof InsufficientCredits
  }
  await ending.dispose(`hold ${request.idempotencyKey}`, release, hasEnded)
}

/** @param {unknown} error */
export function isSettled(error) {
  return error instanceof HoldSettled || error instanceof HoldExpired || error instanceof HoldNotFound
}
