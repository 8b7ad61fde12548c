// The seam: what a ledger engine does for the services above it, whatever it keeps its rows in.
//
// Invariants:
// 1. A completion is called exactly once, after the commit that decided it is durable (or after the
//    engine knows that it is not).
// 2. A read that begins after any completion was called sees that commit, and is one snapshot.
// 3. How rows are kept and asked for stays below the seam.
//
// Owner: the engine's own queues.

public struct TransactionFilter: Sendable, Equatable {
  public var userId: String
  /// All when empty.
  public var types: [TransactionType] = []
  /// Inclusive.
  public var fromMicros: Int64?
  /// Exclusive.
  public var toMicros: Int64?
  public var metadata: [MetadataEntry] = []
  /// All when empty.
  public var spender = ""
  /// 1 to 1,000.
  public var limit: Int
  /// Rows with a smaller sequence only; from the page before.
  public var beforeSequence: Int64?

  public init(userId: String, limit: Int) {
    self.userId = userId
    self.limit = limit
  }
}

/// A stretch of the ledger, or of the events, all users' rows together.
public struct LedgerFilter: Sendable, Equatable {
  /// Inclusive.
  public var fromSequence: Int64
  /// Exclusive.
  public var beforeSequence = Int64.max
  /// Each once; all users when empty.
  public var userIds: [String] = []
  public var limit: Int

  public init(fromSequence: Int64, limit: Int) {
    self.fromSequence = fromSequence
    self.limit = limit
  }
}

public typealias LedgerSlice = Slice<Entry>

/// What stands in an order of its own, in which it is read forwards.
public protocol Numbered: Sendable, Equatable {
  var number: Int64 { get }
}

extension Entry: Numbered {
  public var number: Int64 { sequence }
}

extension AccountEvent: Numbered {
  public var number: Int64 { id }
}

extension PageUpdate: Numbered {}

/// What was asked for of a stretch, in order.
public struct Slice<Row: Numbered>: Sendable, Equatable {
  public var rows: [Row]
  /// What was asked for and has a smaller sequence is among the rows.
  public var nextSequence: Int64
  /// Of the last one there is.
  public var lastSequence: Int64

  public init(rows: [Row], _ filter: LedgerFilter, lastSequence: Int64) {
    self.rows = rows
    self.lastSequence = lastSequence
    if rows.count == filter.limit, let last = rows.last {
      nextSequence = last.number + 1
    } else {
      nextSequence = max(filter.fromSequence, min(filter.beforeSequence, lastSequence + 1))
    }
  }
}

public struct HoldFilter: Sendable, Equatable {
  public var userId: String
  /// All when empty.
  public var states: [HoldState] = []
  public var limit: Int
  public var beforeId: Int64?

  public init(userId: String, limit: Int) {
    self.userId = userId
    self.limit = limit
  }
}

/// One page, newest first, and where the next one starts.
public struct Page<Row: Sendable>: Sendable {
  public var rows: [Row]
  /// nil on the last page.
  public var nextBefore: Int64?

  public init(rows: [Row], nextBefore: Int64?) {
    self.rows = rows
    self.nextBefore = nextBefore
  }
}

/// A ledger engine.
public protocol Engine: Sendable {
  /// Decides the commands in order, in one commit with whatever else is queued. The work's completion is
  /// called on the engine's writer queue, or at once on the caller's when it never enters the queue (full,
  /// draining).
  func submit(_ work: Work)

  /// Why a submission would be turned away now, whatever it holds: draining, read-only, queue full. Asked
  /// before a request's fields are looked at; `submit` decides for good.
  func admission() -> Refusal?
  /// Why one sharer's would be: its part of the queue is full. Asked before what is dear about a request, so
  /// that whoever floods costs others as little as can be.
  /// - Parameter sharer: called only while so many wait that they are counted by sharer.
  func admission(of sharer: () -> String) -> Refusal?

  /// A user's balance from memory, or nil when it needs a reader. Never blocks: may run on a
  /// connection's queue.
  func cachedBalance(userId: String) -> Snapshot<Balance>?
  /// A user's balance now; zero for a user that is not known. May wait for a reader.
  func balance(userId: String) throws(Refusal) -> Snapshot<Balance>
  /// A user's balance as a read at a past time has answered it. May wait for a reader.
  /// - Throws: `invalidField` for a time that has not come.
  func balance(userId: String, atMicros: Int64) throws(Refusal) -> Snapshot<Balance>
  /// The balance now, with what stands in the way of spending. From memory only when nothing does.
  func cachedSpending(userId: String) -> Snapshot<Spending>?
  /// - Parameter ask: what caps are asked about.
  func spending(userId: String, ask: CapAsk) throws(Refusal) -> Snapshot<Spending>
  /// In the order asked; fixed statement count.
  func balances(userIds: [String]) throws(Refusal) -> Snapshot<[Balance]>
  /// - Throws: `transactionNotFound`, also for another user's row when `actingUserId` is set.
  func transaction(sequence: Int64, actingUserId: String?) throws(Refusal) -> Snapshot<Entry>
  func transactions(_ filter: TransactionFilter) throws(Refusal) -> Snapshot<Page<Entry>>
  func ledger(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<LedgerSlice>
  /// Rows that were committed, with the names of the purchases and grants that they refer to.
  func named(_ rows: [Entry]) throws(Refusal) -> [Entry]
  func holds(_ filter: HoldFilter) throws(Refusal) -> Snapshot<Page<Hold>>
  /// By id, after `afterId`.
  func plans(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<[Plan]>
  /// In the order in which they were put.
  func prices(_ filter: PriceFilter) throws(Refusal) -> Snapshot<PricePage>
  func state() -> EngineState

  /// The engine's idea of now, as a write at this moment would have it.
  func nowMicros() -> Int64
}

/// An engine of the whole product, which the services stand on.
public protocol ProductEngine: Engine, AdminReads, EventReads, RunReads, UsageReads {}
