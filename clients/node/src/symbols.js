/**
 * `Symbol.asyncDispose`, which Node has had since 18.18, defined here where it is missing.
 *
 * @module
 */

if (Symbol.asyncDispose === undefined) {
  Object.defineProperty(Symbol, 'asyncDispose', { value: Symbol.for('nodejs.asyncDispose') })
}

export {}
