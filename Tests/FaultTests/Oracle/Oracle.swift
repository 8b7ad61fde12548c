// What the callers know: each call as sent, acknowledged, refused or unknown, and what all accounts must
// have for it.
//
// Invariants:
// 1. A call is unknown from a lost reply until a retry with the same key says what became of it.
// 2. With no call unknown, every account's balance is exactly the sum of what was acknowledged.
//
// Owner: the run; any caller, behind a lock.

import TallyClient
import TallyLocking
import TallyMessages

final class Oracle: Sendable {
  /// Violations kept; more would say the same again.
  static let maximumViolations = 8
  /// The last acknowledged calls before a kill that are sent again after it.
  static let recentCount = 256

  let accountCount: Int
  /// Refusals that a caller of this run may meet; nothing was applied.
  private let expected: Set<String>
  let state: Lock<State>

  struct State: Sendable {
    var nextNumber = 1
    var holdings: [Holding]
    var history = History()
    var openHolds: [OpenHold] = []
    var books = Books()
    var unknown: [Call] = []
    /// The last acknowledged ones, a ring.
    var recent: [(call: Call, reply: Reply)] = []
    var acknowledged = 0
    /// Failed calls by their reason, unknown ones too.
    var reasons: [String: Int] = [:]
    /// Unknown calls that had been applied, and that had not.
    var unknownApplied = 0
    var unknownNotApplied = 0
    var violations: [String] = []

    mutating func violate(_ text: String) {
      if violations.count < Oracle.maximumViolations { violations.append(text) }
    }
  }

  init(accountCount: Int, expecting expected: Set<String> = []) {
    self.accountCount = accountCount
    self.expected = expected.union(["INSUFFICIENT_CREDITS", "HOLD_SETTLED", "LOT_LIMIT"])
    state = Lock(State(holdings: [Holding](repeating: Holding(), count: accountCount)))
  }

  var violations: [String] { state.withLock { $0.violations } }
  var acknowledgedCount: Int { state.withLock { $0.acknowledged } }
  /// Unknown calls that a retry found applied, and not applied.
  var settledCounts: (applied: Int, notApplied: Int) {
    state.withLock { ($0.unknownApplied, $0.unknownNotApplied) }
  }
  func count(_ reasons: String...) -> Int {
    state.withLock { state in reasons.reduce(0) { $0 + (state.reasons[$1] ?? 0) } }
  }
  var summary: String {
    state.withLock {
      "\($0.acknowledged) acknowledged, with \($0.books.runs.count) runs and "
        + "\($0.books.versionCount) versions of \($0.books.pages.count) pages, "
        + "failed \($0.reasons.sorted { $0.key < $1.key }), "
        + "of the unknown \($0.unknownApplied) were applied and \($0.unknownNotApplied) were not"
    }
  }

  func violate(_ text: String) { state.withLock { $0.violate(text) } }

  // MARK: callers

  func number() -> Int {
    state.withLock { state in
      defer { state.nextNumber += 1 }
      return state.nextNumber
    }
  }

  /// A hold to settle. One in eight stays where it is, so that another caller will try the same.
  func takeHold(using random: inout SeededRandom) -> OpenHold? {
    let draw = Draw(using: &random)
    return state.withLock { draw.take(from: &$0.openHolds) }
  }

  /// A run to finish, likewise.
  func takeRun(using random: inout SeededRandom) -> OpenRun? {
    let draw = Draw(using: &random)
    return state.withLock { draw.take(from: &$0.books.openRuns) }
  }

  private struct Draw {
    let place: UInt64
    let stays: Bool

    init(using random: inout SeededRandom) {
      place = random.next()
      stays = random.next() % 8 == 0
    }

    func take<Open>(from pool: inout [Open]) -> Open? {
      guard !pool.isEmpty else { return nil }
      let index = Int(place % UInt64(pool.count))
      if stays { return pool[index] }
      pool.swapAt(index, pool.count - 1)
      return pool.removeLast()
    }
  }

  /// Sends a call and takes down what became of it.
  /// - Returns: false when the connection is lost, and with it the caller's turn.
  func make(_ call: Call, _ client: TallyClient) async -> Bool {
    do {
      let reply = try await call.send(client)
      state.withLock { $0.acknowledge(call, reply) }
      return true
    } catch {
      return state.withLock { $0.fail(call, error, expected) }
    }
  }

  /// Takes down a call that was sent by other means.
  func note(_ call: Call, _ reply: Reply) { state.withLock { $0.acknowledge(call, reply) } }

  // MARK: after a start

  /// Sends every unknown call again, with its key, and takes the answer as what became of it.
  func settleUnknown(_ client: TallyClient) async throws {
    let unknown = state.withLock { state in
      defer { state.unknown = [] }
      return state.unknown
    }
    for call in unknown {
      do {
        let reply = try await call.send(client)
        state.withLock { state in
          if reply.isReplayed { state.unknownApplied += 1 } else { state.unknownNotApplied += 1 }
          state.acknowledge(call, reply)
        }
      } catch {
        let reply = try await stored(call, after: error, client)
        state.withLock { state in
          if let reply {
            state.unknownApplied += 1
            state.acknowledge(call, reply)
          } else if error.outcome == .unknown {
            state.unknown.append(call)
          } else {
            state.unknownNotApplied += 1
            _ = state.fail(call, error, expected)
          }
        }
      }
    }
  }

  /// Sends the last acknowledged calls again: each must be found, with the same rows, and not applied anew.
  func checkRecent(_ client: TallyClient) async {
    let recent = state.withLock { state in
      defer { state.recent = [] }
      return state.recent
    }
    for (call, reply) in recent where reply.shortages.isEmpty {
      do {
        try await checkStored(call, reply, client)
        // These are not found by a key once others came after.
        if call.action == .savePage || call.action == .putSettings { continue }
        let again = try await call.send(client)
        if !again.isReplayed || again.rows != reply.rows {
          violate("\(call.key) was acknowledged as \(reply.rows), is now \(again.rows)")
        }
      } catch { violate("\(call.key) was acknowledged, fails now: \(error)") }
    }
  }

  /// Compares every account with the server's.
  func checkBalances(_ client: TallyClient) async throws {
    let expected = state.withLock { $0.holdings }
    for start in stride(from: 0, to: accountCount, by: 1_000) {
      let accounts = start..<min(start + 1_000, accountCount)
      var request = TallystickV1.BatchGetBalancesRequest()
      request.userIds = accounts.map { Call.user($0) }
      let response = try await client.call(TallystickV1.CreditService.batchGetBalances, request)
      if response.balances.count != accounts.count {
        violate("\(response.balances.count) balances of \(accounts.count) accounts")
      }
      for (account, balance) in zip(accounts, response.balances) {
        let found = Holding(
          postedMicros: balance.postedMicros, heldMicros: balance.heldMicros, version: balance.version)
        if balance.userId != Call.user(account) || found != expected[account] || balance.availableMicros < 0
          || balance.availableMicros != expected[account].availableMicros
        {
          violate("account \(account): the oracle has \(expected[account]), the server \(balance)")
        }
      }
    }
  }

  /// Replays all replies in the order of the commits.
  func checkHistory() {
    let (history, holdings, books) = state.withLock { ($0.history, $0.holdings, $0.books) }
    let replayed = history.replay(accountCount: accountCount)
    for violation in replayed.violations { violate(violation) }
    if replayed.holdings != holdings { violate("the replayed balances are not the oracle's") }
    for violation in books.replay() { violate(violation) }
  }
}

extension Oracle.State {
  /// The server is going, or gone.
  private static let goodbyes: Set<String> = ["NOT_CONNECTED", "SHUTTING_DOWN"]

  mutating func acknowledge(_ call: Call, _ reply: Reply) {
    acknowledged += 1
    for violation in reply.violations { violate(violation) }
    for row in reply.rows {
      holdings[Int(row.account)].postedMicros += row.postedDeltaMicros
      holdings[Int(row.account)].heldMicros += row.heldDeltaMicros
      holdings[Int(row.account)].version += row.rowCount
    }
    if let hold = reply.hold { openHolds.append(hold) }
    history.append(reply)
    for violation in books.acknowledge(call, reply) { violate(violation) }
    if recent.count < Oracle.recentCount {
      recent.append((call, reply))
    } else {
      recent[acknowledged % Oracle.recentCount] = (call, reply)
    }
  }

  /// - Returns: whether the connection is still there.
  mutating func fail(_ call: Call, _ error: TallyError, _ expected: Set<String>) -> Bool {
    reasons[error.reason, default: 0] += 1
    if error.outcome == .unknown {
      unknown.append(call)
      return false
    }
    // A hold whose settling was refused for another reason is still there.
    if let hold = call.hold, error.reason != "HOLD_SETTLED" { openHolds.append(hold) }
    if let run = call.run, error.reason != "RUN_CONFLICT" { books.openRuns.append(run) }
    if Self.goodbyes.contains(error.reason) { return false }
    if let shortage = Call.shortage(call.parts[0], error.reason, error.details) {
      var reply = Reply()
      reply.shortages = [shortage]
      history.append(reply)
    } else if !expected.contains(error.reason) && !books.refuse(call, error) {
      violate("\(call): \(error)")
    }
    return true
  }
}
