// The injected failures, and which of them happens to a call, a connection or a commit.
//
// Invariants:
// 1. At most one failure happens to a call, a connection or a commit: of those that match it, the earliest
//    that has skipped as many as it should. A failure that has happened as often as it should matches
//    nothing.
// 2. A failure counts something as skipped only if it matches and no earlier failure happened to it.
// 3. At most `Limits.failureCount` are kept. Those that are over make room for new ones, the oldest first.
// 4. Only commits of calls fail, and retries after a full disk that find it full. Commits that the server
//    makes of its own accord never fail, since no test can foresee when they happen.
//
// Owner: a lock. Without failures, asking for one reads a flag.

internal import Synchronization
internal import TTRPC
internal import TallyCore
internal import TallyLocking
internal import TallyMessages

final class Failures: Sendable {
  /// Where a failure happens.
  enum Place: Equatable {
    /// At the method of that full name; at any method with nil.
    case call(method: String?)
    case connection
    case commit
  }

  /// A failure as a test asks for it.
  struct Injection: Sendable {
    var message: TallystickTestingV1.Failure
    var place: Place
    /// The status that a call is refused with.
    var status = Status(.unavailable, "an injected failure")
    var delayMillis: Int64 { message.delayMillis }
    var action: TallystickTestingV1.FailureAction { message.action }
  }

  private struct Entry {
    var id: Int64
    var injection: Injection
    var toSkip: Int32
    var left: Int32
    var happened: Int64 = 0
  }

  private struct State {
    var entries: [Entry] = []
    var lastId: Int64 = 0
    /// The outcome of the commit that is being made is reported as unknown.
    var isOutcomeUnknown = false
    var isClosed = false
  }

  let delays = Delays()
  private let state = Lock(State())
  private let isArmed = Atomic(false)

  // MARK: asking for failures

  /// - Returns: its id.
  func inject(_ injection: Injection) throws(Refusal) -> Int64 {
    try state.withLock { state throws(Refusal) in
      if state.entries.count >= Limits.failureCount {
        guard let over = state.entries.firstIndex(where: { $0.left == 0 }) else {
          throw invalidField(
            "failure", "would be one more than the \(Limits.failureCount) that are kept",
            limit: Int64(Limits.failureCount))
        }
        state.entries.remove(at: over)
      }
      state.lastId += 1
      state.entries.append(
        Entry(
          id: state.lastId, injection: injection, toSkip: injection.message.skip,
          left: max(1, injection.message.count)))
      isArmed.store(!state.isClosed, ordering: .releasing)
      return state.lastId
    }
  }

  func list() -> [TallystickTestingV1.InjectedFailure] {
    state.withLock { state in
      state.entries.map { entry in
        var failure = TallystickTestingV1.InjectedFailure()
        failure.failureId = entry.id
        failure.failure = entry.injection.message
        failure.happened = entry.happened
        return failure
      }
    }
  }

  /// Forgets all failures, and ends their delays.
  /// - Returns: how many had not yet happened as often as they should.
  @discardableResult
  func clear() -> Int {
    let count = state.withLock { state in
      defer { state.entries = [] }
      isArmed.store(false, ordering: .releasing)
      return state.entries.count { $0.left > 0 }
    }
    delays.letGo()
    return count
  }

  /// Ends all failures and delays for good.
  func close() {
    state.withLock { $0.isClosed = true }
    clear()
    delays.close()
  }

  // MARK: what happens

  /// The failure that happens to a call, a connection or a commit.
  private func take(_ fits: (Injection) -> Bool) -> Injection? {
    guard isArmed.load(ordering: .acquiring) else { return nil }
    return state.withLock { state in
      for index in state.entries.indices
      where state.entries[index].left > 0 && fits(state.entries[index].injection) {
        if state.entries[index].toSkip > 0 {
          state.entries[index].toSkip -= 1
          continue
        }
        state.entries[index].left -= 1
        state.entries[index].happened += 1
        return state.entries[index].injection
      }
      return nil
    }
  }

  /// - Parameter method: its full name, such as `tallystick.v1.CreditService/Consume`.
  func next(method: String) -> Injection? {
    take { injection in
      guard case .call(let named) = injection.place else { return false }
      return named == nil || named == method
    }
  }

  func acceptsConnection() -> Bool { take { $0.place == .connection } == nil }

  /// On the writer's queue.
  func beforeCommit(_ cause: CommitCause) throws(StoreFault) {
    let injection: Injection?
    switch cause {
    case .calls: injection = take { $0.place == .commit }
    case .recovery: injection = take { $0.action == .storeFull }
    case .upkeep: injection = nil
    }
    switch injection?.action {
    case .storeFull: throw .diskFull
    case .storeDelay: delays.block(millis: injection?.delayMillis ?? 0)
    case .storeUnknown: state.withLock { $0.isOutcomeUnknown = true }
    case .refuse, .delay, .dropBefore, .dropAfter, .refuseConnection, .unspecified, .unrecognized, nil: break
    }
  }

  /// On the writer's queue.
  func afterCommit() throws(StoreFault) {
    guard isArmed.load(ordering: .acquiring) else { return }
    let isUnknown = state.withLock { state in
      defer { state.isOutcomeUnknown = false }
      return state.isOutcomeUnknown
    }
    if isUnknown { throw .failedSync }
  }
}
