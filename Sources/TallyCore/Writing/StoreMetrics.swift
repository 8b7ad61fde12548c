// What the store counts of itself while it runs, and the picture that it gives of that.
//
// Invariants:
// 1. Counting costs a few relaxed atomics a commit, and never waits for whoever looks.
//
// Owner: nobody; the writer's queue and its callers count, any thread looks.

public import TallyMeasuring

/// What the store does, as of some moment. Counts are since its start.
public struct StoreReport: Sendable {
  /// Submissions that wait for the writer.
  public var queuedItems = 0
  public var queuedBytes = 0
  /// Submissions that were turned away, by why.
  public var turnedAway: [(reason: Reason, count: Int64)] = []
  /// Submissions of each batch that was committed.
  public var batchItems = Histogram()
  /// From a batch's BEGIN to its answers, in nanoseconds.
  public var batchNanoseconds = Histogram()
  /// Of COMMIT and what follows it, in nanoseconds; batches that wrote nothing are in it.
  public var commitNanoseconds = Histogram()
  /// Pages in the log as of the last commit.
  public var logFrames: Int64 = 0
  public var logBytes: Int64 = 0
  public var checkpoints: [(mode: String, count: Int64)] = []
  public var checkpointFailures: Int64 = 0
  /// Since when the log cannot start over, since somebody reads an old snapshot; zero when it can.
  public var logHeldSinceMicros: Int64 = 0
  public var checkpointNanoseconds = Histogram()
  public var readers = 0
  public var busyReaders = 0
  /// From borrowing a reader to giving it back, the wait for one included; in nanoseconds.
  public var readNanoseconds = Histogram()
  /// With the accounts' first.
  public var caches: [CacheStatistics] = []
}

/// The counters behind it.
package final class StoreMetrics: Sendable {
  /// A frame of the log is a page with a header; the log has a header of its own.
  package static let frameByteCount: Int64 = 4_096 + 24
  static let logHeaderByteCount: Int64 = 32
  /// Why the writer turns submissions away.
  static let turningAway: [Reason] = [
    .queueFull, .readOnly, .shuttingDown, .deadlineExceeded, .cancelled,
  ]

  let batchItems = LiveHistogram()
  let batchNanoseconds = LiveHistogram()
  let commitNanoseconds = LiveHistogram()
  package let logFrames = Gauge()
  package let passiveCheckpoints = Counter()
  package let restartCheckpoints = Counter()
  /// Tries to let the log start over that a snapshot was in the way of.
  package let busyCheckpoints = Counter()
  package let logHeldSinceMicros = Gauge()
  package let checkpointFailures = Counter()
  package let checkpointNanoseconds = LiveHistogram()
  package let readNanoseconds = LiveHistogram()
  private let turnedAway = turningAway.map { _ in Counter() }

  package init() {}

  /// What so many pages take in the log.
  package static func logByteCount(frames: Int) -> Int64 {
    frames <= 0 ? 0 : logHeaderByteCount + Int64(frames) * frameByteCount
  }

  func turnAway(_ reason: Reason) {
    guard let index = Self.turningAway.firstIndex(of: reason) else { return }
    turnedAway[index].add()
  }

  /// All that is counted here; the caller adds what there is now.
  package var report: StoreReport {
    var report = StoreReport()
    report.turnedAway = zip(Self.turningAway, turnedAway).map { ($0, $1.value) }
    report.batchItems = batchItems.snapshot
    report.batchNanoseconds = batchNanoseconds.snapshot
    report.commitNanoseconds = commitNanoseconds.snapshot
    report.logFrames = logFrames.value
    report.logBytes = Self.logByteCount(frames: Int(report.logFrames))
    report.logHeldSinceMicros = logHeldSinceMicros.value
    report.checkpoints = [
      ("passive", passiveCheckpoints.value), ("restart", restartCheckpoints.value),
      ("busy", busyCheckpoints.value),
    ]
    report.checkpointFailures = checkpointFailures.value
    report.checkpointNanoseconds = checkpointNanoseconds.snapshot
    report.readNanoseconds = readNanoseconds.snapshot
    return report
  }
}
