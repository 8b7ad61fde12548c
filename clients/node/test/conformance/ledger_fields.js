// What a ledger script can say by name, of balances, rows, holds, plans and settings in proto3 JSON.
//
// Each field is a pair: how it is spelled in the script, and its value. `next_after` is not among a row's: no
// reply carries it.

const number = (value = '0') => ['number', BigInt(value)]
const text = (value = '') => ['text', value]
/** Absent and zero are no time. */
const time = (value = '0') => ['time', BigInt(value) === 0n ? undefined : BigInt(value)]
const lots = (value = []) => ['lots', value.map((lot) => [BigInt(lot.lotId), BigInt(lot.amountMicros)])]
/** The number in a transaction's id. */
const sequence = (value = 'txn-0') => number(value.replace('txn-', ''))
const enumeration = (value = '', prefix = '') => ['text', value.replace(prefix, '')]

export function ofBalance(view) {
  const at = view.nextExpiryAtMicros
  return {
    posted: number(view.postedMicros),
    held: number(view.heldMicros),
    available: number(view.availableMicros),
    pending: number(view.pendingMicros),
    owed: number(view.owedMicros),
    version: number(view.version),
    next: ['expiry', at === undefined ? undefined : [BigInt(view.nextExpiryMicros), BigInt(at)]],
  }
}

export function ofHold(view) {
  return {
    hold: text(view.holdId),
    state: enumeration(view.state, 'HOLD_STATE_'),
    hold_amount: number(view.amountMicros),
    captured: number(view.capturedMicros),
    released: number(view.releasedMicros),
    forfeited: number(view.forfeitedMicros),
    created: time(view.createdAtMicros),
    hold_expires: time(view.expiresAtMicros),
    settled: time(view.settledAtMicros),
    hold_run: text(view.runId),
    pins: lots(view.lots),
  }
}

export function ofRow(view) {
  return {
    row: number(view.sequence),
    user: text(view.userId),
    type: text((view.type ?? '').replace('TRANSACTION_TYPE_', '').toLowerCase()),
    amount: number(view.amountMicros),
    balance_after: number(view.balanceAfterMicros),
    held_after: number(view.heldAfterMicros),
    pending_after: number(view.pendingAfterMicros),
    version_after: number(view.version),
    at: time(view.createdAtMicros),
    effective: time(view.effectiveAtMicros),
    lots: lots(view.lots),
    priority: number(view.priority),
    expires: time(view.expiresAtMicros),
    key: text(view.idempotencyKey),
    run: text(view.runId),
    payment: text(view.paymentId),
    plan: text(view.planId),
    period: time(view.periodStartAtMicros),
    rollover: number(view.rolloverCapMicros),
    refers_to: sequence(view.refersToTransactionId),
    event: text(view.eventId),
    asked: number(view.askedMicros),
    short: number(view.shortMicros),
    owed_amount: number(view.owedMicros),
    owed_after: number(view.owedAfterMicros),
    of_hold: text(view.holdId),
    of_hold_amount: number(view.holdAmountMicros),
    package: text(view.package),
    actor: text(view.actor),
    reason: text(view.reason),
    description: text(view.description),
    meta: ['metadata', { ...view.metadata }],
  }
}

export function ofPlan(view) {
  const expiry = view.grantExpiry.replace('GRANT_EXPIRY_', '').toLowerCase()
  return {
    plan: text(view.planId),
    name: text(view.displayName),
    credit: number(view.monthlyCreditMicros),
    expiry: text(expiry === 'after' ? `${view.expiresAfterMillis}ms` : expiry),
    priority: number(view.priority),
    zone: text(view.timeZone),
    rollover: number(view.rolloverCapMicros),
    on_short: enumeration(view.onShort, 'ON_SHORT_'),
    default: ['truth', view.isDefault ?? false],
    updated: time(view.updatedAtMicros),
  }
}

function ofSettings(view) {
  const { planId, start, grants } = view.subscription ?? {}
  return {
    user: text(view.userId),
    plan: text(view.planId),
    state: enumeration(view.state, 'USER_STATE_'),
    subscription: text(planId),
    start: text(start),
    grants: enumeration(grants, 'GRANT_MODE_'),
  }
}

/** All that the reply of a mutation says: its row, the balance after it, and the hold. */
export function ofMutation(reply) {
  if (reply.plan !== undefined) return ofPlan(reply.plan)
  if (reply.settings !== undefined) return ofSettings(reply.settings)
  const fields = { ...ofRow(reply.transaction), ...ofBalance(reply.balance) }
  return reply.hold === undefined ? fields : { ...fields, ...ofHold(reply.hold) }
}

export function ofDetails(details) {
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, text(value)]))
}
