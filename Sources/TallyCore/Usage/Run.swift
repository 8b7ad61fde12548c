// A run of AI generation: what was begun, what it cost, and what of that was charged.
//
// Invariants:
// 1. A run leaves `running` exactly once, through FinishRun; a recorded run has ended when it is made.
// 2. Of a run that was begun and has ended: cost = charged + uncollected. A recorded run is never charged.
// 3. A run belongs to the time at which it started, whenever it is told of.
// 4. Attempts of a run id are of one user and numbered from 1 without a gap; all but the newest have failed
//    or were cancelled.

/// What one run may be. Sums over all runs have int64's range, and one user's runs must not use it up.
public enum RunLimits {
  /// A million dollars.
  public static let costMicros: Int64 = 1_000_000_000_000
  /// Of input tokens, of output tokens, of images.
  public static let unitCount: Int64 = 1_000_000_000_000
  /// Tags of a run, and keys that a plan declares.
  public static let tagCount = 8
  /// Values of a key that have a line of their own on a UTC day.
  public static let tagValueCount: Int64 = 100
}

/// Numbers are the wire's and the disk's; never reused.
public enum RunStatus: Int32, Sendable, CaseIterable {
  case running = 1
  case succeeded = 2
  case failed = 3
  case cancelled = 4

  /// As on the wire, without its prefix.
  public var name: String {
    switch self {
    case .running: "RUNNING"
    case .succeeded: "SUCCEEDED"
    case .failed: "FAILED"
    case .cancelled: "CANCELLED"
    }
  }
}

/// Amounts are micro-USD, times microseconds since the epoch.
public struct Run: Sendable, Equatable {
  /// Of its row: what orders runs that started at the same time. Zero until it is stored.
  public var id: Int64 = 0
  /// Unique across all users, together with the attempt.
  public var runId: String
  /// Counted from 1. The next one begins once this one has failed or was cancelled.
  public var attempt: Int32 = 1
  public var userId: String
  /// Who of the account began it; empty when nobody was named.
  public var spender = ""
  public var model: String
  public var type: String
  public var status: RunStatus
  /// What its hold set aside; zero when nothing was held.
  public var estimateMicros: Int64 = 0
  /// nil when nothing was held.
  public var holdId: Int64?
  public var inputTokens: Int64 = 0
  public var outputTokens: Int64 = 0
  public var images: Int64 = 0
  /// Of further classes, in the order of their numbers.
  public var units: [UnitCount] = []
  public var costMicros: Int64 = 0
  /// What each class is of the cost; nil when its caller has named it, and before it is known.
  public var breakdown: [ClassCost]?
  /// The newest row of the book when it began; zero when there was none.
  public var priceVersion: Int64 = 0
  /// The plan under which it is priced; nil without one.
  public var planId: String?
  /// What the provider took, as it was told; zero when it is not known.
  public var providerCostMicros: Int64 = 0
  public var chargedMicros: Int64 = 0
  /// Of the cost, what neither the hold nor the available credit could pay.
  public var uncollectedMicros: Int64 = 0
  /// Of what is uncollected, what the user owed for it. Later payments do not change it.
  public var owedMicros: Int64 = 0
  public var startedAtMicros: Int64
  /// nil while running.
  public var finishedAtMicros: Int64?
  /// When a running run stops to count against the quota: when its hold expires. nil for a recorded run.
  public var expiresAtMicros: Int64?
  /// What went wrong, in the caller's words.
  public var error = ""
  public var tags: [RunTag] = []
  /// Told of afterwards, never begun here.
  public var isRecorded = false

  public init(
    runId: String, userId: String, model: String, type: String, status: RunStatus, startedAtMicros: Int64
  ) {
    self.runId = runId
    self.userId = userId
    self.model = model
    self.type = type
    self.status = status
    self.startedAtMicros = startedAtMicros
  }
}

/// Which of a user's runs, newest first by the time at which they started.
public struct RunFilter: Sendable, Equatable {
  public var userId: String
  /// All when empty.
  public var statuses: [RunStatus] = []
  /// Any when empty; so are the type and the spender.
  public var model = ""
  public var type = ""
  public var spender = ""
  /// Inclusive.
  public var fromMicros: Int64?
  /// Exclusive.
  public var toMicros: Int64?
  /// 1 to 1,000.
  public var limit: Int
  /// Older ones only; from the page before.
  public var before: RunPlace?

  public init(userId: String, limit: Int) {
    self.userId = userId
    self.limit = limit
  }
}

/// Where a run stands among all of its user's.
public struct RunPlace: Sendable, Equatable {
  public var startedAtMicros: Int64
  public var id: Int64

  public init(startedAtMicros: Int64, id: Int64) {
    self.startedAtMicros = startedAtMicros
    self.id = id
  }
}

/// One page of runs, newest first, and where the next one starts.
public struct RunPage: Sendable, Equatable {
  public var runs: [Run]
  /// nil on the last page.
  public var nextBefore: RunPlace?

  public init(runs: [Run], nextBefore: RunPlace?) {
    self.runs = runs
    self.nextBefore = nextBefore
  }
}

extension Run {
  /// The attempt as the run's hold and ledger rows say it: zero is the first, so that rows from before there
  /// were attempts say the same.
  package var rowAttempt: Int32 { attempt > 1 ? attempt : 0 }

  public var place: RunPlace { RunPlace(startedAtMicros: startedAtMicros, id: id) }
}
