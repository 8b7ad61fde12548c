// What the last commit published to everybody: where the ledger stands, and accounts.
//
// Invariants:
// 1. Accounts here equal the stored ones as of `commitSequence`: the writer publishes every account that
//    a commit changed, in the same step as the commit, before anyone hears of it.
// 2. A reader may add what it loaded only while its snapshot is still the last commit.
// 3. What a reader has seen of the file is shown to nobody before it is published here: between COMMIT and
//    publication the file is ahead of memory, and who read the one, then the other, would go back in time.
// 4. At most `maximumAccounts`, in two generations: when the young one is full it becomes the old one,
//    and what is not asked for again goes with the next change.
//
// Owner: a lock; the writer's queue writes, any thread reads.

internal import TallyLocking

package final class CommittedState: Sendable {
  /// Accounts kept in memory, some 400 bytes each with a few lots.
  static let maximumAccounts = 16_384
  /// What one is taken to cost in `statistics`.
  static let accountByteCount = 400
  /// How long a reader waits for a commit that it saw to be published: a second. It takes microseconds,
  /// unless the commit failed after all.
  static let publicationNanoseconds: UInt64 = 1_000_000_000

  private struct State {
    var head: LedgerHead
    var mode = EngineState.Mode.serving
    /// For ever: the files that are open are not those at their paths.
    var isLost = false
    /// Whether some plan has caps.
    var hasCappedPlans = false
    var young: [ExactText: Account] = [:]
    var old: [ExactText: Account] = [:]
    /// Databases that were put in the place of the one before.
    var replacements = 0
    let generation: Int
    var statistics: CacheStatistics

    mutating func keep(_ account: Account) {
      let userId = ExactText(account.userId)
      if !old.isEmpty { old[userId] = nil }
      if young.count >= generation, young[userId] == nil {
        statistics.evictions += Int64(old.count)
        old = young
        young = [:]
      }
      young[userId] = account
    }

    mutating func account(_ userId: String) -> Account? {
      let userId = ExactText(userId)
      if let account = young[userId] {
        statistics.hits += 1
        return account
      }
      guard let account = old[userId] else {
        statistics.misses += 1
        return nil
      }
      statistics.hits += 1
      keep(account)
      return account
    }
  }

  /// An account and the commit that it is of.
  package struct View {
    package var account: Account
    package var commitSequence: Int64
  }

  private let state: Monitor<State>
  private let onModeChange: @Sendable () -> Void

  /// - Parameter onModeChange: called after each change, without the lock.
  package init(
    head: LedgerHead, maximumAccounts: Int = CommittedState.maximumAccounts,
    onModeChange: @escaping @Sendable () -> Void = {}
  ) {
    self.onModeChange = onModeChange
    let statistics = CacheStatistics(
      name: "accounts", limitByteCount: maximumAccounts * Self.accountByteCount)
    state = Monitor(State(head: head, generation: maximumAccounts / 2, statistics: statistics))
  }

  package var head: LedgerHead { state.withLock { $0.head } }

  /// `lost` whatever it is set to, once that is known.
  var mode: EngineState.Mode {
    get { state.withLock { $0.isLost ? .lost : $0.mode } }
    set {
      let isChange = state.withLock { state in
        defer { state.mode = newValue }
        return state.mode != newValue
      }
      if isChange { onModeChange() }
    }
  }

  var isLost: Bool { state.withLock { $0.isLost } }

  package func lose() {
    state.withLock { $0.isLost = true }
    onModeChange()
  }

  /// How often a test harness has put another database in the place of this one, or is about to.
  package var replacements: Int { state.withLock { $0.replacements } }

  func countReplacement() { state.withLock { $0.replacements += 1 } }

  /// Both of one moment.
  package var headAndMode: (LedgerHead, EngineState.Mode) {
    state.withLock { ($0.head, $0.isLost ? .lost : $0.mode) }
  }

  package func account(userId: String) -> View? {
    state.withLock { state in
      guard let account = state.account(userId) else { return nil }
      return View(account: account, commitSequence: state.head.commitSequence)
    }
  }

  /// All of them, of one commit, in order; nil when one is not here.
  package func accounts(userIds: [String]) -> (accounts: [Account], commitSequence: Int64)? {
    state.withLock { state in
      var accounts: [Account] = []
      accounts.reserveCapacity(userIds.count)
      for userId in userIds {
        guard let account = state.account(userId) else { return nil }
        accounts.append(account)
      }
      return (accounts, state.head.commitSequence)
    }
  }

  /// Of all accounts here.
  package var userIds: [String] {
    state.withLock { state in Set(state.young.keys).union(state.old.keys).map(\.text) }
  }

  /// Whether a user whose caps are those of a plan may be stopped by them.
  package var hasCappedPlans: Bool { state.withLock { $0.hasCappedPlans } }

  /// By the writer, before anybody hears of what it has read.
  func begin(_ books: Books) { state.withLock { $0.hasCappedPlans = !books.cappedPlans.isEmpty } }

  /// By the writer, at commit.
  func publish(_ books: Books, _ accounts: some Sequence<Account>) {
    state.withLock { state in
      state.head = books.head
      state.hasCappedPlans = !books.cappedPlans.isEmpty
      for account in accounts { state.keep(account) }
    }
    state.broadcast()
  }

  /// Waits until a commit that a reader saw in the file is everybody's.
  /// - Returns: false when it was not published in time: the writer knows nothing of its outcome.
  package func isPublished(commitSequence: Int64) -> Bool {
    if state.withLock({ $0.head.commitSequence >= commitSequence }) { return true }
    let deadline = MonotonicClock.nanoseconds + Self.publicationNanoseconds
    return state.wait(
      deadlineNanoseconds: deadline, until: { $0.head.commitSequence >= commitSequence }, then: { _ in true })
      ?? false
  }

  /// By a reader, of what its snapshot holds.
  package func offer(_ accounts: [Account], commitSequence: Int64) {
    state.withLock { state in
      guard state.head.commitSequence == commitSequence else { return }
      for account in accounts where state.young[ExactText(account.userId)] == nil { state.keep(account) }
    }
  }

  /// Forgets all accounts, after another database was put in the place of the last one.
  func clear(_ books: Books) {
    state.withLock { state in
      state.head = books.head
      state.hasCappedPlans = !books.cappedPlans.isEmpty
      state.young = [:]
      state.old = [:]
    }
    state.broadcast()
  }

  /// Of the accounts: what a commit changes is replaced, not dropped.
  package var statistics: CacheStatistics {
    state.withLock { state in
      var statistics = state.statistics
      statistics.entryCount = state.young.count + state.old.count
      statistics.byteCount = statistics.entryCount * Self.accountByteCount
      return statistics
    }
  }
}
