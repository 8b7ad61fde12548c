// The other side of every row of the ledger.
//
// Invariants:
// 1. Only these balances may be negative.

/// What stands against all users' credit; in micro-USD, mostly negative.
package struct SystemBalances: Sendable, Equatable {

  package init() {
  }
  private var issued: Int64 = 0
  private var revenue: Int64 = 0
  private var forfeited: Int64 = 0
  private var adjustments: Int64 = 0

  package subscript(account: SystemAccount) -> Int64 {
    get {
      switch account {
      case .issued: issued
      case .revenue: revenue
      case .forfeited: forfeited
      case .adjustments: adjustments
      }
    }
    set {
      switch account {
      case .issued: issued = newValue
      case .revenue: revenue = newValue
      case .forfeited: forfeited = newValue
      case .adjustments: adjustments = newValue
      }
    }
  }

  /// Whether so much more credit can be granted.
  func canIssue(_ amountMicros: Int64) -> Bool {
    !issued.subtractingReportingOverflow(amountMicros).overflow
  }

  /// Books the other side of a row.
  /// - Returns: false when the sum would leave the range of int64; nothing has changed then.
  package mutating func book(_ entry: Entry) -> Bool {
    guard let account = entry.counterpart else { return true }
    let (sum, overflow) = self[account].subtractingReportingOverflow(entry.amountMicros)
    if !overflow { self[account] = sum }
    return !overflow
  }
}
