/**
 * What is no Unicode.
 *
 * @module
 */

/** Half of a surrogate pair, which a text of JavaScript can have and UTF-8 cannot. */
export const LONE_SURROGATE = /\p{Surrogate}/u
