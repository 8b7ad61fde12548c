/**
 * An answer that makes no sense: nobody knows what it was to say.
 *
 * @module
 */

import { Code, TallyError } from './status.js'

/**
 * @param {string} message
 * @param {unknown} [cause]
 * @returns {TallyError}
 */
export function nonsense(message, cause) {
  const error = new TallyError(Code.INTERNAL, message, '', {}, cause === undefined ? undefined : { cause })
  error.maybeApplied = true
  return error
}
