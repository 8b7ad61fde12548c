// A daemon whose database outlives it, for tests that kill it and start it again.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { findBinary } from '../../src/testing.js'

/** `tally serve --testing` on a directory of its own; ends with this process, whatever becomes of it. */
export class KeptDaemon {
  #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tally-'))
  #process = undefined
  #ended = undefined

  constructor() {
    this.socket = path.join(this.#directory, 's')
  }

  /** Starts it, unless it runs. A client's first call waits until it accepts calls. */
  start() {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) return
    // A scenario that has advanced the clock has left the ledger ahead of it.
    const flags = ['--testing', '--lifeline-stdin', '--any-file-system', '--clock-behind-ledger']
    const places = ['--socket', this.socket, '--database', path.join(this.#directory, 'data')]
    const log = fs.openSync(path.join(this.#directory, 'log'), 'a')
    // What the environment sets for another daemon is not meant for this one.
    const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('TALLY_'))
    this.#process = spawn(findBinary(), ['serve', ...flags, ...places], {
      env: Object.fromEntries(entries),
      stdio: ['pipe', 'ignore', log],
    })
    this.#process.stdin.on('error', () => undefined)
    this.#ended = once(this.#process, 'exit')
    fs.closeSync(log)
  }

  /** Ends it as a crash would. */
  async kill() {
    this.#process.kill('SIGKILL')
    await this.ended()
  }

  /** Ends it in good order. */
  async stop() {
    this.#process.kill('SIGTERM')
    const status = await this.ended()
    if (status !== 0) throw new Error(`the daemon ended with status ${status}: ${this.log()}`)
  }

  /** Waits until it has ended; resolves to its exit status, null after a signal. */
  async ended() {
    const [status] = await this.#ended
    this.#process.stdin.destroy()
    return status
  }

  log() {
    return fs.readFileSync(path.join(this.#directory, 'log'), 'utf8')
  }

  async close() {
    if (this.#process !== undefined) await this.kill()
    fs.rmSync(this.#directory, { recursive: true })
  }
}
