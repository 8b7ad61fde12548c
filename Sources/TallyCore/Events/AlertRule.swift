// Rules that say of whom one hears what.
//
// Invariants:
// 1. A rule is of one figure. An event comes about when the figure crosses its line, and again only after it
//    was back on the other side.

public struct AlertRule: Sendable, Equatable {
  public enum Scope: Sendable, Equatable {
    case everyUser
    /// Those too who are under it as the default plan.
    case plan(String)
    case user(String)

    public static func == (left: Self, right: Self) -> Bool {
      switch (left, right) {
      case (.everyUser, .everyUser): true
      case (.plan(let left), .plan(let right)), (.user(let left), .user(let right)): left.isExactly(right)
      default: false
      }
    }
  }

  public enum Condition: Sendable, Equatable {
    /// What is available falls below that.
    case balanceBelow(micros: Int64)
    /// What is owed rises above that.
    case owedAbove(micros: Int64)
    /// What is used of a quota reaches so much of its limit.
    case quotaAt(QuotaKind, percent: Int64)
    /// What is used of any cap in force reaches so much of its limit.
    case capAt(percent: Int64)
    /// Credit of which something is left comes so close to its end.
    case creditExpires(withinMillis: Int64)

    package var expiryWindowMillis: Int64? {
      if case .creditExpires(let millis) = self { millis } else { nil }
    }
  }

  public var id: String
  public var scope: Scope
  public var condition: Condition
  public var updatedAtMicros: Int64 = 0
  /// The last row of the ledger when it was put. Of rules of credit that expires; else zero.
  package var sinceSequence: Int64 = 0

  /// Of one scope: of all users, of one plan, or of one user. It bounds what one change can cross;
  /// of caps, for each that is in force.
  public static let maximumOfAScope = 64
  /// In all; each is kept in memory.
  public static let maximumInAll = 16_384
  /// How close to its end credit may be told of.
  public static let expiryMillis: ClosedRange<Int64> = 3_600_000...366 * 86_400_000
  /// Different ones of all rules: for each the server goes through the credit that expires.
  public static let maximumExpiryWindows = 64

  public init(id: String, scope: Scope, condition: Condition) {
    self.id = id
    self.scope = scope
    self.condition = condition
  }

  /// Whether both say the same; times are not looked at.
  func hasContent(of other: Self) -> Bool {
    id.isExactly(other.id) && scope == other.scope && condition == other.condition
  }
}

/// A page of rules, by id.
public struct AlertRulePage: Sendable, Equatable {
  public var rules: [AlertRule]
  /// nil on the last page.
  public var nextAfter: String?

  package init(rules: [AlertRule], nextAfter: String? = nil) {
    self.rules = rules
    self.nextAfter = nextAfter
  }
}
