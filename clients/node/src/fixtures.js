/**
 * Fixtures as the JSON text that the daemon takes.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'

/**
 * @param {string | URL | object} fixtures a file's path, or what it holds; a bigint is written as the number
 *   that proto3 JSON takes as text
 * @returns {Promise<string>}
 */
export async function fixtureText(fixtures) {
  if (typeof fixtures === 'string' || fixtures instanceof URL) return await readFile(fixtures, 'utf8')
  return JSON.stringify(fixtures, (_, value) => (typeof value === 'bigint' ? String(value) : value))
}
