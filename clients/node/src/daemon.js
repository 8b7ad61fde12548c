/**
 * The daemon's process: found, started, read from, ended.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { Client } from './client.js'

/** How long a daemon may take to accept calls, and to end, before that is an error. */
export const START_MS = 120_000
const STOP_MS = 120_000
/** The longest line that a daemon prints when it is ready. */
const LONGEST_LINE_BYTES = 4096

/** The daemon could not be found or started. */
export class HarnessError extends Error {
  get name() {
    return 'HarnessError'
  }
}

/** `TALLY_BINARY`; else `tally` on PATH; else what the repository above here, or above this file, built. */
export function findBinary() {
  if (process.env.TALLY_BINARY) return process.env.TALLY_BINARY
  for (const directory of (process.env.PATH ?? '').split(path.delimiter)) {
    const installed = path.join(directory, 'tally')
    if (directory !== '' && isProgram(installed)) return installed
  }
  for (const start of [process.cwd(), path.dirname(fileURLToPath(import.meta.url))]) {
    for (let directory = start; ; directory = path.dirname(directory)) {
      for (const build of ['release', 'debug']) {
        const built = path.join(directory, '.build', build, 'tally')
        if (isProgram(built)) return built
      }
      if (directory === path.dirname(directory)) break
    }
  }
  throw new HarnessError('no tally program: set TALLY_BINARY, or put it on PATH, or run make build')
}

/** @param {string} file */
function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return fs.statSync(file).isFile()
  } catch {
    return false
  }
}

/**
 * The flags of a daemon, and its directory if that is to be kept.
 *
 * @param {{ keep?: boolean, args?: readonly string[] }} options
 */
export function serveArguments({ keep = false, args = [] }) {
  const common = ['--testing', '--lifeline-stdin', ...args]
  if (!keep) return { directory: undefined, args: ['--ephemeral', ...common] }
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tally-'))
  sweepWhenOrphaned(directory)
  const places = ['--socket', socketIn(directory), '--database', path.join(directory, 'database')]
  // A test that has advanced the clock has left the ledger ahead of it.
  return { directory, args: [...places, '--any-file-system', '--clock-behind-ledger', ...common] }
}

/**
 * The socket of a daemon whose directory is kept.
 *
 * @param {string} directory
 */
export function socketIn(directory) {
  return path.join(directory, 'tally.sock')
}

/**
 * Removes a directory when this process ends, however it ends: a shell waits for the end of a pipe that only
 * this process holds. It tries again while the daemon, which ends by the same sign, still writes.
 *
 * @param {string} directory
 */
function sweepWhenOrphaned(directory) {
  const script = 'read -r _; for n in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$0" && exit; sleep 0.2; done'
  const options = /** @type {const} */ ({ stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  const sweeper = spawn('/bin/sh', ['-c', script, directory], options)
  sweeper.on('error', () => undefined)
  sweeper.unref()
  unref(sweeper.stdin)
}

/** A log in a file that has no name, since a pipe that nobody reads would stop the daemon. */
class Log {
  #descriptor
  /** @type {string | undefined} */
  #last = undefined

  constructor() {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tally-log-'))
    this.#descriptor = fs.openSync(path.join(directory, 'log'), 'wx+', 0o600)
    fs.rmSync(directory, { recursive: true })
  }

  get descriptor() {
    return this.#descriptor
  }

  text() {
    if (this.#last !== undefined) return this.#last
    const bytes = Buffer.alloc(fs.fstatSync(this.#descriptor).size)
    fs.readSync(this.#descriptor, bytes, 0, bytes.length, 0)
    return bytes.toString()
  }

  close() {
    this.#last ??= this.text()
    fs.closeSync(this.#descriptor)
  }
}

export class Daemon {
  socket = ''
  version = ''
  pid = 0
  #process
  #log
  /** @type {Promise<number | null>} */
  #exited
  #hasExited = false
  #removed = false

  /**
   * Starts a daemon; resolves once it accepts calls.
   *
   * @param {readonly string[]} args
   * @param {string | undefined} directory that is kept; undefined for a daemon that has one of its own
   * @param {string} [binary]
   */
  static async start(args, directory, binary = findBinary()) {
    const daemon = new Daemon(args, directory, binary)
    try {
      await daemon.#ready()
    } catch (error) {
      await daemon.end('SIGKILL')
      throw error
    }
    daemon.#process.unref()
    unref(daemon.#process.stdin)
    unref(daemon.#process.stdout)
    return daemon
  }

  /**
   * @param {readonly string[]} args
   * @param {string | undefined} directory
   * @param {string} binary
   */
  constructor(args, directory, binary) {
    this.directory = directory
    this.#log = new Log()
    // What the environment sets for another daemon is not meant for this one.
    const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('TALLY_'))
    this.#process = spawn(binary, ['serve', ...args], {
      env: Object.fromEntries(entries),
      stdio: ['pipe', 'pipe', this.#log.descriptor],
    })
    // Its end says all that there is to say.
    this.#process.stdin?.on('error', () => undefined)
    this.#exited = new Promise((resolve, reject) => {
      this.#process.once('error', (/** @type {Error} */ error) => {
        this.#hasExited = true
        reject(new HarnessError(`cannot run ${binary}: ${error.message}`, { cause: error }))
      })
      this.#process.once('exit', (/** @type {number | null} */ status) => {
        this.#hasExited = true
        resolve(status)
      })
    })
    // Whoever waits for it hears of it.
    this.#exited.catch(() => undefined)
  }

  async #ready() {
    const ended = this.#exited.then((status) => {
      throw new HarnessError(`the daemon did not start (status ${status}): ${this.log()}`)
    })
    const late = new Promise((_, reject) => {
      const message = `the daemon was not ready in ${START_MS} ms`
      setTimeout(() => reject(new HarnessError(`${message}: ${this.log()}`)), START_MS).unref()
    })
    const told = this.directory === undefined ? this.#line() : this.#answers(socketIn(this.directory))
    Object.assign(this, await Promise.race([told, ended, late]))
  }

  /** What a daemon with a directory of its own prints once it accepts calls. */
  #line() {
    return new Promise((resolve, reject) => {
      let text = ''
      this.#process.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ piece) => {
        text += piece
        const end = text.indexOf('\n')
        if (end < 0 && text.length <= LONGEST_LINE_BYTES) return
        try {
          const { socket, pid, version } = JSON.parse(text.slice(0, end))
          resolve({ socket, pid, version })
        } catch (error) {
          reject(new HarnessError(`not a daemon's line: ${text}`, { cause: error }))
        }
      })
    })
  }

  /**
   * What the daemon on a socket says of itself, once it does.
   *
   * @param {string} socket
   */
  async #answers(socket) {
    const client = new Client(socket, { timeoutMs: START_MS, retryMs: START_MS })
    // One that has ended will not answer, and a client that tries again keeps this process alive.
    const close = () => client.close()
    this.#exited.then(close, close)
    try {
      const { version } = await client.admin.getServerInfo({})
      return { socket, pid: this.#process.pid, version }
    } finally {
      await client.close()
    }
  }

  log() {
    return this.#log.text()
  }

  get hasExited() {
    return this.#hasExited
  }

  /**
   * Waits until the daemon has ended by itself; returns its exit status, null when a signal ended it.
   *
   * @returns {Promise<number | null>}
   */
  async ended() {
    this.#process.ref()
    await this.#exited.catch(() => undefined)
    return await this.end('SIGKILL')
  }

  /**
   * Ends the daemon, if it runs; returns its exit status, null when a signal ended it.
   *
   * @param {'SIGTERM' | 'SIGKILL'} signal
   * @returns {Promise<number | null>}
   */
  async end(signal) {
    if (!this.#hasExited) {
      this.#process.ref()
      this.#process.kill(signal)
      const late = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS)
      await this.#exited.catch(() => undefined)
      clearTimeout(late)
    }
    this.#process.stdin?.destroy()
    this.#process.stdout?.destroy()
    if (!this.#removed) this.#log.close()
    this.#removed = true
    return await this.#exited.catch(() => null)
  }

  /** Removes what was kept. */
  remove() {
    if (this.directory !== undefined) fs.rmSync(this.directory, { recursive: true, force: true })
  }
}

/** @param {unknown} pipe a socket, though its type does not say so */
function unref(pipe) {
  /** @type {{ unref?: () => void } | null} */
  const socket = pipe ?? null
  socket?.unref?.()
}
