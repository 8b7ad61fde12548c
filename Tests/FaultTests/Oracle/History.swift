// The replies of a run, replayed in the order of the commits through simple arithmetic.
//
// Invariants:
// 1. It knows nothing of the server but its replies: what was asked for, what was answered, in which
//    commit and at which place.
//
// Values, owned by the oracle.

/// What an account has, by arithmetic.
struct Holding: Sendable, Equatable {
  var postedMicros: Int64 = 0
  var heldMicros: Int64 = 0
  /// Rows that were written for it.
  var version: Int64 = 0
  var availableMicros: Int64 { postedMicros - heldMicros }
}

/// Where a decision stands in the order of the commits.
struct Place: Sendable, Hashable, Comparable {
  var commitSequence: Int64
  var position: Int32

  init(commitSequence: Int64, position: Int32) {
    self.commitSequence = commitSequence
    self.position = position
  }

  /// Of a refusal; nil when it does not say.
  init?(_ details: [String: String]) {
    guard let sequence = details["commit_sequence"].flatMap({ Int64($0) }),
      let position = details["commit_position"].flatMap({ Int32($0) })
    else { return nil }
    self.init(commitSequence: sequence, position: position)
  }

  static func < (left: Self, right: Self) -> Bool {
    (left.commitSequence, left.position) < (right.commitSequence, right.position)
  }
}

struct History: Sendable {
  private(set) var rows: [Row] = []
  private(set) var shortages: [Shortage] = []

  mutating func append(_ reply: Reply) {
    rows += reply.rows
    shortages += reply.shortages
  }

  private enum Decision {
    case row(Row)
    case shortage(Shortage)
  }

  /// - Returns: what every account has in the end, and all that does not fit.
  func replay(accountCount: Int) -> (holdings: [Holding], violations: [String]) {
    var decisions = rows.map { ($0.place, Decision.row($0)) }
    decisions += shortages.map { ($0.place, Decision.shortage($0)) }
    decisions.sort { $0.0 < $1.0 }
    var holdings = [Holding](repeating: Holding(), count: accountCount)
    var violations: [String] = []
    var last: Place?
    var lastSequence: Int64 = 0
    for (place, decision) in decisions {
      if place == last { violations.append("two decisions at \(place)") }
      last = place
      switch decision {
      case .row(let row):
        if row.sequence <= lastSequence { violations.append("ledger sequence goes back: \(row)") }
        lastSequence = row.sequence
        Self.apply(row, to: &holdings[Int(row.account)], &violations)
      case .shortage(let shortage):
        let available = holdings[Int(shortage.account)].availableMicros
        if shortage.availableMicros != available || shortage.requiredMicros <= available {
          violations.append("refused with \(available) there: \(shortage)")
        }
      }
    }
    return (holdings, violations)
  }

  private static func apply(_ row: Row, to holding: inout Holding, _ violations: inout [String]) {
    if let charge = row.charge, charge.micros(available: holding.availableMicros) != -row.postedDeltaMicros {
      violations.append("not what \(holding) pays of \(charge): \(row)")
    }
    holding.postedMicros += row.postedDeltaMicros
    holding.heldMicros += row.heldDeltaMicros
    holding.version += row.rowCount
    if holding.heldMicros < 0 || holding.availableMicros < 0 {
      violations.append("\(holding) after \(row)")
    }
    let answered = Holding(
      postedMicros: row.balanceAfterMicros, heldMicros: row.heldAfterMicros, version: row.version)
    if answered != holding { violations.append("answered \(answered), arithmetic says \(holding): \(row)") }
  }
}
