/**
 * `Symbol.asyncDispose`, which Node has had since 18.18, and which is defined here where it is missing.
 *
 * @module
 */

if (Symbol.asyncDispose === undefined) {
  Object.defineProperty(Symbol, 'asyncDispose', { value: Symbol.for('nodejs.asyncDispose') })
}

/** @type {typeof Symbol.asyncDispose} */
export const asyncDispose = Symbol.asyncDispose
