// The readers that wait to be borrowed.
//
// Invariants:
// 1. A reader is borrowed by one thread at a time.
// 2. Reads that may take seconds have a reader of their own, and so keep none from the others.
// 3. While the pool is paused no snapshot begins, so that a checkpoint can reset the log.
//
// Owner: its monitor.

internal import TallyCore
internal import TallyLocking
internal import TallyMeasuring
internal import TallySQLite

final class ReaderPool: Sendable {
  /// Readers that an option may ask for.
  static let maximumReaders = 64

  private struct State {
    var free: [Reader]
    let count: Int
    /// For long reads; nil while it is borrowed.
    var long: Reader?
    var isPaused = false
    var isClosed = false
    var hasFailedUnlock = false

    var areAllFree: Bool { free.count == count && long != nil }

    mutating func take(isLong: Bool) -> Reader? { isLong ? long.take() : free.popLast() }

    mutating func giveBack(_ reader: Reader, isLong: Bool) {
      if isLong { long = reader } else { free.append(reader) }
    }
  }

  private let state: Monitor<State>
  private let metrics: StoreMetrics
  /// Without the one for long reads.
  let count: Int

  init(
    path: String, count: Int, statements: StatementStatistics, metrics: StoreMetrics
  ) throws(SQLiteError) {
    var readers: [Reader] = []
    for _ in 0..<min(max(count, 1), Self.maximumReaders) {
      readers.append(try Reader(path: path, statements: statements))
    }
    self.count = readers.count
    self.metrics = metrics
    let long = try Reader(path: path, statements: statements)
    state = Monitor(State(free: readers, count: readers.count, long: long))
  }

  /// Runs a call's reads on one snapshot; waits for a free reader.
  /// - Parameter isLong: it may take seconds.
  /// - Returns: nil when the pool is closed.
  func read<Value>(
    isLong: Bool = false, _ body: (Reader, LedgerHead) throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Snapshot<Value>? {
    let beganNanoseconds = MonotonicClock.nanoseconds
    let borrowed: Reader?? = state.wait(
      until: { $0.isClosed || (!$0.isPaused && (isLong ? $0.long != nil : !$0.free.isEmpty)) },
      then: { state in state.isClosed ? nil : state.take(isLong: isLong) })
    guard case .some(.some(let reader)) = borrowed else { return nil }
    defer {
      let hasFailedUnlock = reader.hasFailedUnlock
      state.withLock { state in
        state.giveBack(reader, isLong: isLong)
        if hasFailedUnlock { state.hasFailedUnlock = true }
      }
      state.broadcast()
      metrics.readNanoseconds.add(MonotonicClock.nanoseconds &- beganNanoseconds)
    }
    return try reader.snapshot(body)
  }

  var busyCount: Int { state.withLock { $0.count - $0.free.count } }

  /// Whether a snapshot of this process is held for good.
  var hasFailedUnlock: Bool { state.withLock { $0.hasFailedUnlock } }

  /// Notes that a connection beside the pool could not give back a lock.
  func noteFailedUnlock() { state.withLock { $0.hasFailedUnlock = true } }

  /// Keeps snapshots from beginning. `resume` must follow.
  /// - Returns: whether none is open.
  func pause() -> Bool {
    state.withLock { state in
      state.isPaused = true
      return state.areAllFree
    }
  }

  /// Lets snapshots begin again.
  func resume() {
    state.withLock { $0.isPaused = false }
    state.broadcast()
  }

  /// Lets go of all readers, after waiting for those that are borrowed.
  func close() {
    state.withLock { $0.isClosed = true }
    state.broadcast()
    _ = state.wait(
      until: { $0.areAllFree },
      then: { state in
        state.free = []
        state.long = nil
      })
  }
}
