// Spends a user's credit until there is none, by the Node client.
//
//     node node_worker.js SOCKET
//
// What it is told and what it prints is in cross.py.
import { createInterface } from 'node:readline'

import { Client, InsufficientCredits, newKey } from '../../clients/node/src/index.js'

/** How long a call may take: however busy the machine is, no time-out ends it. */
const PATIENCE_MS = 300_000
/** Every call of this many is made twice with one key. */
const TWICE_EVERY = 7

const calls = []

async function consume(client, userId, idempotencyKey, amountMicros) {
  const said = { key: idempotencyKey, amount: Number(amountMicros) }
  try {
    const reply = await client.credits.consume({ userId, amountMicros, idempotencyKey })
    said.sequence = Number(reply.transaction.sequence)
    said.replayed = reply.replayed
  } catch (error) {
    if (!(error instanceof InsufficientCredits)) throw error
    said.refused = error.reason
    said.available = Number(error.availableMicros)
    said.required = Number(error.requiredMicros)
  }
  calls.push(said)
  return said.refused === undefined
}

/** Before the others begin: on a busy machine they might leave nothing for whoever comes late. */
async function spendFirst(client, user, amount) {
  const key = newKey()
  for (let copy = 0; copy < 2; copy++) await consume(client, user, key, amount)
}

async function spend(client, user, amount) {
  let goesOn = true
  for (let turn = 1; goesOn; turn++) {
    const key = newKey()
    const copies = Array.from({ length: turn % TWICE_EVERY === 0 ? 2 : 1 })
    goesOn = (await Promise.all(copies.map(() => consume(client, user, key, amount)))).every(Boolean)
  }
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const { user, amounts } = JSON.parse((await lines.next()).value)
const client = new Client(process.argv[2], { timeoutMs: PATIENCE_MS, retryMs: PATIENCE_MS })
await spendFirst(client, user, BigInt(amounts[0]))
console.log('ready')
await lines.next()
await Promise.all(amounts.map((amount) => spend(client, user, BigInt(amount))))
await client.close()
process.stdin.destroy()
process.stdout.write(calls.map((call) => `${JSON.stringify(call)}\n`).join(''))
