/**
 * Calls that end when a signal is aborted: one listener for all calls of a signal, since a signal with more
 * than a few is taken for a leak.
 *
 * @module
 */

/** @type {WeakMap<AbortSignal, { calls: Set<() => void>, listener: () => void }>} */
const watched = new WeakMap()

/**
 * Calls back once the signal is aborted, unless it is forgotten before.
 *
 * @param {AbortSignal} signal not aborted yet
 * @param {() => void} call
 */
export function onAbort(signal, call) {
  const watch = watched.get(signal)
  if (watch !== undefined) {
    watch.calls.add(call)
    return
  }
  const calls = new Set([call])
  const listener = () => {
    watched.delete(signal)
    for (const each of calls) each()
  }
  watched.set(signal, { calls, listener })
  signal.addEventListener('abort', listener, { once: true })
}

/**
 * @param {AbortSignal} signal
 * @param {() => void} call
 */
export function forgetAbort(signal, call) {
  const watch = watched.get(signal)
  if (watch === undefined || !watch.calls.delete(call) || watch.calls.size > 0) return
  watched.delete(signal)
  signal.removeEventListener('abort', watch.listener)
}
