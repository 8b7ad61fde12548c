// How long a test waits for what must happen: the one limit of real time that tests have.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

/** Within this whatever a test waits for must happen, on however busy a machine. */
export const PATIENCE_MS = 300_000

/**
 * A limit that is to pass, and whose end is all that the test waits for: however late the machine is, the
 * outcome is the same.
 */
export const SOON_MS = 20

/** Between two looks at what is waited for. */
export const look = () => pause(2)

/** Options of a client that gives up only when patience is at its end. */
export const PATIENT = Object.freeze({ timeoutMs: PATIENCE_MS, retryMs: PATIENCE_MS })

/**
 * Deadlines for a test in which one shall pass after the call was sent: on a busy machine the first may pass
 * before, and then the next is tried.
 */
export const GROWING_DEADLINES_MS = Array.from({ length: 12 }, (_, power) => SOON_MS * 2 ** power)

/**
 * Waits until `condition` holds; it may be asked in vain as often as need be.
 *
 * @param {() => unknown} condition
 */
export async function waitUntil(condition) {
  const start = performance.now()
  while (!(await condition())) {
    assert.ok(performance.now() - start < PATIENCE_MS, `waited in vain for ${condition}`)
    await look()
  }
}
