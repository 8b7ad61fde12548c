// What the callers know: each call as sent, acknowledged, refused or unknown, and what all accounts must
// have for it.
//
// Invariants:
// 1. A call is unknown from a lost reply until a retry with the same key says what became of it.
// 2. With no call unknown, every account's balance, less what it owes, is exactly the sum of what was
//    acknowledged and of what the server has granted; and it is what the last acknowledged call was told.
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
    var accounts: [Known]
    /// Periods of plans that are granted, or are to be by the server.
    var grants: Set<GrantKey> = []
    var history = History()
    var openHolds: [OpenHold] = []
    var debits = Pool<Earlier>()
    var purchases = Pool<Earlier>()
    var promos = Pool<Earlier>()
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
    self.expected = expected.union(["HOLD_SETTLED", "LOT_LIMIT"])
    state = Lock(State(accounts: [Known](repeating: Known(), count: accountCount)))
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
      "\($0.acknowledged) acknowledged, with \($0.books.runs.count) runs "
        + "(\($0.books.runs.keys.count { $0.attempt > 1 }) further attempts) and "
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

  /// A run that failed or was cancelled, for its next attempt; by one caller only.
  func takeFailedRun() -> OpenRun? { state.withLock { $0.books.failedRuns.popLast() } }

  /// Something that money may go back of, which other callers are told of too.
  func pick(_ kind: Earlier.Kind, using random: inout SeededRandom) -> Earlier? {
    let place = random.next()
    return state.withLock { state in
      switch kind {
      case .debit: state.debits.pick(place)
      case .purchase: state.purchases.pick(place)
      case .promo: state.promos.pick(place)
      }
    }
  }

  /// The newest purchase that is known.
  var lastPurchase: Earlier? { state.withLock { $0.purchases.last } }

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
    for (call, reply) in recent where reply.refusals.isEmpty && !reply.isAborted {
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
    let (expected, grants) = state.withLock { ($0.accounts, $0.grantedMicros) }
    for start in stride(from: 0, to: accountCount, by: 1_000) {
      let accounts = start..<min(start + 1_000, accountCount)
      var request = TallystickV1.BatchGetBalancesRequest()
      request.userIds = accounts.map { Call.user($0) }
      let response = try await client.call(TallystickV1.CreditService.batchGetBalances, request)
      if response.balances.count != accounts.count {
        violate("\(response.balances.count) balances of \(accounts.count) accounts")
      }
      for (account, balance) in zip(accounts, response.balances) {
        if balance.userId != Call.user(account)
          || !expected[account].isShown(by: balance, grantedMicros: grants[account])
        {
          violate(
            "account \(account): the oracle has \(expected[account]), granted \(grants[account] ?? 0), "
              + "the server \(balance)")
        }
      }
    }
  }

  /// Replays all replies in the order of the commits.
  func checkHistory() {
    let (history, accounts, books, grants) = state.withLock {
      ($0.history, $0.accounts, $0.books, $0.grantedMicros)
    }
    let replayed = history.replay(accountCount: accountCount) { books.terms(of: $0) }
    for violation in replayed.violations { violate(violation) }
    for (account, holding) in replayed.holdings.enumerated()
    where holding.netMicros != accounts[account].netMicros + (grants[account] ?? 0)
      || holding.heldMicros != accounts[account].heldMicros
    {
      violate("account \(account): the replay has \(holding), the oracle \(accounts[account])")
    }
    for violation in books.replay() { violate(violation) }
  }
}

/// What is known of an account's credit.
struct Known: Sendable {
  /// Sums of what was acknowledged, in whatever order, without what was granted of plans.
  private(set) var netMicros: Int64 = 0
  private(set) var heldMicros: Int64 = 0
  /// As the last decision that is known left it.
  private var last: (place: Place, holding: Holding)?

  mutating func add(_ row: Row) {
    if row.grant == nil { netMicros += row.netMicros }
    switch row.deed {
    case .hold(let micros): heldMicros += micros
    case .release(let micros): heldMicros -= micros
    case .charge(let charge): heldMicros -= charge.heldMicros
    default: break
    }
    if last.map({ $0.place < row.place }) ?? true { last = (row.place, row.after) }
  }

  /// - Parameter grantedMicros: of plans; nil when the account has none, so that the server writes nothing by
  ///   itself.
  func isShown(by balance: TallystickV1.Balance, grantedMicros: Int64?) -> Bool {
    let found = Holding(balance)
    return found.netMicros == netMicros + (grantedMicros ?? 0) && found.heldMicros == heldMicros
      && balance.availableMicros == found.availableMicros && found.availableMicros >= 0
      && found.owedMicros >= 0 && (grantedMicros != nil || found == last?.holding ?? Holding())
  }
}

/// The last of many.
struct Pool<Element: Sendable>: Sendable {
  private static var capacity: Int { 512 }
  private var elements: [Element] = []
  private var count = 0

  mutating func add(_ element: Element) {
    if elements.count < Self.capacity {
      elements.append(element)
    } else {
      elements[count % Self.capacity] = element
    }
    count += 1
  }

  var last: Element? { elements.isEmpty ? nil : elements[(count - 1) % Self.capacity] }

  func pick(_ place: UInt64) -> Element? {
    elements.isEmpty ? nil : elements[Int(place % UInt64(elements.count))]
  }
}

extension Oracle.State {
  /// The server is going, or gone.
  private static let goodbyes: Set<String> = ["NOT_CONNECTED", "SHUTTING_DOWN"]

  mutating func acknowledge(_ call: Call, _ reply: Reply) {
    acknowledged += 1
    for violation in reply.violations { violate(violation) }
    for row in reply.rows { accounts[Int(row.account)].add(row) }
    if let grant = reply.grant { grants.insert(grant) }
    if let earlier = reply.earlier {
      switch earlier.kind {
      case .debit: debits.add(earlier)
      case .purchase: purchases.add(earlier)
      case .promo: promos.add(earlier)
      }
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

  /// By account.
  var grantedMicros: [Int: Int64] {
    grants.reduce(into: [:]) {
      $0[Int($1.account), default: 0] += Workload.creditMicros(ofPlan: Int($1.plan))
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
    if let run = call.run, error.reason != "RUN_CONFLICT" {
      if call.action == .beginRun { books.failedRuns.append(run) } else { books.openRuns.append(run) }
    }
    if Self.goodbyes.contains(error.reason) { return false }
    if let refused = call.refused(call.parts[0], error.reason, error.details) {
      var reply = Reply()
      reply.refusals = [refused]
      history.append(reply)
    } else if !expected.contains(error.reason) && !books.refuse(call, error) {
      violate("\(call): \(error)")
    }
    return true
  }
}
