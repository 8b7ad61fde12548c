// What the server grants by itself, for a subscription whose next period has begun.
//
// Invariants:
// 1. It is granted at most once for a period, by the same law as every grant of a plan, and without a key.
// 2. What cannot be granted stops nobody: the user's writes go on, and whoever runs the server is told.

/// What is due of a user's subscription.
public struct DueGrant: Sendable, Equatable {
  /// nil: nothing is granted, and only the time of the next one moves on.
  public var grant: PeriodGrant?
  /// When the server is to grant next; nil: never.
  public var nextAtMicros: Int64?
  /// What whoever runs the server is told.
  public var notices: [GrantNotice.Cause] = []

  public init(grant: PeriodGrant? = nil, nextAtMicros: Int64?, notices: [GrantNotice.Cause] = []) {
    self.grant = grant
    self.nextAtMicros = nextAtMicros
    self.notices = notices
  }

  /// How soon it is tried again when something is wrong with the plan or with the user's account: an hour.
  package static let retryMicros: Int64 = 3_600_000_000

  /// Nothing can be granted now.
  package init(failing message: String, planId: String, nowMicros: Int64) {
    nextAtMicros = nowMicros + Self.retryMicros
    notices = [.failing(planId: planId, message)]
  }
}

/// A plan's credit for a period, as the plan has it.
public struct PeriodGrant: Sendable, Equatable {
  public var planId: String
  public var period: Period
  public var amountMicros: Int64
  public var priority: Int32
  public var expiresAtMicros: Int64?
  public var rollover: Rollover?

  /// - Throws: `invalidField` when the credit would have expired by now, `amountOverflow`.
  init(_ plan: Plan, _ period: Period, nowMicros: Int64) throws(Refusal) {
    planId = plan.id
    self.period = period
    amountMicros = plan.monthlyCreditMicros
    priority = plan.priority
    expiresAtMicros = try plan.grantExpiry.expiresAtMicros(in: period, nowMicros: nowMicros)
    rollover = plan.rollover(of: period, until: expiresAtMicros)
  }
}

/// Something about a user's subscription that whoever runs the server should know.
public struct GrantNotice: Sendable, Equatable {
  public enum Cause: Sendable, Equatable, Hashable {
    /// The server was down, or the user was not to be granted anything: what began on these dates, the end
    /// exclusive, was not granted.
    case skipped(planId: String, days: Range<Int64>)
    /// The period that begins on a date was not granted, since it has dates of one that was.
    case overlaps(planId: String, startDay: Int64, grantedStartDay: Int64)
    /// The period that begins on a date was not granted, since its credit would have expired by now.
    case expired(planId: String, startDay: Int64)
    /// It is tried again after `DueGrant.retryMicros`.
    case failing(planId: String, String)
  }

  public var userId: String
  public var cause: Cause

  public init(userId: String, cause: Cause) {
    self.userId = userId
    self.cause = cause
  }
}

extension Account {
  /// Since when something of the user's subscription is due; nil: nothing is.
  package func grantDueMicros(atMicros nowMicros: Int64) -> Int64? {
    guard let next = nextGrantAtMicros, next <= nowMicros else { return nil }
    return next
  }
}

extension Draft {
  /// Since when a grant is due: its period's start, unless the user has subscribed or come back later.
  func dueMicros(of grant: PeriodGrant) -> Int64 {
    max(grant.period.startMicros, account.nextGrantAtMicros ?? grant.period.startMicros)
  }

  /// Grants what is due, or only moves the time of the next grant on.
  mutating func grantDue(_ due: DueGrant) {
    let sinceMicros = due.grant.map(dueMicros)
    moveNextGrant(to: due.nextAtMicros, due.notices)
    guard let credit = due.grant else { return }
    let grant = Grant(
      type: .planGrant, amountMicros: credit.amountMicros, priority: credit.priority,
      effectiveAtMicros: sinceMicros, expiresAtMicros: credit.expiresAtMicros,
      rollover: credit.rollover, maximumOpenLots: Lot.maximumOpenLotsInAll)
    do {
      try self.grant(grant, isOwn: false) {
        $0.planId = credit.planId
        $0.periodStartMicros = credit.period.startMicros
        $0.periodDays = credit.period.days
      }
    } catch {
      let failing = DueGrant(failing: error.message, planId: credit.planId, nowMicros: nowMicros)
      moveNextGrant(to: failing.nextAtMicros, failing.notices)
    }
  }
}
