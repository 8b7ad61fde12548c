// What the writer needs of an engine, in memory: committed tables, and those of the open transaction.
//
// Invariants:
// 1. A transaction works on a copy of the tables. COMMIT puts the copy in their place, a rollback drops it.
// 2. Across a wire, a record is found only once it was loaded (see RecordLoads.swift).
//
// Owner: the writer's queue; any thread takes a copy of what is committed.

package import TallyCore
internal import TallyLocking

/// What outlives an engine in memory, as a file outlives one on a disk.
package final class MemoryDisk: Sendable {
  private let committed = Lock(MemoryTables())
  let counts = Lock(LoadCounts())

  package init() {}

  /// How often records had to be loaded, by stores across a wire.
  package var loadCounts: LoadCounts { counts.withLock { $0 } }

  /// As of the last commit.
  package var tables: MemoryTables {
    get { committed.withLock { $0 } }
    set { committed.withLock { $0 = newValue } }
  }
}

package final class MemoryStore: WriterStore {
  private let disk: MemoryDisk
  /// nil where every record is found at once.
  private let loads: RecordLoads?
  private(set) var tables: MemoryTables
  private var isOpen = false

  /// - Parameter isAcrossWire: finds a record only after it was loaded, as a store on another machine would.
  package init(_ disk: MemoryDisk, isAcrossWire: Bool = false) {
    self.disk = disk
    tables = disk.tables
    loads = isAcrossWire ? RecordLoads(counts: disk.counts) : nil
  }

  // MARK: a transaction

  package func books() throws(StorageFailure) -> Books {
    var books = tables.books
    // What a cursor has come by without a commit is not stored.
    books.expiries = ExpiryCursors(
      books.expiries.all.map { ExpiryCursor(windowMillis: $0.windowMillis, stored: $0.stored) })
    return books
  }

  package func begin() throws(StorageFailure) {
    guard !isOpen else { throw StorageFailure(.defect, "a transaction is open", operation: "begin") }
    isOpen = true
  }

  package func write(_ set: WriteSet) throws(StorageFailure) {
    guard isOpen else { throw StorageFailure(.defect, "no transaction is open", operation: "write") }
    try tables.apply(set)
  }

  package func commit() throws(StorageFailure) {
    guard isOpen else { throw StorageFailure(.defect, "no transaction is open", operation: "commit") }
    disk.tables = tables
    end()
  }

  package func rollback() throws(StorageFailure) {
    tables = disk.tables
    end()
  }

  private func end() {
    isOpen = false
    loads?.forget()
  }

  /// Puts other tables in the place of these, as a commit of this number. For test harnesses.
  func replace(by tables: MemoryTables, as commitSequence: Int64) {
    self.tables = tables
    self.tables.books.head.commitSequence = commitSequence
    disk.tables = self.tables
  }

  package func freeMemory() {}
  package var refusesUsedKeys: Bool { true }
  package var isLockedOut: Bool { false }

  // MARK: records

  package func loadMissing() throws(StorageFailure) { try loads?.loadMissing() }

  /// Answers from the tables, once what is named was loaded.
  /// - Parameter length: of a list, how much of it is wanted.
  func find<Value>(
    _ numbers: [Int64] = [], _ texts: [String] = [], length: Int = 1, method: String = #function,
    _ body: (MemoryTables) -> Value
  ) throws(StorageFailure) -> Value {
    try loads?.ask(method, numbers, texts, length: length)
    return body(tables)
  }

  // MARK: upkeep

  private var dueAccounts: [(dueMicros: Int64, account: Account)] {
    tables.accounts.values.compactMap { row in row.account.nextDueMicros.map { ($0, row.account) } }
  }

  package func earliestDue() throws(StorageFailure) -> Int64? { dueAccounts.map(\.dueMicros).min() }

  package func dueUsers(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String] {
    dueAccounts.filter { $0.dueMicros <= nowMicros }
      .sorted { ($0.dueMicros, $0.account.id) < ($1.dueMicros, $1.account.id) }
      .prefix(limit).map(\.account.userId)
  }

  package func expiringLots(
    after place: LotPlace, throughMicros: Int64, limit: Int
  ) throws(StorageFailure) -> [ExpiringLot] {
    let lots = tables.ledger.compactMap { row -> ExpiringLot? in
      let entry = row.entry
      // The allocation that bears the row's own number is of the lot that it opens.
      guard let expiresAtMicros = entry.expiresAtMicros,
        entry.lots.contains(where: { $0.lotId == entry.sequence })
      else { return nil }
      return ExpiringLot(
        place: LotPlace(expiresAtMicros: expiresAtMicros, lotId: entry.sequence), userId: entry.userId,
        atMicros: entry.atMicros)
    }
    let due = lots.filter { $0.place > place && $0.place.expiresAtMicros <= throughMicros }
    return Array(due.sorted { $0.place < $1.place }.prefix(limit))
  }

  package func duePages(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String] {
    let due = tables.pages.values.filter { ($0.facts.schedule?.atMicros ?? Int64.max) <= nowMicros }
    return due.sorted {
      ($0.facts.schedule?.atMicros ?? 0, $0.id) < ($1.facts.schedule?.atMicros ?? 0, $1.id)
    }
    .prefix(limit).map(\.facts.pageId)
  }

  package func pagesToThin(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String] {
    let due = tables.pages.values.filter { ($0.thinAtMicros ?? Int64.max) <= nowMicros }
    return due.sorted { ($0.thinAtMicros ?? 0, $0.id) < ($1.thinAtMicros ?? 0, $1.id) }
      .prefix(limit).map(\.facts.pageId)
  }

  package func mediaToDetach(limit: Int) throws(StorageFailure) -> [String] {
    tables.media.values.filter { $0.detachingAuthor != nil }.sorted { $0.id < $1.id }
      .prefix(limit).map(\.media.mediaId)
  }

  package func hasPurged() throws(StorageFailure) -> Bool { !tables.purged.isEmpty }

  package func removePurgedSlice() throws(StorageFailure) { tables.removePurgedSlice() }

  package func rateLimits() throws(StorageFailure) -> [RateLimit] { tables.rateLimits.map(\.limit) }

  // MARK: the log, of which there is none

  package var isLogFull: Bool { false }
  package var isCheckpointDue: Bool { false }
  package var isCheckpointPausing: Bool { false }
  package func checkpoint(isIdle: Bool) throws(StorageFailure) {}
  package func truncate() throws(StorageFailure) {}
  package func noteLog() {}
}
