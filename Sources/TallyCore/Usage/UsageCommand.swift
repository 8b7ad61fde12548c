// What a caller may ask of runs and plans: one value a method.
//
// Invariants:
// 1. A run's natural key is its id, unique across all users, with the attempt; there is no other key. The
//    digest tells the same request from another one under that key.

/// Mutations of runs and plans. Amounts are micro-USD, times microseconds since the epoch.
public enum UsageCommand {
  /// Checks the quota and sets the estimate aside.
  public struct Begin: Sendable, Equatable {
    public var userId: String
    public var runId: String
    /// Counted from 1.
    public var attempt: Int32
    public var model: String
    public var type: String
    /// Not negative; zero holds nothing.
    public var estimateMicros: Int64
    public var ttlMillis: Int64
    /// Who of the account begins it; empty when nobody is named.
    public var spender: String
    /// In the order of their keys.
    public var tags: [RunTag]
    public var digest: Digest

    public init(
      userId: String, runId: String, attempt: Int32 = 1, model: String, type: String, estimateMicros: Int64,
      ttlMillis: Int64, spender: String = "", tags: [RunTag] = [], digest: Digest
    ) {
      self.userId = userId
      self.runId = runId
      self.attempt = attempt
      self.model = model
      self.type = type
      self.estimateMicros = estimateMicros
      self.ttlMillis = ttlMillis
      self.spender = spender
      self.tags = tags
      self.digest = digest
    }
  }

  /// How a run ended.
  public struct End: Sendable, Equatable {
    /// Never `running`.
    public var status: RunStatus
    /// Not negative; so are the next two.
    public var inputTokens: Int64
    public var outputTokens: Int64
    public var images: Int64
    /// Of further classes, in the order of their numbers, each once; none is zero.
    public var units: [UnitCount]
    /// nil: by the book of prices when it succeeded or was cancelled, else zero.
    public var costMicros: Int64?
    /// What the provider took; zero when it is not known.
    public var providerCostMicros: Int64
    public var error: String

    public init(
      status: RunStatus, inputTokens: Int64 = 0, outputTokens: Int64 = 0, images: Int64 = 0,
      units: [UnitCount] = [], costMicros: Int64? = nil, providerCostMicros: Int64 = 0, error: String = ""
    ) {
      self.status = status
      self.inputTokens = inputTokens
      self.outputTokens = outputTokens
      self.images = images
      self.units = units
      self.costMicros = costMicros
      self.providerCostMicros = providerCostMicros
      self.error = error
    }
  }

  /// Charges a run that was begun.
  public struct Finish: Sendable, Equatable {
    public var runId: String
    /// Counted from 1.
    public var attempt: Int32
    public var end: End
    /// A run of another user is not found; nil may touch any.
    public var actingUserId: String?
    public var digest: Digest

    public init(
      runId: String, attempt: Int32 = 1, end: End, actingUserId: String? = nil, digest: Digest
    ) {
      self.runId = runId
      self.attempt = attempt
      self.end = end
      self.actingUserId = actingUserId
      self.digest = digest
    }
  }

  /// Tells of a run that ended elsewhere; never charges.
  public struct Record: Sendable, Equatable {
    public var userId: String
    public var runId: String
    public var model: String
    public var type: String
    public var end: End
    /// nil is now.
    public var startedAtMicros: Int64?
    /// As those of `Begin`.
    public var spender: String
    public var tags: [RunTag]
    public var digest: Digest

    public init(
      userId: String, runId: String, model: String, type: String, end: End, startedAtMicros: Int64? = nil,
      spender: String = "", tags: [RunTag] = [], digest: Digest
    ) {
      self.userId = userId
      self.runId = runId
      self.model = model
      self.type = type
      self.end = end
      self.startedAtMicros = startedAtMicros
      self.spender = spender
      self.tags = tags
      self.digest = digest
    }
  }

  /// Makes a plan, or replaces it.
  public struct PutPlan: Sendable, Equatable {
    /// What callers that do not know of it leave as it is stored.
    public struct Kept: OptionSet, Sendable {
      public let rawValue: Int

      public init(rawValue: Int) { self.rawValue = rawValue }

      public static let onShort = Kept(rawValue: 1)
      public static let rolloverCap = Kept(rawValue: 2)
      public static let isDefault = Kept(rawValue: 4)
      public static let cancelledCost = Kept(rawValue: 8)
      public static let multiplier = Kept(rawValue: 16)
      public static let tagKeys = Kept(rawValue: 32)
      public static let caps = Kept(rawValue: 64)
      public static let spenderCaps = Kept(rawValue: 128)
    }

    public var plan: Plan
    /// What of `plan` is not looked at.
    public var kept: Kept

    public init(_ plan: Plan, keeping kept: Kept = []) {
      self.plan = plan
      self.kept = kept
    }

    /// The plan as it is to be stored.
    func plan(over stored: Plan?) -> Plan {
      var plan = plan
      if kept.contains(.onShort) { plan.onShort = stored?.onShort ?? .forgive }
      if kept.contains(.rolloverCap) { plan.rolloverCapMicros = stored?.rolloverCapMicros }
      if kept.contains(.isDefault) { plan.isDefault = stored?.isDefault ?? false }
      if kept.contains(.caps) { plan.caps = stored?.caps ?? [] }
      if kept.contains(.spenderCaps) { plan.spenderCaps = stored?.spenderCaps ?? [] }
      if kept.contains(.multiplier) { plan.multiplierPpm = stored?.multiplierPpm }
      if kept.contains(.tagKeys) { plan.tagKeys = stored?.tagKeys ?? [] }
      if kept.contains(.cancelledCost) { plan.cancelledCost = stored?.cancelledCost ?? .reported }
      return plan
    }
  }
  /// Appends rows to the book.
  public struct PutPrices: Sendable, Equatable {
    public struct Line: Sendable, Equatable {
      public var planId: String
      public var model: String
      public var unitClass: UnitClass
      /// Per million units; nil: none from then on.
      public var micros: Int64?
      /// nil is now.
      public var effectiveFromMicros: Int64?

      public init(
        planId: String = "", model: String = "", unitClass: UnitClass, micros: Int64?,
        effectiveFromMicros: Int64? = nil
      ) {
        self.planId = planId
        self.model = model
        self.unitClass = unitClass
        self.micros = micros
        self.effectiveFromMicros = effectiveFromMicros
      }
    }

    /// Each plan, model and class once.
    public var lines: [Line]

    public init(_ lines: [Line]) { self.lines = lines }
  }
}

/// What the caller of `PutPrices` gets.
public struct PricesReceipt: Sendable, Equatable {
  /// One a line: the row that says it.
  public var prices: [Price]
  /// The book said all of it already.
  public var unchanged: Bool
  public var commit: CommitPoint

  public init(prices: [Price], unchanged: Bool, commit: CommitPoint) {
    self.prices = prices
    self.unchanged = unchanged
    self.commit = commit
  }
}

/// What the caller of a command of runs that was applied gets.
public struct RunReceipt: Sendable, Equatable {
  /// As it stands now, also when replayed.
  public var run: Run
  /// The last ledger row that the command wrote for the run; nil when it wrote none.
  public var transaction: Entry?
  /// As the transaction left it; without one, as it stands now. nil for a recorded run.
  public var balance: Balance?
  /// The hold that BeginRun made, as it is now.
  public var hold: Hold?
  /// The command had been applied before.
  public var replayed: Bool
  /// Where it was decided, the first time.
  public var commit: CommitPoint

  public init(
    run: Run, transaction: Entry? = nil, balance: Balance? = nil, hold: Hold? = nil, replayed: Bool = false,
    commit: CommitPoint
  ) {
    self.run = run
    self.transaction = transaction
    self.balance = balance
    self.hold = hold
    self.replayed = replayed
    self.commit = commit
  }
}

/// What the caller of `PutPlan` gets.
public struct PlanReceipt: Sendable, Equatable {
  public var plan: Plan
  /// It had this content already.
  public var unchanged: Bool
  public var commit: CommitPoint

  public init(plan: Plan, unchanged: Bool, commit: CommitPoint) {
    self.plan = plan
    self.unchanged = unchanged
    self.commit = commit
  }
}
