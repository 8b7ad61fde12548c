// Nanoseconds a message, by hand: node clients/node/bench/codec.js [SECONDS]
//
// Of CPU time, the best of five rounds each, so that other work on the machine counts less.

import {
  ConsumeRequest,
  ConsumeResponse,
  GetPageResponse,
  ListTransactionsResponse,
  TransactionType,
} from '../src/generated/messages.js'

const ROUNDS = 5
const seconds = Number(process.argv[2] ?? 0.3)
const at = 1_764_000_000_000_000n

const request = {
  userId: 'user-1234567',
  amountMicros: 250_000n,
  idempotencyKey: '0192f0c1-7c3a-7def-8abc-0123456789ab',
  description: 'image generation',
}
const transaction = {
  sequence: 123_456n,
  transactionId: '0192f0c1-7c3a-7def-8abc-0123456789ac',
  userId: 'user-1234567',
  type: TransactionType.API_USAGE,
  amountMicros: -250_000n,
  balanceAfterMicros: 99_750_000n,
  lots: [{ lotId: 77n, amountMicros: 250_000n }],
  createdAtMicros: at,
  effectiveAtMicros: at,
  idempotencyKey: '0192f0c1-7c3a-7def-8abc-0123456789ab',
  description: 'image generation',
  version: 42n,
  commitSequence: 100_000n,
}
const balance = {
  userId: 'user-1234567',
  postedMicros: 99_750_000n,
  availableMicros: 99_750_000n,
  version: 42n,
}
const response = { transaction, balance, commitSequence: 100_000n }
const media = (/** @type {number} */ index) => ({
  mediaId: `media-${index}`,
  userId: 'user-1234567',
  url: `https://images.example/generated/${index}.png`,
  width: 1024,
  height: 768,
  byteCount: 345_678n,
  mimeType: 'image/png',
  source: 2,
  runId: '0192f0c1-7c3a-7def-8abc-0123456789ad',
  createdAtMicros: at,
})
const page = {
  page: {
    pageId: 'page-1',
    userId: 'user-1234567',
    title: 'Ein Titel für die Seite',
    settings: '{"theme":"dark"}',
    version: 7n,
    sections: Array.from({ length: 10 }, (_, index) => ({
      sectionId: `section-${index}`,
      kind: 'gallery',
      content: JSON.stringify({ heading: 'A heading', body: 'Some text. '.repeat(40) }),
      firstImage: media(2 * index),
      secondImage: media(2 * index + 1),
    })),
    createdAtMicros: at,
    updatedAtMicros: at,
    currentVersion: 7n,
  },
}
const transactions = { transactions: Array.from({ length: 100 }, () => transaction), commitSequence: 5n }

/** @type {[string, any, object][]} */
const CASES = [
  ['ConsumeRequest', ConsumeRequest, request],
  ['ConsumeResponse', ConsumeResponse, response],
  ['GetPageResponse, 10 sections', GetPageResponse, page],
  ['ListTransactionsResponse, 100', ListTransactionsResponse, transactions],
]

/** @param {() => unknown} work */
function nanos(work) {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage()
    let count = 0
    let micros = 0
    while (micros < (seconds / ROUNDS) * 1e6) {
      for (let index = 0; index < 500; index++) work()
      count += 500
      const { user, system } = process.cpuUsage(start)
      micros = user + system
    }
    best = Math.min(best, (micros * 1000) / count)
  }
  return Math.round(best)
}

const only = process.argv[3] ?? ''
for (const [name, codec, init] of CASES) {
  const bytes = codec.encode(init)
  const message = codec.decode(bytes)
  const rows = [
    ['encode', () => codec.encode(init)],
    ['encode decoded', () => codec.encode(message)],
    ['decode', () => codec.decode(bytes)],
  ]
  for (const [what, work] of rows) {
    const label = `${name} ${what}`
    if (!label.includes(only)) continue
    const [size, time] = [bytes.length, nanos(work)].map((number) => String(number).padStart(8))
    console.log(`${label.padEnd(46)} ${size} bytes ${time} ns`)
  }
}
