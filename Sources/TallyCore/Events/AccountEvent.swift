// Something that a commit has brought about for a user, and that somebody should hear of.
//
// Invariants:
// 1. Events are rows of the commit that brought them about. They are numbered without a gap over all users,
//    and never changed.

/// Numbers are the wire's and the disk's; never reused.
public enum EventKind: Int32, Sendable, CaseIterable {
  case balanceBelow = 1
  case owed = 2
  case quotaAt = 3
  case capAt = 4
  case creditExpires = 5
  case grantSkipped = 6
  case topUpIntent = 7
}

public struct AccountEvent: Sendable, Equatable {
  public var id: Int64 = 0
  public var commit = CommitPoint(sequence: 0, position: 0)
  public var userId: String
  public var kind: EventKind
  /// When it was written.
  public var atMicros: Int64
  /// When it came about.
  public var effectiveAtMicros: Int64
  /// Of a rule's event.
  public var crossing: Crossing?
  /// Of a grant's event.
  public var skippedGrant: SkippedGrant?
  /// Of a quota's rule's event.
  public var quota: QuotaStep?
  /// Of a cap's rule's event.
  public var cap: CapStep?
  /// Of a top-up intent's event.
  public var topUp: TopUpStep?
  /// Of the event of credit that expires.
  public var expiring: ExpiringCredit?

  /// A figure that has crossed a rule's line.
  public struct Crossing: Sendable, Equatable {
    public var ruleId: String
    public var thresholdMicros: Int64
    public var beforeMicros: Int64
    public var afterMicros: Int64
    /// The ledger row that crossed it.
    public var sequence: Int64

    package init(
      ruleId: String, thresholdMicros: Int64, beforeMicros: Int64, afterMicros: Int64, sequence: Int64
    ) {
      self.ruleId = ruleId
      self.thresholdMicros = thresholdMicros
      self.beforeMicros = beforeMicros
      self.afterMicros = afterMicros
      self.sequence = sequence
    }
  }

  /// A period that the server did not grant.
  public struct SkippedGrant: Sendable, Equatable {
    /// Numbers are the wire's and the disk's; never reused.
    public enum Cause: Int32, Sendable, CaseIterable {
      case passed = 1
      case overlaps = 2
      case expired = 3
    }

    public var cause: Cause
    public var planId: String
    /// In days since the epoch: when it begins; of several that have passed, the first.
    public var startDay: Int64
    /// When the next period begins that was not passed over, or the one that was granted before.
    public var otherStartDay: Int64?

    package init(cause: Cause, planId: String, startDay: Int64, otherStartDay: Int64? = nil) {
      self.cause = cause
      self.planId = planId
      self.startDay = startDay
      self.otherStartDay = otherStartDay
    }

    /// nil: it is tried again, and nothing was passed over.
    init?(_ cause: GrantNotice.Cause) {
      switch cause {
      case .skipped(let planId, let days):
        self.init(cause: .passed, planId: planId, startDay: days.lowerBound, otherStartDay: days.upperBound)
      case .overlaps(let planId, let startDay, let grantedStartDay):
        self.init(cause: .overlaps, planId: planId, startDay: startDay, otherStartDay: grantedStartDay)
      case .expired(let planId, let startDay):
        self.init(cause: .expired, planId: planId, startDay: startDay)
      case .failing: return nil
      }
    }
  }

  /// What is used of a quota has reached a rule's part of its limit.
  public struct QuotaStep: Sendable, Equatable {
    public var ruleId: String
    public var kind: QuotaKind
    public var percent: Int64
    /// After the change.
    public var used: Int64
    public var limit: Int64

    package init(ruleId: String, kind: QuotaKind, percent: Int64, used: Int64, limit: Int64) {
      self.ruleId = ruleId
      self.kind = kind
      self.percent = percent
      self.used = used
      self.limit = limit
    }
  }

  /// What is used of a cap has reached a rule's part of its limit.
  public struct CapStep: Sendable, Equatable {
    public var ruleId: String
    /// As it was in force; it has a limit.
    public var cap: Cap
    /// Whose cap it is; empty for the account's.
    public var spender: String
    public var percent: Int64
    /// After the change.
    public var used: Int64
    /// As `CapUse` tells it.
    public var resetsAtMicros: Int64

    package init(
      ruleId: String, cap: Cap, spender: String, percent: Int64, used: Int64, resetsAtMicros: Int64
    ) {
      self.ruleId = ruleId
      self.cap = cap
      self.spender = spender
      self.percent = percent
      self.used = used
      self.resetsAtMicros = resetsAtMicros
    }
  }

  /// Credit of one grant that came within a rule's time of its end.
  public struct ExpiringCredit: Sendable, Equatable {
    public var ruleId: String
    public var withinMillis: Int64
    /// The row that granted it.
    public var lotId: Int64
    /// Left of it, and not pinned.
    public var amountMicros: Int64
    public var expiresAtMicros: Int64

    package init(
      ruleId: String, withinMillis: Int64, lotId: Int64, amountMicros: Int64, expiresAtMicros: Int64
    ) {
      self.ruleId = ruleId
      self.withinMillis = withinMillis
      self.lotId = lotId
      self.amountMicros = amountMicros
      self.expiresAtMicros = expiresAtMicros
    }
  }

  /// What has become of a top-up intent.
  public struct TopUpStep: Sendable, Equatable {
    public var intentId: Int64
    public var state: TopUpIntent.State
    /// Of one that was closed the purchase's, else its own.
    public var amountMicros: Int64

    package init(intentId: Int64, state: TopUpIntent.State, amountMicros: Int64) {
      self.intentId = intentId
      self.state = state
      self.amountMicros = amountMicros
    }
  }

  package init(userId: String, kind: EventKind, atMicros: Int64, effectiveAtMicros: Int64) {
    self.userId = userId
    self.kind = kind
    self.atMicros = atMicros
    self.effectiveAtMicros = effectiveAtMicros
  }
}

public struct EventFilter: Sendable, Equatable {
  public var userId: String
  /// All when empty.
  public var kinds: [EventKind] = []
  /// Inclusive.
  public var fromMicros: Int64?
  /// 1 to 1,000.
  public var limit: Int
  /// Events with a smaller id only; from the page before.
  public var beforeId: Int64?

  public init(userId: String, limit: Int) {
    self.userId = userId
    self.limit = limit
  }
}
