/**
 * Times are bigints of microseconds since the epoch, UTC.
 *
 * @module
 */

const MICROS_PER_MILLI = 1000n

/**
 * The microseconds of a time. TypeError for anything but a bigint or a valid Date.
 *
 * @param {bigint | Date} time
 * @returns {bigint}
 */
export function toMicros(time) {
  if (typeof time === 'bigint') return time
  if (time instanceof Date && !Number.isNaN(time.getTime())) {
    return BigInt(time.getTime()) * MICROS_PER_MILLI
  }
  throw new TypeError('a time is a bigint of microseconds or a valid Date')
}

/**
 * The Date of a bigint of microseconds; what is below a millisecond is cut off, towards the past.
 *
 * @param {bigint} micros
 * @returns {Date}
 */
export function toDate(micros) {
  if (typeof micros !== 'bigint') throw new TypeError('a time is a bigint of microseconds')
  const below = ((micros % MICROS_PER_MILLI) + MICROS_PER_MILLI) % MICROS_PER_MILLI
  const date = new Date(Number((micros - below) / MICROS_PER_MILLI))
  if (Number.isNaN(date.getTime())) throw new RangeError(`no Date reaches ${micros} microseconds`)
  return date
}
