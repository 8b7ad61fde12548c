// Runs a ledger script of proto/vectors/ledger through the client, and says line by line what came otherwise.
//
// 1. A line that does not keep the grammar fails the script.
// 2. What a line does not name is not compared, but for `replayed` and `unchanged`, which are false unless
//    named.
import { isDeepStrictEqual } from 'node:util'

import { InvalidField, TallyError } from '../../src/index.js'
import { Clients } from './calls.js'
import { ofBalance, ofDetails, ofHold, ofMutation, ofPlan, ofRow } from './ledger_fields.js'
import { duration, metadata, number, spelled, SpellingError, time, Words } from './ledger_words.js'

/** The columns that no reply carries; a script's words about them are not compared. */
const NOT_IN_REPLIES = new Set(['next_after'])
/** What one request may move. The ledger itself takes more, and a script may try. */
const LARGEST_AMOUNT = 10n ** 18n
/** The longest page that a listing asks for. */
const PAGE_LIMIT = '1000'

/** Of each verb its method, and the words that stand alone, in their order, as fields of its request. */
const MUTATIONS = {
  consume: ['CreditService/Consume', ['userId', 'amountMicros']],
  purchase: ['CreditService/AddPurchase', ['userId', 'paymentId', 'amountMicros']],
  'grant-plan': ['CreditService/GrantPlan', ['userId', 'planId']],
  promo: ['CreditService/GrantPromo', ['userId', 'amountMicros']],
  adjust: ['CreditService/Adjust', ['userId', 'amountMicros']],
  reserve: ['CreditService/Reserve', ['userId', 'amountMicros']],
  extend: ['CreditService/Extend', ['holdId']],
  capture: ['CreditService/Capture', ['holdId', 'amountMicros']],
  release: ['CreditService/Release', ['holdId']],
  refund: ['CreditService/Refund', ['transactionId', 'amountMicros']],
  reverse: ['CreditService/ReversePurchase', ['paymentId', 'amountMicros']],
  reinstate: ['CreditService/ReinstatePurchase', ['paymentId', 'amountMicros']],
  void: ['CreditService/VoidGrant', ['transactionId', 'amountMicros']],
  forgive: ['CreditService/ForgiveOwed', ['userId', 'amountMicros']],
  plan: ['UsageService/PutPlan', ['planId']],
  settings: ['AdminService/PutUserSettings', ['userId']],
}
/** The verbs whose request and reply have one message inside, of the verb's name. */
const INNER = new Set(['plan', 'settings'])
/** The verbs that name who did it, and why. */
const SIGNED = new Set(['adjust', 'void', 'forgive'])
/** The verbs that cannot leave out their amount. */
const AMOUNT_DUE = new Set(['consume', 'purchase', 'promo', 'adjust', 'reserve'])
/** The named words, their fields, and how they are spelled. */
const NAMED = {
  key: ['idempotencyKey', 'text'],
  run: ['runId', 'text'],
  description: ['description', 'text'],
  package: ['package', 'text'],
  actor: ['actor', 'text'],
  reason: ['reason', 'text'],
  period: ['period', 'text'],
  name: ['displayName', 'text'],
  meta: ['metadata', 'metadata'],
  expires: ['expiresAtMicros', 'time'],
  effective: ['effectiveAtMicros', 'time'],
  amount: ['amountMicros', 'number'],
  credit: ['monthlyCreditMicros', 'number'],
  priority: ['priority', 'number'],
  refs: ['externalRefs', 'texts'],
  event: ['eventId', 'text'],
  index: ['periodIndex', 'number'],
  zone: ['timeZone', 'text'],
  rollover: ['rolloverCapMicros', 'number'],
  default: ['isDefault', 'truth'],
  plan: ['planId', 'text'],
}
/** The named words that stand for a value of an enumeration: the field, and what the values begin with. */
const CHOICES = {
  overage: ['overage', 'OVERAGE_'],
  on_short: ['onShort', 'ON_SHORT_'],
  on_shortfall: ['onShortfall', 'ON_SHORTFALL_'],
  state: ['state', 'USER_STATE_'],
}
/** What a listing is named by, row for row. */
const LISTING_NAMES = { rows: 'type', holds: 'hold', plans: 'plan' }

export class LedgerScript {
  #daemon
  #clients
  #now = 0n
  #number = 0
  /** What a listing has found and the script has still to name. */
  #listed = undefined
  #listingName = ''
  #failures = []

  constructor(daemon) {
    this.#daemon = daemon
    this.#clients = new Clients(daemon.socket)
  }

  /** Resolves to a text for each line that came out otherwise. */
  async run(script) {
    try {
      for (const line of script.split('\n')) {
        this.#number += 1
        await this.#line(line.trim())
      }
    } catch (error) {
      throw new Error(`line ${this.#number}: ${error.message}`, { cause: error })
    } finally {
      await this.#clients.close()
    }
    this.#endListing()
    return this.#failures
  }

  async #line(line) {
    if (line === '' || line.startsWith('#')) return
    if (line.startsWith('|')) {
      this.#row(new Words(line.slice(1)))
      return
    }
    this.#endListing()
    const repeated = /^repeat (\S+) (.*)$/.exec(line)
    if (repeated !== null) {
      for (let turn = 1n; turn <= number(repeated[1]); turn++) {
        await this.#line(repeated[2].replaceAll('{n}', String(turn)))
      }
      return
    }
    const [asked, expected = ''] = line.split(/ -> (.*)/)
    const words = new Words(asked)
    const verb = words.next('verb')
    if (verb in MUTATIONS) await this.#mutate(verb, words, new Words(expected))
    else if (verb === 'balance') await this.#balance(words, new Words(expected))
    else if (verb in LISTING_NAMES) {
      this.#listingName = LISTING_NAMES[verb]
      this.#listed = await this.#list(verb, words)
    } else if (verb === 'at') await this.#set(time(words.next('time'), this.#now))
    else if (verb === 'after') await this.#set(this.#now + duration(words.next('duration')))
    else if (verb === 'restart') await this.#restart()
    else throw new SpellingError(`no such verb: ${verb}`)
    words.finish()
  }

  // Time.

  async #set(micros) {
    this.#now = micros
    try {
      await this.#clients.call('TestControl/SetClock', { nowMicros: String(micros) })
    } catch (error) {
      if (!(error instanceof InvalidField)) throw error
      // The ledger's time never goes back, so its last time is what an earlier one comes to.
      await this.#clients.call('TestControl/SetClock', { nowMicros: error.details.limit })
    }
  }

  async #restart() {
    await this.#daemon.stop()
    await this.#daemon.start()
    // The new one's clock runs.
    await this.#set(this.#now)
  }

  // Mutations and balances.

  async #mutate(verb, words, wanted) {
    const as = words.take('by') ?? ''
    const request = this.#request(verb, words)
    let verdict = wanted.next('outcome')
    const amount = BigInt(request.amountMicros ?? 0)
    if (amount > LARGEST_AMOUNT || amount < -LARGEST_AMOUNT) {
      if (verdict === 'ok') throw new SpellingError('no request can carry this amount')
      verdict = 'INVALID_AMOUNT'
      wanted = new Words('')
    }
    let reply
    try {
      const message = INNER.has(verb) ? { [verb]: request } : request
      reply = await this.#clients.call(MUTATIONS[verb][0], message, { as })
    } catch (error) {
      if (!(error instanceof TallyError)) throw error
      if (verdict === error.reason) this.#compare(wanted, ofDetails(error.details))
      else this.#fail(`${verdict} expected, got ${error}`)
      return
    }
    if (verdict !== 'ok') {
      this.#fail(`${verdict} expected, but it was applied`)
      return
    }
    const flag = INNER.has(verb) ? 'unchanged' : 'replayed'
    const came = String(reply[flag] ?? false)
    if ((wanted.take(flag) ?? 'false') !== came) this.#fail(`${flag}=${came}`)
    this.#compare(wanted, ofMutation(reply))
  }

  #request(verb, words) {
    const request = SIGNED.has(verb) ? { actor: 'root', reason: 'correction' } : {}
    for (const name of MUTATIONS[verb][1]) {
      if (name === 'amountMicros') {
        if (words.plain.length > 0 || AMOUNT_DUE.has(verb)) {
          request[name] = String(number(words.next('amount')))
        }
      } else if (name !== 'transactionId' || !words.named.has('run')) request[name] = words.next(name)
    }
    if (verb === 'reserve' || verb === 'extend') {
      request.ttlMillis = String(duration(words.take('ttl')) / 1_000n)
    }
    if (verb === 'plan') Object.assign(request, planExpiry(words.take('expiry') ?? 'never'))
    if (verb === 'settings') Object.assign(request, subscription(words))
    for (const [name, [member, kind]] of Object.entries(NAMED)) {
      if (!words.named.has(name)) continue
      const value = spelled(kind, words.take(name), this.#now)
      request[member] = typeof value === 'bigint' ? String(value) : value
    }
    for (const [name, [member, prefix]] of Object.entries(CHOICES)) {
      const value = words.take(name)
      if (value !== undefined) request[member] = `${prefix}${value.toUpperCase()}`
    }
    return request
  }

  async #balance(words, wanted) {
    const userId = words.next('user')
    const { balance } = await this.#clients.call('CreditService/GetBalance', { userId })
    const batch = await this.#clients.call('CreditService/BatchGetBalances', { userIds: [userId, userId] })
    if (!isDeepStrictEqual(batch.balances, [balance, balance])) {
      this.#fail(`the batch says otherwise: ${JSON.stringify(batch)}`)
    }
    this.#compare(wanted, ofBalance(balance))
  }

  // Listings.

  async #list(verb, words) {
    const request = { limit: Number(words.take('limit') ?? PAGE_LIMIT) }
    if (verb === 'plans') return (await this.#pages('UsageService/ListPlans', 'plans', request)).map(ofPlan)
    request.userId = words.next('user')
    if (verb === 'holds') {
      request.states = (words.take('states')?.split(',') ?? []).map((state) => `HOLD_STATE_${state}`)
      return (await this.#pages('CreditService/ListHolds', 'holds', request)).reverse().map(ofHold)
    }
    const types = words.take('types')?.split(',') ?? []
    request.types = types.map((type) => `TRANSACTION_TYPE_${type.toUpperCase()}`)
    request.metadata = metadata(words.take('meta') ?? 'none')
    for (const name of ['from', 'to']) {
      const bound = words.take(name)
      if (bound !== undefined) request[`${name}Micros`] = String(time(bound, this.#now))
    }
    const rows = await this.#pages('CreditService/ListTransactions', 'transactions', request)
    for (const row of rows) {
      const { transactionId, userId } = row
      const owner = { as: userId }
      const single = await this.#clients.call('CreditService/GetTransaction', { transactionId }, owner)
      if (!isDeepStrictEqual(single.transaction, row)) this.#fail(`row ${row.sequence} differs alone`)
    }
    return rows.reverse().map(ofRow)
  }

  /** All that a list has, page by page. */
  async #pages(method, member, request) {
    const found = []
    let cursor = ''
    do {
      const reply = await this.#clients.call(method, { ...request, cursor })
      found.push(...(reply[member] ?? []))
      cursor = reply.nextCursor ?? ''
    } while (cursor !== '')
    return found
  }

  #row(wanted) {
    const name = wanted.next('name')
    if (this.#listed === undefined) throw new SpellingError('a row without its listing')
    const fields = this.#listed.shift()
    if (fields === undefined) {
      this.#fail('there is no such row')
      return
    }
    const [, came] = fields[this.#listingName]
    if (came !== name) this.#fail(`${name} expected, got ${came}`)
    this.#compare(wanted, fields)
  }

  #endListing() {
    if (this.#listed?.length > 0) this.#fail(`before this line, ${this.#listed.length} more rows`)
    this.#listed = undefined
  }

  // Comparing.

  #compare(wanted, fields) {
    for (const [name, text] of wanted.named) {
      wanted.take(name)
      if (NOT_IN_REPLIES.has(name)) continue
      if (fields[name] === undefined) {
        this.#fail(`nothing is called ${name} here`)
        continue
      }
      const [kind, actual] = fields[name]
      if (!isDeepStrictEqual(spelled(kind, text, this.#now), actual)) {
        this.#fail(`${name}=${text} expected, got ${actual}`)
      }
    }
    wanted.finish()
  }

  #fail(message) {
    this.#failures.push(`line ${this.#number}: ${message}`)
  }
}

function planExpiry(text) {
  if (text === 'never' || text === 'period_end') return { grantExpiry: `GRANT_EXPIRY_${text.toUpperCase()}` }
  return { grantExpiry: 'GRANT_EXPIRY_AFTER', expiresAfterMillis: String(duration(text) / 1_000n) }
}

/** `subscription=none` ends it; without the word it is kept. */
function subscription(words) {
  const planId = words.take('subscription')
  if (planId === undefined) return {}
  if (planId === 'none') return { subscription: {} }
  const grants = `GRANT_MODE_${words.take('grants') ?? 'MANUAL'}`
  return { subscription: { planId, start: words.take('start'), grants } }
}
