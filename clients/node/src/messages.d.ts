/** The messages and enums of tallystick.v1: types of requests and replies, and their codecs. */
export * from './generated/messages.js'
