// Every scenario and every ledger script of proto/vectors, against a daemon that they kill and start.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, before, describe, test } from 'node:test'

import { Client } from '../src/index.js'
import { TestControl } from '../src/generated/services/test_control.js'
import { fits, Names, readDocument } from './conformance/file.js'
import { KeptDaemon } from './conformance/kept_daemon.js'
import { LedgerScript } from './conformance/ledger_run.js'
import { recorded } from './conformance/results.js'
import { Runner } from './conformance/steps.js'
import { PATIENCE_MS, PATIENT } from './patience.js'

const SCENARIO_MS = 2 * PATIENCE_MS
const LEDGER = new URL('../../../proto/vectors/ledger/', import.meta.url)
const { scenarios, matches } = readDocument()

let daemon
before(() => {
  daemon = new KeptDaemon()
})
after(() => daemon.close())

/** Starts the daemon, if it does not run, and empties it. */
async function begin() {
  await daemon.start()
  const client = new Client(daemon.socket, PATIENT)
  await new TestControl(client.caller).reset({})
  await client.close()
}

describe('scenarios', () => {
  for (const { name, clients, steps } of scenarios) {
    test(name, { timeout: SCENARIO_MS }, () =>
      recorded('scenarios', name, async () => {
        await begin()
        await new Runner(daemon, clients).run(steps, new Names())
      }),
    )
  }
})

describe('ledger', () => {
  for (const name of fs.readdirSync(LEDGER).filter((file) => file.endsWith('.txt'))) {
    test(name, () =>
      recorded('ledger', name, async () => {
        await begin()
        const script = fs.readFileSync(new URL(name, LEDGER), 'utf8')
        assert.deepEqual(await new LedgerScript(daemon).run(script), [])
      }),
    )
  }
})

test('expectations fit what the file says and nothing else', () => {
  const wrong = matches.filter((match) => fits(match.expected, match.actual) !== match.fits)
  assert.deepEqual(wrong, [])
})
