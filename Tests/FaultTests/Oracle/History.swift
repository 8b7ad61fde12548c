// The replies of a run, replayed in the order of the commits through simple arithmetic.
//
// Invariants:
// 1. It knows nothing of the server but its replies: what was asked for, what was answered, in which
//    commit and at which place.
// 2. It knows no lots. What depends on them (what a reversal found, what came back to a purchase that was
//    reversed before) is taken from the reply, as far as it is possible at all.
//
// Values, owned by the oracle.

import TallyMessages

/// What an account has, by arithmetic.
struct Holding: Sendable, Equatable {
  /// Effective credit.
  var postedMicros: Int64 = 0
  var heldMicros: Int64 = 0
  var pendingMicros: Int64 = 0
  var owedMicros: Int64 = 0
  /// Rows that were written for it.
  var version: Int64 = 0

  var availableMicros: Int64 { postedMicros - heldMicros }
  /// What paying what is owed does not change.
  var netMicros: Int64 { postedMicros + pendingMicros - owedMicros }

  init() {}

  init(_ balance: TallystickV1.Balance) {
    postedMicros = balance.postedMicros
    heldMicros = balance.heldMicros
    pendingMicros = balance.pendingMicros
    owedMicros = balance.owedMicros
    version = balance.version
  }

  /// After a row.
  init(_ row: TallystickV1.Transaction) {
    postedMicros = row.balanceAfterMicros - row.pendingAfterMicros
    heldMicros = row.heldAfterMicros
    pendingMicros = row.pendingAfterMicros
    owedMicros = row.owedAfterMicros
    version = row.version
  }
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

/// What a call asked for that was carried out.
enum Deed: Sendable, Equatable {
  case spend(Int64)
  case credit(Int64)
  /// Granted for later.
  case pend(Int64)
  case hold(Int64)
  case release(heldMicros: Int64)
  case charge(Charge)
  /// By the sequence of the debit's row, with what it took.
  case refund(debit: Int64, ofMicros: Int64, Int64)
  /// By the number of the call that bought, with what was bought; nil: all of it.
  case reverse(purchase: Int, ofMicros: Int64, Int64?, TallystickV1.OnShortfall)
  case reinstate(purchase: Int, ofMicros: Int64, Int64?)
  case void(Int64?)
  case forgive(Int64?)
}

/// What a reply says of the call's own row.
struct Told: Sendable, Equatable {
  var amountMicros: Int64 = 0
  var askedMicros: Int64 = 0
  var shortMicros: Int64 = 0
  var owedMicros: Int64 = 0

  init(_ row: TallystickV1.Transaction) {
    amountMicros = row.amountMicros
    askedMicros = row.askedMicros
    shortMicros = row.shortMicros
    owedMicros = row.owedMicros
  }
}

/// A period of an account's plan that is granted once, by whomever.
struct GrantKey: Sendable, Hashable {
  var account: Int32
  /// Of `Workload.grantPlans`.
  var plan: Int32
  var index: Int32
}

/// A decision that wrote a row, as its reply tells it, with what was asked for.
struct Row: Sendable, Equatable {
  var place: Place
  var account: Int32
  var sequence: Int64
  var deed: Deed
  var told: Told
  /// What the account has after it.
  var after: Holding
  /// What the call's own rows changed, without what was due before it.
  var netMicros: Int64
  /// Of a plan's grant, which counts once for its period.
  var grant: GrantKey?
}

/// A refusal that says what is there.
struct Refused: Sendable {
  enum Cause: Sendable {
    case shortage(availableMicros: Int64, requiredMicros: Int64)
    case paymentDue(owedMicros: Int64)
    case refundExceeds(debit: Int64, ofMicros: Int64, askedMicros: Int64, refundableMicros: Int64)
    case reversalExceeds(purchase: Int, ofMicros: Int64, askedMicros: Int64?, reversibleMicros: Int64)
    case reinstatementExceeds(purchase: Int, askedMicros: Int64?, reinstatableMicros: Int64)
    /// A lot has less than was asked for.
    case lotShort(availableMicros: Int64, askedMicros: Int64?)
    case owesLess(askedMicros: Int64?, owedMicros: Int64)
  }

  var place: Place
  var account: Int32
  var cause: Cause
}

/// A subscription was put, of which the server grants the current period.
struct Subscribed: Sendable {
  var place: Place
  var grant: GrantKey
  /// Whether it was put there for the first time; a retry of one whose reply was lost may say so too late.
  var isCertain: Bool
}

/// All that was answered.
struct History: Sendable {
  private(set) var rows: [Row] = []
  private(set) var refusals: [Refused] = []
  private(set) var subscriptions: [Subscribed] = []

  mutating func append(_ reply: Reply) {
    rows += reply.rows
    refusals += reply.refusals
    subscriptions += reply.subscriptions
  }

  private enum Decision {
    case row(Row)
    case refused(Refused)
  }

  /// - Parameter terms: what holds of an account that had its settings put.
  /// - Returns: what every account has in the end, and all that does not fit.
  func replay(
    accountCount: Int, terms: @escaping (Int) -> AccountTerms
  ) -> (holdings: [Holding], violations: [String]) {
    var decisions = rows.map { ($0.place, Decision.row($0)) }
    decisions += refusals.map { ($0.place, Decision.refused($0)) }
    decisions.sort { $0.0 < $1.0 }
    var replay = Replay(accountCount: accountCount, terms: terms)
    var settings = subscriptions.sorted { $0.place < $1.place }[...]
    for subscribed in subscriptions where !subscribed.isCertain { replay.expect(subscribed.grant) }
    var last: Place?
    for (place, decision) in decisions {
      while let next = settings.first, next.place < place { replay.grant(settings.removeFirst().grant) }
      if place == last { replay.violations.append("two decisions at \(place)") }
      last = place
      switch decision {
      case .row(let row): replay.apply(row)
      case .refused(let refused): replay.compare(refused)
      }
    }
    for subscribed in settings { replay.grant(subscribed.grant) }
    return (replay.holdings, replay.violations)
  }
}
