/**
 * Deadlines of many calls, kept by one timer: it stands at the earliest, and looks through those that are
 * under way when it fires. The timer alone keeps no process alive.
 *
 * @module
 */

/**
 * @typedef {object} Dated
 * @property {number} expiresAt by `performance.now()`, in milliseconds; never Infinity
 * @property {() => void} expire called once, after it has left the set
 */

/** The longest that a timer can be set to, about 24 days. */
export const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

export class Deadlines {
  /** @type {Set<Dated>} */
  #entries = new Set()
  /** @type {NodeJS.Timeout | undefined} */
  #timer = undefined
  #firesAt = Infinity

  /** @param {Dated} entry */
  add(entry) {
    this.#entries.add(entry)
    if (entry.expiresAt < this.#firesAt) this.#arm(entry.expiresAt)
  }

  /** @param {Dated} entry */
  remove(entry) {
    this.#entries.delete(entry)
  }

  /** @param {number} at */
  #arm(at) {
    clearTimeout(this.#timer)
    this.#firesAt = at
    const wait = Math.min(Math.max(1, Math.ceil(at - performance.now())), LONGEST_TIMEOUT_MS)
    this.#timer = setTimeout(() => this.#fire(), wait)
    this.#timer.unref()
  }

  #fire() {
    const now = performance.now()
    const due = []
    let next = Infinity
    for (const entry of this.#entries) {
      if (entry.expiresAt <= now) due.push(entry)
      else if (entry.expiresAt < next) next = entry.expiresAt
    }
    this.#firesAt = Infinity
    if (next < Infinity) this.#arm(next)
    for (const entry of due) {
      if (this.#entries.delete(entry)) entry.expire()
    }
  }
}
