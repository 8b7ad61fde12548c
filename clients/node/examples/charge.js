/**
 * Charges a user for a generation, the way a worker would: hold first, work, then capture.
 *
 * Run it against a daemon: node examples/charge.js [user]. It buys the user a dollar if there is no credit.
 */

import { Client, dollars, formatDollars, InsufficientCredits, newKey } from 'tallystick'

const ESTIMATE = dollars('0.40')

/** The work, and what it cost. */
async function generate() {
  return dollars('0.25')
}

/** Charges what the work cost; returns what the user has left. */
async function charge(client, userId) {
  const hold = { userId, amountMicros: ESTIMATE, ttlMillis: 60_000n }
  // What is thrown inside gives the hold back.
  return await client.withHold(hold, async (held) => {
    const done = await held.capture(await generate(), { description: 'a page' })
    return done.balance.availableMicros
  })
}

const userId = process.argv[2] ?? 'example-user'
const client = new Client()
let left
try {
  left = await charge(client, userId)
} catch (error) {
  if (!(error instanceof InsufficientCredits)) throw error
  console.log(`only ${formatDollars(error.availableMicros)} dollars left: buying one`)
  // In earnest the payment's id comes from the payment provider.
  await client.credits.addPurchase({ userId, paymentId: newKey(), amountMicros: dollars('1') })
  left = await charge(client, userId)
}
console.log(`${userId} has ${formatDollars(left)} dollars left`)
