// What an engine answers about what was used.
//
// Invariants:
// 1. Each answer is one snapshot, read in a number of statements that does not grow with rows or users.
//
// Owner: the engine.

public protocol UsageReads: Sendable {
  /// Time zones by name.
  var zones: ZoneStore { get }

  /// What users have used in a month; one a user id, in the order asked. Unknown users have used nothing.
  /// - Throws: `invalidField` when a plan's time zone is not known to this machine.
  func usages(_ query: UsageQuery) throws(Refusal) -> Snapshot<[Usage]>
  /// How much of a quota a user has used, by `usages`.
  /// - Throws: as `usages`.
  /// - Parameter ask: what caps are asked about; of a run that would begin.
  func quota(_ kind: QuotaKind, userId: String, ask: CapAsk) throws(Refusal) -> Snapshot<QuotaAdvice>
  /// A user's own caps: the account's first, then those of spenders, by name. Those of the plan are not
  /// among them.
  func capLists(userId: String) throws(Refusal) -> Snapshot<[CapList]>
  /// Sums over runs, and the last of them.
  func stats(_ query: StatsQuery) throws(Refusal) -> Snapshot<Stats>
}

extension UsageReads {
  public func quota(
    _ kind: QuotaKind, userId: String, ask: CapAsk = CapAsk()
  ) throws(Refusal) -> Snapshot<QuotaAdvice> {
    var query = UsageQuery(userIds: [userId])
    if kind == .generations { query.capSpenders = ask.spender.isEmpty ? [""] : ["", ask.spender] }
    let read = try usages(query)
    guard let usage = read.value.first else { throw Refusal(.corrupt, "no usage of one user") }
    let counts = QuotaCounts(
      month: MonthCounters(generations: usage.generations, uploads: usage.uploads), running: usage.running,
      pages: usage.pages)
    let use = QuotaUse(kind, counts, limits: usage.limits, resetsAtMicros: usage.resetsAtMicros)
    // Of the calls that use one, only BeginRun spends.
    let isGeneration = kind == .generations
    let advice = QuotaAdvice(
      use: use, objection: isGeneration ? usage.objection : nil,
      capRefusal: isGeneration ? usage.caps.refusal(of: ask) : nil)
    return Snapshot(advice, commitSequence: read.commitSequence)
  }
}

/// How much of a quota is used, and what else stands in the way of one more.
public struct QuotaAdvice: Sendable, Equatable {
  public var use: QuotaUse
  public var objection: Refusal?
  public var capRefusal: Refusal?
}

/// Which users' usage of which month.
public struct UsageQuery: Sendable {
  public var userIds: [String]
  /// nil: the current one, in each zone.
  public var month: Month?
  /// nil: that of the user's plan, else UTC.
  public var zone: Zone?
  /// Of one user: whose caps are told, the account's under the empty name.
  public var capSpenders: [String] = []

  public init(userIds: [String], month: Month? = nil, zone: Zone? = nil) {
    self.userIds = userIds
    self.month = month
    self.zone = zone
  }
}

/// What a user has used in a month, against the limits of the user's plan.
public struct Usage: Sendable, Equatable {
  public var userId: String
  public var month: Month
  /// The IANA zone that the month is of.
  public var timeZone: String
  /// Succeeded runs that started in the month.
  public var generations: Int64 = 0
  /// Runs under way now, whatever the month.
  public var running: Int64 = 0
  /// Media of source UPLOAD made in the month, deleted ones included.
  public var uploads: Int64 = 0
  /// What runs cost that have ended and started in the month.
  public var costMicros: Int64 = 0
  /// Live pages now, whatever the month.
  public var pages: Int64 = 0
  /// nil without one.
  public var planId: String?
  public var limits = PlanLimits()
  /// When the next month begins.
  public var resetsAtMicros: Int64
  /// Now, whatever the month.
  public var owedMicros: Int64 = 0
  /// Why the user may not spend now, whatever there is; nil: nothing stands in the way.
  public var objection: Refusal?
  /// In force now, whatever the month, and as they are looked at; those that were asked for.
  public var caps: [CapUse] = []

  package init(
    userId: String, month: Month, timeZone: String, generations: Int64 = 0, running: Int64 = 0,
    uploads: Int64 = 0, pages: Int64 = 0, planId: String? = nil, limits: PlanLimits = PlanLimits(),
    resetsAtMicros: Int64
  ) {
    self.userId = userId
    self.month = month
    self.timeZone = timeZone
    self.generations = generations
    self.running = running
    self.uploads = uploads
    self.pages = pages
    self.planId = planId
    self.limits = limits
    self.resetsAtMicros = resetsAtMicros
  }
}

/// A dashboard's question, with all that depends on the time resolved.
public struct StatsQuery: Sendable, Equatable {
  /// Borders of spans are multiples of this: a quarter hour.
  public static let stepMicros: Int64 = QuarterHour.micros

  /// Empty: of all users.
  public var userId: String
  /// Inclusive, on a quarter hour.
  public var fromMicros: Int64
  /// Exclusive, on a quarter hour, later than `fromMicros`.
  public var toMicros: Int64
  /// Of the days.
  public var zone: Zone
  /// Runs to answer with.
  public var recentLimit: Int
  /// Whether spenders are told apart; of one user only.
  public var bySpender = false
  /// The key of the tag whose values are told apart; empty: none.
  public var tag = ""

  public init(userId: String, fromMicros: Int64, toMicros: Int64, zone: Zone, recentLimit: Int) {
    self.userId = userId
    self.fromMicros = fromMicros
    self.toMicros = toMicros
    self.zone = zone
    self.recentLimit = recentLimit
  }

  /// The last days of a zone, the one of `nowMicros` included.
  public init(userId: String, days: Int, untilMicros nowMicros: Int64, zone: Zone, recentLimit: Int) {
    let today = zone.day(ofMicros: nowMicros)
    self.init(
      userId: userId, fromMicros: zone.start(ofDay: today - Int64(days) + 1),
      toMicros: zone.start(ofDay: today + 1), zone: zone, recentLimit: recentLimit)
  }

  /// Tells it apart from other queries of the same user.
  public var key: String { "\(fromMicros) \(toMicros) \(recentLimit) \(zone.name) \(bySpender) \(tag)" }
}

/// Sums over runs that ended, within a span of time.
public struct Stats: Sendable, Equatable {
  public struct Group: Sendable, Equatable {
    public var name: String
    public var totals: RunTotals

    public init(name: String, totals: RunTotals) {
      self.name = name
      self.totals = totals
    }
  }

  public struct Day: Sendable, Equatable {
    /// `YYYY-MM-DD` in the query's zone.
    public var date: String
    public var startMicros: Int64
    public var totals = RunTotals()

    package init(date: String, startMicros: Int64, totals: RunTotals = RunTotals()) {
      self.date = date
      self.startMicros = startMicros
      self.totals = totals
    }
  }

  public var totals = RunTotals()
  /// By count, most first, then by name; all of them.
  public var byModel: [Group] = []
  public var byType: [Group] = []
  /// So are these. An empty name stands for all values that have no line of their own.
  public var bySpender: [Group] = []
  public var byTag: [Group] = []
  /// Every day that the span touches, oldest first; of the first and the last, what is within the span.
  public var days: [Day] = []
  /// Newest first, running ones too, of any time.
  public var recent: [Run] = []

  package init(
    totals: RunTotals = RunTotals(), byModel: [Group] = [], byType: [Group] = [], days: [Day] = [],
    recent: [Run] = []
  ) {
    self.totals = totals
    self.byModel = byModel
    self.byType = byType
    self.days = days
    self.recent = recent
  }
}
