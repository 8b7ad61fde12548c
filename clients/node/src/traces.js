/**
 * Stack traces of calls that fail: an error is made where its answer is read, and that says nothing of the
 * caller.
 *
 * @module
 */

import { TallyError } from './status.js'

/**
 * Throws an error again. As the last handler of a promise that is handed out, it gives the error's trace the
 * functions that await it.
 *
 * @param {unknown} error
 * @returns {never}
 */
export function rethrow(error) {
  if (error instanceof TallyError) {
    Error.captureStackTrace(error, rethrow)
  } else if (error instanceof Error) {
    const here = { stack: '' }
    Error.captureStackTrace(here, rethrow)
    error.stack = error.stack + here.stack.slice('Error'.length)
  }
  throw error
}
