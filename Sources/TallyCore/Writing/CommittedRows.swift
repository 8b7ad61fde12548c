// The rows that commits append to the ledger, on their way to whoever follows it.
//
// Invariants:
// 1. An observer is told of every row once, in the order of the sequences, after the row's commit was
//    published and before anybody's reply to it leaves.
// 2. Between `willReplace` and the `begin` that follows, nothing is appended.
//
// Owner: the writer's queue.

/// Follows the ledger. Called on the writer's queue (`begin` first on the opening thread): must not wait, and
/// does the same little work for every commit, however many rows it has.
public protocol LedgerObserver: Sendable {
  /// The ledger ends with this row: when the engine opens, and when another ledger was put in its place.
  func begin(after sequence: Int64)
  func append(_ rows: CommittedRows)
  /// Another ledger is about to be put in the place of this one.
  func willReplace()
}

/// Follows the events, as `LedgerObserver` does the ledger.
public protocol EventObserver: Sendable {
  func begin(after id: Int64)
  func append(_ events: CommittedEvents)
  func willReplace()
}

/// Follows the changes of pages, as `LedgerObserver` does the ledger.
public protocol PageObserver: Sendable {
  func begin(after number: Int64)
  func append(_ updates: CommittedPageUpdates)
  func willReplace()
}

/// The changes of pages by one commit, in the order of their numbers; at least one.
public struct CommittedPageUpdates: Sendable {
  let rows: [WriteSet.PageUpdateRow]

  public var count: Int { rows.count }
  public var lastNumber: Int64 { rows[rows.count - 1].update.number }

  public subscript(index: Int) -> PageUpdate { rows[index].update }
}

/// The events of one commit, in the order of their ids; at least one.
public struct CommittedEvents: Sendable {
  let rows: [WriteSet.EventRow]

  public var count: Int { rows.count }
  public var lastId: Int64 { rows[rows.count - 1].event.id }

  public subscript(index: Int) -> AccountEvent { rows[index].event }
}

/// The rows of one commit; at least one.
public struct CommittedRows: Sendable {
  let rows: [WriteSet.LedgerRow]

  public var count: Int { rows.count }
  public var lastSequence: Int64 { rows[rows.count - 1].entry.sequence }

  public subscript(index: Int) -> Entry { rows[index].entry }
}
