// A server of frames for the tests of framing: it answers what the test tells it to.
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

import { waitUntil } from './patience.js'
import { DATA, encodeFrame, FrameParser, NO_DATA, REMOTE_CLOSED, RESPONSE } from '../src/wire.js'

/** A field of bytes with a one-byte tag. */
export function field(number, content) {
  const size = []
  let rest = content.length
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) size.push((rest % 128) | 0x80)
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...size, rest]), content])
}

/** Each field's number and bytes (a number of a varint), for what a Request holds. */
function fields(data) {
  const found = []
  let at = 0
  const varint = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = data[at++]
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  while (at < data.length) {
    const tag = varint()
    const value = varint()
    if (tag % 8 === 0) found.push([tag >> 3, value])
    else found.push([tag >> 3, data.subarray(at, (at += value))])
  }
  return found
}

/** A Request frame, read. */
export function readRequest(frame) {
  const request = { service: '', method: '', payload: Buffer.alloc(0), timeoutNanos: 0, metadata: [] }
  for (const [number, value] of fields(frame.payload)) {
    if (number === 1) request.service = String(value)
    else if (number === 2) request.method = String(value)
    else if (number === 3) request.payload = value
    else if (number === 4) request.timeoutNanos = value
    else {
      const pair = Object.fromEntries(fields(value))
      request.metadata.push([String(pair[1]), String(pair[2] ?? '')])
    }
  }
  return request
}

/** The server's end of one connection. */
export class Peer {
  constructor(socket, number) {
    this.socket = socket
    /** Which connection of the server this is, from 0. */
    this.number = number
  }

  send(bytes) {
    this.socket.write(bytes)
  }

  respond(streamId, payload = Buffer.alloc(0), status = Buffer.alloc(0)) {
    const parts = []
    if (status.length > 0) parts.push(field(1, status))
    if (payload.length > 0) parts.push(field(2, payload))
    this.send(encodeFrame(streamId, RESPONSE, 0, Buffer.concat(parts)))
  }

  data(streamId, payload) {
    this.send(encodeFrame(streamId, DATA, 0, payload))
  }

  end(streamId) {
    this.send(encodeFrame(streamId, DATA, REMOTE_CLOSED | NO_DATA, Buffer.alloc(0)))
  }

  hangUp() {
    this.socket.destroy()
  }
}

/** Answers with the message of the request, as Echo does. */
export function echo(peer, frame) {
  peer.respond(frame.streamId, readRequest(frame).payload)
}

/** Calls the handler for each frame. */
export class FakeServer {
  frames = []
  connections = 0
  peers = []

  constructor(socketPath, handler) {
    this.path = socketPath
    this.listener = net.createServer((socket) => {
      const peer = new Peer(socket, this.connections++)
      this.peers.push(peer)
      const parser = new FrameParser()
      socket.on('error', () => undefined)
      socket.on('data', (chunk) =>
        parser.feed(chunk, (streamId, type, flags, payload) => {
          const frame = { streamId, type, flags, payload: Buffer.from(payload) }
          this.frames.push(frame)
          handler(peer, frame)
        }),
      )
    })
  }

  listen() {
    return new Promise((resolve) => this.listener.listen(this.path, resolve))
  }

  /** Resolves once `condition` holds. */
  async until(condition) {
    await waitUntil(condition)
  }

  async close() {
    for (const peer of this.peers) peer.hangUp()
    await new Promise((resolve) => this.listener.close(resolve))
  }
}

/** A directory with a short path: a socket's has a limit. */
export function socketDirectory(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tally-'))
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A listening server with the test's handler, gone after the test. */
export async function serve(t, handler, socketPath = path.join(socketDirectory(t), 's')) {
  const server = new FakeServer(socketPath, handler)
  await server.listen()
  t.after(() => server.close())
  return server
}
