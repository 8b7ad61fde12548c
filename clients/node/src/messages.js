/**
 * The messages and enums of tallystick.v1: types of requests and replies, and their codecs.
 *
 * @module
 */

export { CodecError, UNKNOWN } from './codec.js'
export * from './generated/messages.js'
