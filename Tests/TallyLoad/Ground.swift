// What the callers of one process know of each other: what there is to quarrel about.
//
// Any caller, behind a lock.

internal import TallyLocking

package final class Ground: Sendable {
  /// What calls are about that went before.
  enum Thing: Int, CaseIterable { case hold, debit, promo }

  private struct State {
    var things: [[String]] = Thing.allCases.map { _ in [] }
    /// Before the server may be killed, and since.
    var sent: [[Outgoing]] = [[], []]
    var versions: [String: Int64] = [:]
  }

  /// How far back callers remember.
  private static let memory = 64

  private let state = Lock(State())

  package init() {}

  func add(_ thing: Thing, _ id: String) {
    if id.isEmpty { return }
    state.withLock {
      $0.things[thing.rawValue].append(id)
      if $0.things[thing.rawValue].count > Self.memory { $0.things[thing.rawValue].removeFirst() }
    }
  }

  func pick(_ thing: Thing, _ number: UInt64) -> String? {
    state.withLock {
      let known = $0.things[thing.rawValue]
      return known.isEmpty ? nil : known[Int(number % UInt64(known.count))]
    }
  }

  func add(_ call: Outgoing, isLast: Bool) {
    let ring = isLast ? 1 : 0
    state.withLock {
      $0.sent[ring].append(call)
      if $0.sent[ring].count > Self.memory { $0.sent[ring].removeFirst() }
    }
  }

  /// One that another caller may have sent too.
  func sent(_ number: UInt64, isLast: Bool) -> Outgoing? {
    state.withLock {
      let calls = $0.sent[isLast ? 1 : 0]
      return calls.isEmpty ? nil : calls[Int(number % UInt64(calls.count))]
    }
  }

  func note(page: String, version: Int64) {
    state.withLock { $0.versions[page] = max(version, $0.versions[page] ?? 0) }
  }

  func version(ofPage page: String) -> Int64? { state.withLock { $0.versions[page] } }
}
