// Reads of what was committed before a watcher came, in slices.
//
// Invariants:
// 1. Of all watchers together no more than half of the readers are at work, and at least one, so that those
//    who catch up leave the others to the calls that wait for them.
// 2. Whoever waits for his turn waits by a continuation, and gets it in the order of asking. Whose call is
//    over by then passes it on.
//
// Owner: the tasks of watchers; the turns are behind a lock.

internal import TTRPC
internal import TallyCore
internal import TallyLocking

/// What a slice has for a watcher.
struct WatchSlice: Sendable {
  var rows: [EncodedRow]
  /// Where the next slice begins.
  var nextSequence: Int64
  /// Whether it reaches the last row of the ledger.
  var isLast: Bool
}

final class WatchReads: Sendable {
  /// Rows of a slice.
  static let rowCount = 512
  /// Sequences that a slice of some users looks at: more the fewer rows it finds.
  static let shortestSpan: Int64 = 4_096
  static let longestSpan: Int64 = 262_144

  private struct Turns {
    var free: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let read: @Sendable (LedgerFilter) throws(Refusal) -> WatchSlice
  private let lanes: ReadLanes
  private let turns: Lock<Turns>

  /// Of the ledger.
  convenience init(engine: any ServedEngine, lanes: ReadLanes) {
    self.init(engine: engine, lanes: lanes, EncodedRow.init) { (engine, filter) throws(Refusal) in
      try engine.ledger(filter)
    }
  }

  /// - Parameters:
  ///   - encode: a row that was read.
  ///   - read: a slice of what is watched.
  init<Row>(
    engine: any ServedEngine, lanes: ReadLanes, _ encode: @escaping @Sendable (Row) -> EncodedRow,
    _ read: @escaping @Sendable (any ServedEngine, LedgerFilter) throws(Refusal) -> Snapshot<Slice<Row>>
  ) {
    self.read = { (filter) throws(Refusal) in
      let slice = try read(engine, filter).value
      return WatchSlice(slice, slice.rows.map(encode))
    }
    self.lanes = lanes
    turns = Lock(Turns(free: max(1, engine.readerCount / 2)))
  }

  /// Who waits for a turn.
  var waitingCount: Int { turns.withLock { $0.waiting.count } }

  func slice(_ filter: LedgerFilter) async throws(Status) -> WatchSlice {
    await beginTurn()
    defer { endTurn() }
    if Task.isCancelled { throw WatchStream.over }
    let read = read
    let result: Result<WatchSlice, Refusal> = await withCheckedContinuation { continuation in
      lanes.run {
        continuation.resume(returning: Result { () throws(Refusal) in try read(filter) })
      }
    }
    do throws(Refusal) { return try result.get() } catch { throw Status(error) }
  }

  private func beginTurn() async {
    await withCheckedContinuation { continuation in
      let isFree = turns.withLock { turns in
        if turns.free == 0 {
          turns.waiting.append(continuation)
          return false
        }
        turns.free -= 1
        return true
      }
      if isFree { continuation.resume() }
    }
  }

  private func endTurn() {
    let next = turns.withLock { turns -> CheckedContinuation<Void, Never>? in
      if !turns.waiting.isEmpty { return turns.waiting.removeFirst() }
      turns.free += 1
      return nil
    }
    next?.resume()
  }
}

extension WatchSlice {
  init<Row>(_ slice: Slice<Row>, _ rows: [EncodedRow]) {
    self.rows = rows
    nextSequence = slice.nextSequence
    isLast = slice.nextSequence > slice.lastSequence
  }
}
