// A row of the ledger.
//
// Invariants:
// 1. A row is complete when the rules have made it: the engine adds sequence, commit point, chain
//    hash, and nothing else.
// 2. balanceAfter = the user's balance before + amount; at never decreases along the sequence.

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
  /// Signed; zero for rows of holds.
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

  /// The balance that stood after the row, as its caller was told.
  public var balanceAfter: Balance {
    Balance(
      userId: userId, postedMicros: balanceAfterMicros - pendingAfterMicros, heldMicros: heldAfterMicros,
      pendingMicros: pendingAfterMicros, version: version, nextExpiry: nextExpiryAfter)
  }
}
