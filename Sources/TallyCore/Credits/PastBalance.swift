// A user's balance at a past time: what a read at that time has answered, from the rows of the ledger.
//
// Invariants:
// 1. What came about by itself (expiry, a server's grant, and what follows of them) counts from its own time
//    on, although its row was written later. Such rows stand together, in the order of their times, before
//    any other row of the user that was written with them or later: the first that does not count ends them.
// 2. A row tells of the time at which it came about. Between two rows only pending credit becomes effective.

/// Credit that was granted before it became effective.
package struct PendingCredit: Sendable, Equatable {
  package var effectiveAtMicros: Int64
  package var expiresAtMicros: Int64?
  /// Without what was voided of it.
  package var remainingMicros: Int64

  package init(effectiveAtMicros: Int64, expiresAtMicros: Int64?, remainingMicros: Int64) {
    self.effectiveAtMicros = effectiveAtMicros
    self.expiresAtMicros = expiresAtMicros
    self.remainingMicros = remainingMicros
  }
}

/// What a user's rows, in order, tell of a time.
package struct PastRows {
  private let atMicros: Int64
  /// The last one that counts.
  package private(set) var last: Entry?
  /// Of the last one that was written by then.
  package private(set) var version: Int64 = 0

  /// - Parameters:
  ///   - last: the last row that counts; nil before the first was taken.
  ///   - version: of the last one that was written by then.
  package init(atMicros: Int64, last: Entry? = nil, version: Int64 = 0) {
    self.atMicros = atMicros
    self.last = last
    self.version = version
  }

  /// - Returns: false for a row that does not count any more, and then none does that comes after it.
  package mutating func take(_ row: Entry) -> Bool {
    guard row.toldAtMicros <= atMicros else { return false }
    last = row
    if row.atMicros <= atMicros { version = row.version }
    return true
  }

  /// When rows follow that do not count: the balance between them and those that do.
  /// - Parameter pending: what was granted by the rows that count and became effective after `toldAtMicros`
  ///   of the last of them.
  package func balance(userId: String, pending: [PendingCredit]) -> Balance {
    guard let last else { return Balance(userId: userId) }
    var balance = last.balanceAfter
    balance.version = version
    balance.pendingMicros = 0
    for credit in pending where credit.remainingMicros > 0 {
      if credit.effectiveAtMicros > atMicros {
        balance.pendingMicros = balance.pendingMicros.addingSaturating(credit.remainingMicros)
      } else if let expiresAtMicros = credit.expiresAtMicros {
        balance.note(Balance.Expiry(atMicros: expiresAtMicros, amountMicros: credit.remainingMicros))
      }
    }
    balance.postedMicros = last.balanceAfterMicros.subtractingSaturating(balance.pendingMicros)
    return balance
  }
}

extension Entry {
  /// The time that what it says of the account holds for: when it came about by itself, or was written.
  package var toldAtMicros: Int64 { idempotency == nil ? min(effectiveAtMicros, atMicros) : atMicros }
}

extension Rules {
  /// - Throws: `invalidField` for a time that has not come.
  package static func requirePast(_ micros: Int64, nowMicros: Int64) throws(Refusal) {
    guard micros > nowMicros else { return }
    throw Refusal(
      .invalidField, "at_micros must not be later than now",
      details: ["field": "at_micros", "limit": String(nowMicros)])
  }
}
