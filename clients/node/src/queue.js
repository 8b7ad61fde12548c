/**
 * First in, first out. Taking from the front costs the same however many wait.
 *
 * @module
 */

/** What was taken is let go of when this many places, and half of all, are empty. */
const EMPTY_PLACES = 1024

/** @template T */
export class Queue {
  /** @type {Array<T | undefined>} */
  #places = []
  #head = 0

  get size() {
    return this.#places.length - this.#head
  }

  /** @param {T} value */
  push(value) {
    this.#places.push(value)
  }

  /** The first, which leaves; undefined when there is none. */
  shift() {
    if (this.#head === this.#places.length) return undefined
    const value = this.#places[this.#head]
    this.#places[this.#head++] = undefined
    if (this.#head === this.#places.length) {
      this.#places = []
      this.#head = 0
    } else if (this.#head >= EMPTY_PLACES && this.#head * 2 >= this.#places.length) {
      this.#places = this.#places.slice(this.#head)
      this.#head = 0
    }
    return value
  }

  clear() {
    this.#places = []
    this.#head = 0
  }
}
