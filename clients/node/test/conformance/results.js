// Tells what a test of the conformance suite came to, for the matrix of docs/CLIENTS.md.
import fs from 'node:fs'

/** Names the file that every client's runner adds its results to, a JSON object a line. */
const VARIABLE = 'TALLY_CLIENT_RESULTS'

/** Records whether `body` passed. */
export async function recorded(suite, name, body) {
  let outcome = 'failed'
  try {
    await body()
    outcome = 'passed'
  } finally {
    const path = process.env[VARIABLE]
    if (path) fs.appendFileSync(path, `${JSON.stringify({ client: 'node', suite, name, outcome })}\n`)
  }
}
