// The seam: what a ledger engine does for the services above it, whatever it keeps its rows in.
//
// Invariants:
// 1. A completion is called exactly once, after the commit that decided it is durable (or after the
//    engine knows that it is not).
// 2. A read that begins after any completion was called sees that commit, and is one snapshot.
// 3. SQL text and pragmas stay below the seam.
//
// Owner: the engine's own queues.

/// Where replies of one batch go together: flushed once after all of a commit's completions ran.
public protocol ReplyGroup: AnyObject, Sendable {
  /// Sends what completions have appended. Never blocks.
  func flush()
  /// So much waits for the peer already that nothing more is decided for it before it has read some.
  var isCrowded: Bool { get }
  /// Runs `resume` once, soon, on an arbitrary thread, when the group is no longer crowded. It is handed true
  /// when the peer has gone instead.
  /// - Returns: false when there is room now; `resume` is then not kept.
  func whenRoomy(_ resume: @escaping @Sendable (_ isGone: Bool) -> Void) -> Bool
}

/// A value read from one snapshot.
public struct Snapshot<Value: Sendable>: Sendable {
  public var value: Value
  /// The last commit that the snapshot contains.
  public var commitSequence: Int64

  public init(_ value: Value, commitSequence: Int64) {
    self.value = value
    self.commitSequence = commitSequence
  }
}

/// One call's worth of commands: a single one, or a batch whose items are decided one by one.
public struct Submission: Sendable {
  public var commands: [Command]
  /// The one user it counts against for fairness; empty when there are many.
  public var userId: String
  /// On the monotonic clock; past it, the submission is dropped, not applied.
  public var deadlineNanoseconds: UInt64?
  /// Cost in the queue's byte budget.
  public var byteCount: Int
  /// Set when its caller is the only one that wants anything just now: has the work that it is handed done
  /// on the caller's thread, which saves waking another, at a moment when that thread may wait for the disk.
  /// False when the thread may not: the work is then not done. Called at most once, by `submit`.
  public var lead: (@Sendable (_ work: @escaping @Sendable () -> Void) -> Bool)?
  /// Asked when the writer takes the submission: true drops it, not applied. nil: never cancelled.
  public var isCancelled: (@Sendable () -> Bool)?
  /// Asked of each command's outcome before it is committed: a refusal undoes it and is its outcome. For
  /// replies that might not fit into a message; nil: they all do.
  public var objection: (@Sendable (Outcome) -> Refusal?)?

  public init(
    commands: [Command], userId: String, deadlineNanoseconds: UInt64? = nil, byteCount: Int,
    isCancelled: (@Sendable () -> Bool)? = nil
  ) {
    self.isCancelled = isCancelled
    self.commands = commands
    self.userId = userId
    self.deadlineNanoseconds = deadlineNanoseconds
    self.byteCount = byteCount
  }
}

public struct TransactionFilter: Sendable, Equatable {
  public var userId: String
  /// All when empty.
  public var types: [TransactionType] = []
  /// Inclusive.
  public var fromMicros: Int64?
  /// Exclusive.
  public var toMicros: Int64?
  public var metadata: [MetadataEntry] = []
  /// 1 to 1,000.
  public var limit: Int
  /// Rows with a smaller sequence only; from the page before.
  public var beforeSequence: Int64?

  public init(userId: String, limit: Int) {
    self.userId = userId
    self.limit = limit
  }
}

public struct HoldFilter: Sendable, Equatable {
  public var userId: String
  /// All when empty.
  public var states: [HoldState] = []
  public var limit: Int
  public var beforeId: Int64?

  public init(userId: String, limit: Int) {
    self.userId = userId
    self.limit = limit
  }
}

/// One page, newest first, and where the next one starts.
public struct Page<Row: Sendable>: Sendable {
  public var rows: [Row]
  /// nil on the last page.
  public var nextBefore: Int64?

  public init(rows: [Row], nextBefore: Int64?) {
    self.rows = rows
    self.nextBefore = nextBefore
  }
}

public struct EngineState: Sendable, Equatable {
  public enum Mode: Sendable, Equatable {
    case serving, readOnly, draining
    /// The files of the database were removed or replaced while they were open.
    case lost
  }
  public var mode: Mode
  public var commitSequence: Int64
  public var ledgerSequence: Int64
  public var schemaVersion: Int32
  /// The time of the last commit that wrote a ledger row; zero before the first.
  public var lastTimeMicros: Int64

  public init(
    mode: Mode, commitSequence: Int64, ledgerSequence: Int64, schemaVersion: Int32, lastTimeMicros: Int64
  ) {
    self.mode = mode
    self.commitSequence = commitSequence
    self.ledgerSequence = ledgerSequence
    self.schemaVersion = schemaVersion
    self.lastTimeMicros = lastTimeMicros
  }
}

/// A ledger engine.
public protocol Engine: Sendable {
  /// Decides the commands in order, in one commit with whatever else is queued.
  /// - Parameters:
  ///   - group: flushed once after the commit's completions; nil for callers that need no flush.
  ///   - completion: one outcome a command; called on the engine's writer queue, or at once on the
  ///     caller's when the submission never enters the queue (full, draining).
  func submit(
    _ submission: Submission, group: (any ReplyGroup)?,
    completion: @escaping @Sendable ([Outcome]) -> Void)

  /// Why a submission would be turned away now, whatever it holds: draining, read-only, queue full. Asked
  /// before a request's fields are looked at; `submit` decides for good.
  func admission() -> Refusal?

  /// A user's balance from memory, or nil when it needs a reader. Never blocks: may run on a
  /// connection's queue.
  func cachedBalance(userId: String) -> Snapshot<Balance>?
  /// A user's balance now; zero for a user that is not known. May wait for a reader.
  func balance(userId: String) throws(Refusal) -> Snapshot<Balance>
  /// In the order asked; fixed statement count.
  func balances(userIds: [String]) throws(Refusal) -> Snapshot<[Balance]>
  /// - Throws: `transactionNotFound`, also for another user's row when `actingUserId` is set.
  func transaction(sequence: Int64, actingUserId: String?) throws(Refusal) -> Snapshot<Entry>
  func transactions(_ filter: TransactionFilter) throws(Refusal) -> Snapshot<Page<Entry>>
  func holds(_ filter: HoldFilter) throws(Refusal) -> Snapshot<Page<Hold>>
  /// By id, after `afterId`.
  func plans(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<[Plan]>
  func state() -> EngineState

  /// The engine's idea of now, as a write at this moment would have it.
  func nowMicros() -> Int64
}

/// An engine of the whole product, which the services stand on. `SQLiteEngine` is the only one.
public protocol ProductEngine: Engine, AdminReads, RunReads, UsageReads {}
