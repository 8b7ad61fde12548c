// A daemon whose database outlives it, for tests that end it and start it again.
import { Daemon, serveArguments, socketIn } from '../../src/daemon.js'

/** `tally serve --testing` on a directory of its own; ends with this process, whatever becomes of it. */
export class KeptDaemon {
  #directory
  #args
  /** @type {Daemon | undefined} */
  #daemon = undefined

  constructor() {
    const { directory, args } = serveArguments({ keep: true })
    this.#directory = directory
    this.#args = args
    this.socket = socketIn(directory)
  }

  /** Starts it, unless it runs; resolves once it accepts calls. Rejects with HarnessError. */
  async start() {
    if (this.#daemon?.hasExited === false) return
    this.#daemon = await Daemon.start(this.#args, this.#directory)
  }

  /** Ends it as a crash would. */
  async kill() {
    await this.#daemon.end('SIGKILL')
  }

  /** Ends it in good order. */
  async stop() {
    const status = await this.#daemon.end('SIGTERM')
    if (status !== 0) throw new Error(`the daemon ended with status ${status}: ${this.#daemon.log()}`)
  }

  /** Waits until it has ended; resolves to its exit status, null after a signal. */
  async ended() {
    return await this.#daemon.ended()
  }

  async close() {
    await this.#daemon?.end('SIGKILL')
    this.#daemon?.remove()
  }
}
