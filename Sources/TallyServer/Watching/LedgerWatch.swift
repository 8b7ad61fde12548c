// Who watches the ledger, the events or the pages, and what the writer and the watchers' tasks tell the
// thread that serves them.
//
// Invariants:
// 1. The writer adds a commit's rows to the notes in one step, and adds nothing while nobody has joined. At
//    `maximumWaitingRows` it leaves rows out, and all who have joined by then are told that they lag.
// 2. A watcher that joins is handed every row from its position on: the notes keep the order of commits and
//    joinings.
// 3. Rows of two ledgers reach no watcher: once a harness begins to put another one in the place of this one,
//    nothing more is sent to those that were there before.
// 4. Once it is shut down, nobody waits for it any more.
//
// Owner: a monitor, which the writer, the tasks and the thread hold for a moment.

internal import Synchronization
internal import TTRPC
internal import TallyCore
internal import TallyLocking

/// What the thread that serves watchers is told, in order.
enum WatchNote: Sendable {
  case rows(any WatchedCommit)
  /// From `position` on its rows are to be kept. It gets the position when that is so, or nil.
  case join(Watcher, from: Int64, position: Int64, CheckedContinuation<Int64?, Never>)
  /// It has read what came before its position: from now on it is sent what was kept and what comes.
  case serve(Watcher, CheckedContinuation<WatchEnd, Never>)
  case leave(Watcher)
  /// A connection whose peer had not read enough takes messages again.
  case roomy(connectionId: UInt64)
  /// There is another ledger: all watchers of the one before end.
  case replaced
}

/// What one commit adds to what is watched: rows of the ledger, events, or changes of pages; at least one.
protocol WatchedCommit: Sendable {
  var count: Int { get }
  var lastSequence: Int64 { get }
  func sequence(at index: Int) -> Int64
  func userId(at index: Int) -> String
  /// Encodes those that somebody wants.
  /// - Parameter wanted: the places of all that will be asked for.
  func encoder(
    for wanted: [Int], of watch: LedgerWatch
  ) throws(Refusal) -> (_ index: Int) -> EncodedRow
}

extension CommittedRows: WatchedCommit {
  func sequence(at index: Int) -> Int64 { self[index].sequence }
  func userId(at index: Int) -> String { self[index].userId }

  /// With the names of the rows that they refer to.
  func encoder(
    for wanted: [Int], of watch: LedgerWatch
  ) throws(Refusal) -> (_ index: Int) -> EncodedRow {
    let referring = wanted.lazy.map { self[$0] }.filter { $0.refersTo != nil }
    if referring.isEmpty { return { EncodedRow(self[$0]) } }
    let named = Dictionary(
      try watch.named(Array(referring)).map { ($0.sequence, $0) }, uniquingKeysWith: { first, _ in first })
    return { EncodedRow(named[self[$0].sequence] ?? self[$0]) }
  }
}

extension CommittedEvents: WatchedCommit {
  var lastSequence: Int64 { lastId }

  func sequence(at index: Int) -> Int64 { self[index].id }
  func userId(at index: Int) -> String { self[index].userId }

  func encoder(
    for wanted: [Int], of watch: LedgerWatch
  ) throws(Refusal) -> (_ index: Int) -> EncodedRow {
    { EncodedRow(self[$0]) }
  }
}

extension CommittedPageUpdates: WatchedCommit {
  var lastSequence: Int64 { lastNumber }

  func sequence(at index: Int) -> Int64 { self[index].number }
  func userId(at index: Int) -> String { self[index].userId }

  func encoder(
    for wanted: [Int], of watch: LedgerWatch
  ) throws(Refusal) -> (_ index: Int) -> EncodedRow {
    { EncodedRow(self[$0]) }
  }
}

/// Lets the watch of events, or that of pages, hear of them.
struct WatchFeed: EventObserver, PageObserver {
  let watch: LedgerWatch

  func begin(after id: Int64) { watch.begin(after: id) }
  func append(_ events: CommittedEvents) { watch.note(events) }
  func append(_ updates: CommittedPageUpdates) { watch.note(updates) }
  func willReplace() { watch.willReplace() }
}

/// Why a watcher is not served any more.
enum WatchEnd: Sendable {
  /// Its call has ended.
  case over
  /// It joined, and took so long to read what came before that it has to do so again.
  case overrun
}

final class LedgerWatch: LedgerObserver {
  /// Rows that wait for the thread.
  static let maximumWaitingRows = 65_536

  private struct State {
    var lastSequence: Int64 = 0
    /// Ledgers that were put in the place of the one before.
    var replacements = 0
    var isReplacing = false
    var isOver = false
    var hasThread = false
    /// All that were admitted.
    var watchers: [ObjectIdentifier: Watcher] = [:]
    var countsByConnection: [UInt64: Int] = [:]
    var watchedUserCount = 0
    /// Those whose rows the thread wants.
    var joinedCount = 0
    var notes: [WatchNote] = []
    var waitingRowCount = 0
    var hasLostRows = false
    var names: Names?
  }

  /// Adds to rows the names of what they refer to.
  typealias Names = @Sendable (_ rows: [Entry]) throws(Refusal) -> [Entry]

  /// What there is for the thread to do.
  struct Notes {
    var notes: [WatchNote]
    /// Rows are missing at the end.
    var hasLostRows: Bool
    /// Nothing follows.
    var isOver: Bool
  }

  /// Of a message of several rows, at most.
  let messageByteCount: Int
  private let state = Monitor(State())
  private let lagged = Atomic<Int64>(0)

  /// Watchers that were ended since they lagged.
  var laggedCount: Int64 { lagged.load(ordering: .relaxed) }
  var watcherCount: Int { state.withLock { $0.watchers.count } }
  /// Of the last row that was committed, by the time that anybody was told.
  var lastSequence: Int64 { state.withLock { $0.lastSequence } }

  func countLagged() { lagged.wrappingAdd(1, ordering: .relaxed) }

  /// - Parameter maximumMessageByteCount: of any message that the server sends.
  init(maximumMessageByteCount: Int = WatchMessage.byteCount) {
    messageByteCount = min(maximumMessageByteCount, WatchMessage.byteCount)
  }

  /// Of the engine whose ledger it is; until `shutDown`.
  func setNames(_ names: @escaping Names) { state.withLock { $0.names = names } }

  /// Rows with the names of what they refer to.
  func named(_ rows: [Entry]) throws(Refusal) -> [Entry] {
    guard let names = state.withLock({ $0.names }) else { return rows }
    return try names(rows)
  }

  // MARK: the writer

  func begin(after sequence: Int64) {
    state.withLock { state in
      state.lastSequence = sequence
      state.isReplacing = false
    }
  }

  func append(_ rows: CommittedRows) { note(rows) }

  func note(_ rows: any WatchedCommit) {
    let isNoted = state.withLock { state in
      state.lastSequence = rows.lastSequence
      guard state.joinedCount > 0, !state.hasLostRows else { return false }
      if state.waitingRowCount < Self.maximumWaitingRows {
        state.notes.append(.rows(rows))
        state.waitingRowCount += rows.count
      } else {
        state.hasLostRows = true
      }
      return true
    }
    if isNoted { state.signal() }
  }

  func willReplace() {
    state.withLock { state in
      state.isReplacing = true
      state.replacements += 1
      state.notes.append(.replaced)
    }
    state.signal()
  }

  // MARK: a watcher's task

  /// - Throws: TOO_MANY_IN_FLIGHT, SHUTTING_DOWN, and CANCELLED while another ledger is put in the place.
  func admit(_ target: WatchTarget, userIds: Set<ExactText>) throws(Status) -> Watcher {
    try state.withLock { (state) throws(Status) in
      if state.isOver { throw Self.shuttingDown }
      if state.isReplacing { throw Self.replaced }
      let connectionId = target.connectionId
      let count = state.countsByConnection[connectionId, default: 0]
      try Self.require(count + 1, "watchers on this connection", atMost: Limits.connectionWatcherCount)
      try Self.require(state.watchers.count + 1, "watchers", atMost: Limits.watcherCount)
      let userCount = state.watchedUserCount + userIds.count
      try Self.require(userCount, "users named by all watchers", atMost: Limits.watchedUserCount)
      try startThread(&state)
      let watcher = Watcher(target: target, userIds: userIds, replacements: state.replacements)
      state.countsByConnection[connectionId] = count + 1
      state.watchedUserCount = userCount
      state.watchers[ObjectIdentifier(watcher)] = watcher
      return watcher
    }
  }

  /// Ends what `admit` began, whatever has become of it.
  func release(_ watcher: Watcher) {
    state.withLock { state in
      guard state.watchers.removeValue(forKey: ObjectIdentifier(watcher)) != nil else { return }
      let connectionId = watcher.target.connectionId
      let count = state.countsByConnection[connectionId, default: 1] - 1
      state.countsByConnection[connectionId] = count > 0 ? count : nil
      state.watchedUserCount -= watcher.userIds.count
    }
    post(.leave(watcher))
  }

  /// Whether what was read belongs to the ledger that the watcher began with.
  /// - Throws: why nothing may be sent to it any more.
  func check(_ watcher: Watcher) throws(Status) {
    try state.withLock { (state) throws(Status) in
      if state.isOver { throw Self.shuttingDown }
      if state.replacements != watcher.replacements { throw Self.replaced }
    }
  }

  /// Has the rows from a position on kept for a watcher, which reads those before it by itself.
  /// - Parameter from: what it has read up to there is not kept.
  /// - Returns: the position; nil when the call is over.
  func join(_ watcher: Watcher, from: Int64) async -> Int64? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isPosted = state.withLock { state in
          guard !state.isOver, state.replacements == watcher.replacements else { return false }
          state.joinedCount += 1
          state.notes.append(
            .join(watcher, from: from, position: state.lastSequence + 1, continuation))
          return true
        }
        if isPosted { state.signal() } else { continuation.resume(returning: nil) }
      }
    } onCancel: {
      post(.leave(watcher))
    }
  }

  /// Has a watcher served that has joined, and has read all that came before. Returns when that ends.
  func serve(_ watcher: Watcher) async -> WatchEnd {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if !post(.serve(watcher, continuation)) { continuation.resume(returning: .over) }
      }
    } onCancel: {
      post(.leave(watcher))
    }
  }

  /// - Returns: false when nobody looks at it.
  @discardableResult
  func post(_ note: WatchNote) -> Bool {
    let isPosted = state.withLock { state in
      if !state.isOver { state.notes.append(note) }
      return !state.isOver
    }
    if isPosted { state.signal() }
    return isPosted
  }

  // MARK: the thread

  /// With the first watcher.
  private func startThread(_ state: inout State) throws(Status) {
    guard !state.hasThread else { return }
    guard TallyLocking.startThread({ WatchPump(self).run() }) == 0 else {
      throw Status(Refusal(.queueFull, "no thread can be started for watchers"))
    }
    state.hasThread = true
  }

  /// Waits until there is something to do.
  /// - Parameter deadlineNanoseconds: nil waits for ever; nothing is returned when it has passed.
  func take(deadlineNanoseconds: UInt64?) -> Notes {
    let taken = state.wait(
      deadlineNanoseconds: deadlineNanoseconds, until: { !$0.notes.isEmpty || $0.isOver || $0.hasLostRows },
      then: { state in
        let taken = Notes(notes: state.notes, hasLostRows: state.hasLostRows, isOver: state.isOver)
        state.notes = []
        state.waitingRowCount = 0
        state.hasLostRows = false
        return taken
      })
    return taken ?? Notes(notes: [], hasLostRows: false, isOver: false)
  }

  /// The thread has removed watchers.
  func hasRemoved(_ count: Int) {
    if count > 0 { state.withLock { $0.joinedCount -= count } }
  }

  /// All that were admitted; of another ledger only, or whichever.
  func admitted(ofReplaced: Bool) -> [Watcher] {
    state.withLock { state in
      state.watchers.values.filter { !ofReplaced || $0.replacements != state.replacements }
    }
  }

  /// Ends all watchers, and lets nobody in any more.
  func shutDown() {
    let hasThread = state.withLock { state in
      state.isOver = true
      state.names = nil
      return state.hasThread
    }
    if hasThread { state.signal() }
  }

  // MARK: how watchers end

  static let shuttingDown = Status(Refusal(.shuttingDown, "the server is shutting down"))
  static let replaced = Status(
    Refusal(.cancelled, "the ledger was reset or restored; sequences began anew"))

  static func lagged(resumeSequence: Int64) -> Status {
    Status(
      .lagged, "the rows came faster than they were taken; go on from row \(resumeSequence)",
      details: ["resume_sequence": String(resumeSequence)])
  }

  private static func require(_ count: Int, _ what: String, atMost limit: Int) throws(Status) {
    if count > limit {
      throw Status(
        .tooManyInFlight, "there are too many \(what); the limit is \(limit)",
        details: ["limit": String(limit)])
    }
  }
}
