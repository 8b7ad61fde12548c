// A row of the ledger.
//
// Invariants:
// 1. A row is complete when the rules have made it: the engine adds sequence, commit point, chain
//    hash, and nothing else.
// 2. balanceAfter = the user's balance before + amount; at never decreases along the sequence.
// 3. owedAfter = what the user owed before + owed of an `owed` row, - owed of an `owedPayment` or
//    `owedForgiven` row.

/// One lot's part in a row; the amount is positive.
public struct LotAllocation: Sendable, Equatable {
  public var lotId: Int64
  public var amountMicros: Int64

  public init(lotId: Int64, amountMicros: Int64) {
    self.lotId = lotId
    self.amountMicros = amountMicros
  }
}

/// One ledger row.
public struct Entry: Sendable, Equatable {
  public var sequence: Int64 = 0
  public var commit = CommitPoint(sequence: 0, position: 0)
  public var userId: String
  public var type: TransactionType
  /// Signed; zero for rows of holds, and for `owed` and `owedForgiven`.
  public var amountMicros: Int64
  public var balanceAfterMicros: Int64
  public var heldAfterMicros: Int64
  /// Of `balanceAfterMicros`, what is effective only later.
  public var pendingAfterMicros: Int64 = 0
  public var nextExpiryAfter: Balance.Expiry?
  /// The account's version after the row.
  public var version: Int64
  /// When it was written.
  public var atMicros: Int64
  /// When its fact became true.
  public var effectiveAtMicros: Int64
  /// For grants one allocation whose lot id is this row's sequence (zero until the engine numbers it);
  /// for debits what each lot gave; for `hold` rows what each lot pins.
  public var lots: [LotAllocation]
  /// Grants: the new lot's priority.
  public var priority: Int32 = 0
  /// Grants: the lot's expiry; `hold` and `holdExtend`: the hold's.
  public var expiresAtMicros: Int64?
  /// nil for rows that no caller asked for (expiry, hold expiry).
  public var idempotency: Idempotency?
  public var runId = ""
  public var paymentId: String?
  public var planId: String?
  public var periodStartMicros: Int64?
  /// The hold that the row opened (its own sequence; zero until numbered), extended or settled.
  public var holdId: Int64?
  /// `hold`: what it holds; `holdRelease`: what it gave back.
  public var holdAmountMicros: Int64 = 0
  public var package = ""
  public var actor = ""
  public var reason = ""
  public var text = FreeText()
  /// The earlier row that it is about: a refund's debit, a reversal's or reinstatement's purchase, a void's
  /// or rollover's grant, the row of the lot that expired; of what is owed or was paid of a reversal: the
  /// purchase; of a capture of more than was held: the hold's row.
  public var refersTo: Int64?
  /// The provider's id of a reversal or reinstatement, unique over all rows.
  public var eventId: String?
  /// `reversal`, `reinstatement`: what was asked for.
  public var askedMicros: Int64 = 0
  /// `reversal`, `void`: what could not be taken and is not owed; negative on a later row that takes or
  /// undoes a part of it, and on an `expiry` row of credit that could not be used.
  public var shortMicros: Int64 = 0
  /// `owed`: what became owed, `owedPayment`: what was paid, `owedForgiven`: what was forgiven of it. Of a
  /// reversal or a debit: what became owed by it; of a reinstatement or an expiry: what it forgave.
  public var owedMicros: Int64 = 0
  /// What the user owes in all after the row.
  public var owedAfterMicros: Int64 = 0
  /// Who spent of a shared account; empty for nobody in particular.
  public var spender = ""
  /// Of the run; zero for its first, and without a run.
  public var attempt: Int32 = 0
  /// The top-up that a purchase answers.
  public var intentId: String?
  /// Plan grants: what of the lot rolls over when it expires.
  public var rollover: Rollover?
  /// Plan grants: the period as dates, in days since the epoch; the end is exclusive. nil on rows from before
  /// periods were dates.
  public var periodDays: Range<Int64>?
  /// Of the row that it refers to, for whoever is told of it. No facts of this row, and set only where
  /// somebody is told.
  public var referredPaymentId: String?
  public var referredPlanId: String?
  /// The user's row before this one, or zero. Not a fact of the row, but a way to find it.
  public var previous: Int64 = 0
  /// A row of the user further back, or zero: see `Account.marks`.
  public var skip: Int64 = 0

  public init(
    userId: String, type: TransactionType, amountMicros: Int64, balanceAfterMicros: Int64,
    heldAfterMicros: Int64, version: Int64, atMicros: Int64, effectiveAtMicros: Int64,
    lots: [LotAllocation]
  ) {
    self.userId = userId
    self.type = type
    self.amountMicros = amountMicros
    self.balanceAfterMicros = balanceAfterMicros
    self.heldAfterMicros = heldAfterMicros
    self.version = version
    self.atMicros = atMicros
    self.effectiveAtMicros = effectiveAtMicros
    self.lots = lots
  }

  /// With the names of the row that it refers to.
  package func naming(_ referred: Entry?) -> Entry {
    var named = self
    named.referredPaymentId = referred?.paymentId
    named.referredPlanId = referred?.planId
    return named
  }

  /// The balance that stood after the row, as its caller was told. Saturates for the sake of a damaged row.
  public var balanceAfter: Balance {
    Balance(
      userId: userId, postedMicros: balanceAfterMicros.subtractingSaturating(pendingAfterMicros),
      heldMicros: heldAfterMicros,
      pendingMicros: pendingAfterMicros, owedMicros: owedAfterMicros, version: version,
      nextExpiry: nextExpiryAfter)
  }
}
