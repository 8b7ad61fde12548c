// How an engine is opened, and the places at which tests make it fail.

public import TallyMeasuring

public struct EngineConfiguration: Sendable {
  /// Where the database lives. Made with mode 0700 if missing; its parent must exist.
  public var directory: String
  /// Read-only connections, 1 to 64.
  public var readerCount = 2
  public var clock: any TimeSource = SystemClock()
  /// Where time zones come from.
  public var zones = ZoneStore()
  /// Go on on a network or memory file system, which may lose what was acknowledged.
  public var allowsAnyFileSystem = false
  /// Go on although the ledger leads the wall clock by more than the store allows.
  public var allowsClockBehindLedger = false
  /// Go on without the commits that lie behind damage to the log.
  public var acceptsLogDamage = false
  /// Told, on the opening thread, what recovery drops.
  public var onLogLoss: @Sendable (String) -> Void = { _ in }
  /// How often what has expired is written off, the log is checkpointed when idle, and a full disk is
  /// tried again, in milliseconds.
  public var tickMillis = 1_000
  public var faults = EngineFaults()
  /// A statement that takes longer is counted as slow and told; zero is never.
  public var slowStatementMillis = 100
  /// Called on the thread that ran it, which it holds up.
  public var onSlowStatement: @Sendable (SlowStatement) -> Void = { _ in }
  /// Rows that one commit writes of what has expired. A hold that pins many lots may exceed it.
  public var settledRows = EngineConfiguration.defaultSettledRows
  /// Pages that one commit takes a medium out of, at most `PageLimits.detachedPageCount`.
  public var detachedPages = PageLimits.detachedPageCount
  /// When the log is copied; other ones are for tests.
  public var checkpointLimits = CheckpointLimits.standard
  /// How far the index of keys lags behind; other ones are for tests.
  public var keyIndexLimits = KeyIndexLimits.standard
  /// Bytes of the log at which writes stop. It grows beyond `checkpointLimits.restartFrames` only while
  /// somebody else, a backup tool or an analyst's shell, reads an old snapshot.
  public var logLimitBytes = EngineConfiguration.defaultLogLimitBytes
  /// How long somebody may keep the log from starting over before `onEvent` is told, in milliseconds.
  public var logWarningMillis = 5_000
  /// How long a start waits for another program that writes or checkpoints at that moment, in milliseconds.
  public var logLockMillis = EngineConfiguration.defaultLogLockMillis
  /// Told what happens to the store; on the writer's queue, or on the one that watches the files.
  public var onEvent: @Sendable (StoreEvent) -> Void = { _ in }
  /// Called on the writer's queue when a commit's outcome is unknown, another sync has failed, or the store
  /// is locked out. The program exits with a documented status and is started again; nothing is decided after
  /// this.
  public var onFatal: @Sendable (StoreError) -> Void
  /// Told all stored rate limits when the engine opens and when it is reset, then each that a commit
  /// changes, before anyone hears of that commit. On the opening thread, then on the writer's queue.
  public var onRateLimits: @Sendable (RateLimitChange) -> Void = { _ in }

  /// Forgets what commits change.
  public var observer: (any CommitObserver)?

  /// Told of the rows that commits append.
  public var ledgerObserver: (any LedgerObserver)?

  /// Told of the events that commits bring about.
  public var eventObserver: (any EventObserver)?

  /// Told of the changes of pages.
  public var pageObserver: (any PageObserver)?

  /// Told after `EngineState.mode` has changed. On the writer's queue, the one that watches the files, or
  /// that of who closes the engine; must not wait.
  public var onModeChange: @Sendable () -> Void = {}

  /// Some 3 ms.
  public static let defaultSettledRows = 256

  /// 16 GiB.
  public static let defaultLogLimitBytes: Int64 = 16 << 30

  /// Ten seconds: enough to copy a log of some gigabytes.
  public static let defaultLogLockMillis = 10_000

  public init(directory: String, onFatal: @escaping @Sendable (StoreError) -> Void = { _ in }) {
    self.directory = directory
    self.onFatal = onFatal
  }
}

/// Something that goes wrong with the disk or the memory.
public enum StoreFault: Error, Sendable, Equatable {
  case failedRead, failedSync, diskFull, outOfMemory, lockedOut

  func failure(_ what: String) -> StorageFailure {
    switch self {
    case .failedRead: StorageFailure(.inputOutput, "a read failed", operation: what)
    case .failedSync: StorageFailure(.failedSync, "a sync failed", operation: what)
    case .diskFull: StorageFailure(.full, "the disk is full", operation: what)
    case .outOfMemory: StorageFailure(.outOfMemory, "out of memory", operation: what)
    case .lockedOut: StorageFailure(.lockedOut, "a lock was not given back", operation: what)
    }
  }
}

/// What a commit is for.
public enum CommitCause: Sendable, Equatable {
  /// Commands that somebody submitted.
  case calls
  /// Whether the store can be written: at the start, and when the disk was full.
  case recovery
  /// What has expired, was purged or is being detached.
  case upkeep
}

/// Where tests may make the store fail, or break its promises to see that the suite notices.
public struct EngineFaults: Sendable {
  public typealias Hook = @Sendable () throws(StoreFault) -> Void
  /// Only of commits that write. On the writer's queue, which it holds up.
  public typealias CommitHook = @Sendable (CommitCause) throws(StoreFault) -> Void

  /// After a command's rows were written, inside its transaction.
  public var insideCommand: (@Sendable (any Mutation) throws(StoreFault) -> Void)?
  /// In place of COMMIT, when it throws.
  public var beforeCommit: CommitHook?
  /// After a COMMIT that succeeded, before anybody hears of it; what it throws makes the outcome unknown.
  public var afterCommit: CommitHook?
  /// In place of a checkpoint, when it throws.
  public var atCheckpoint: Hook?
  /// Canary: answers before the commit. Never set outside a test.
  public var answersBeforeCommit = false
  /// Canary: asks the connection for another durability, such as `NORMAL`. Never set outside a test.
  public var synchronous: String?

  public init() {}
}
