/**
 * Amounts are bigints of micro-dollars (1_000_000n is one dollar). Dollars are decimal text: no amount ever
 * passes through a floating-point number.
 *
 * @module
 */

const DECIMALS = 6
const MICROS_PER_DOLLAR = 1_000_000n
/** The ends of the wire's int64. */
const LEAST = -(2n ** 63n)
const MOST = 2n ** 63n - 1n

/**
 * The micro-dollars of an amount in dollars: `dollars('0.25')` is `250_000n`.
 *
 * TypeError for a number or anything else that is neither text nor a bigint of whole dollars; RangeError for
 * what is no decimal number, has more than six decimals, or leaves int64.
 *
 * @param {string | bigint} amount
 * @returns {bigint}
 */
export function dollars(amount) {
  if (typeof amount === 'bigint') return inRange(amount * MICROS_PER_DOLLAR, amount)
  if (typeof amount !== 'string') {
    throw new TypeError(`dollars are a decimal text such as '0.25', not a ${typeof amount}`)
  }
  const match = /^([+-]?)([0-9]{1,20})(?:\.([0-9]+))?$/.exec(amount)
  if (match === null) throw new RangeError(`not an amount of dollars: '${amount}'`)
  const [, sign, whole = '', fraction = ''] = match
  const decimals = fraction.replace(/0+$/, '')
  if (decimals.length > DECIMALS) {
    throw new RangeError(`an amount has at most six decimals: '${amount}'`)
  }
  const micros = BigInt(whole + decimals.padEnd(DECIMALS, '0'))
  return inRange(sign === '-' ? -micros : micros, amount)
}

/**
 * The dollars of an amount, exactly, with at least two decimals: `formatDollars(250_000n)` is `'0.25'`.
 *
 * @param {bigint} micros
 * @returns {string}
 */
export function formatDollars(micros) {
  if (typeof micros !== 'bigint') {
    throw new TypeError(`an amount is a bigint of micro-dollars, not a ${typeof micros}`)
  }
  const magnitude = micros < 0n ? -micros : micros
  const fraction = String(magnitude % MICROS_PER_DOLLAR).padStart(DECIMALS, '0')
  const decimals = fraction.replace(/0{1,4}$/, '')
  return `${micros < 0n ? '-' : ''}${magnitude / MICROS_PER_DOLLAR}.${decimals}`
}

/**
 * @param {bigint} micros
 * @param {string | bigint} amount
 */
function inRange(micros, amount) {
  if (micros < LEAST || micros > MOST) throw new RangeError(`amount out of range: ${amount}`)
  return micros
}
