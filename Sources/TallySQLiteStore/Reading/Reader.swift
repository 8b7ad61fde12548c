// A read-only connection with its statements.
//
// Invariants:
// 1. A reader is used by its borrower only.
// 2. All reads of one call happen in one transaction: one snapshot, which says which commit it is of.
// 3. A snapshot that SQLite could not let go of is noticed: it would keep the log from starting over until
//    the process ends, whatever becomes of the reader.
//
// Owner: the thread that has borrowed it from the pool.

internal import TallyCore
internal import TallyMeasuring
internal import TallySQLite

// @unchecked Sendable: used by one thread at a time, the one that borrowed it from the pool.
final class Reader: @unchecked Sendable {
  /// Page cache of each reader, in KiB.
  static let cacheKibibytes = 1_024

  private let connection: Connection
  private let transaction: TransactionControl
  let tables: Tables
  let history: History
  let stretches: LedgerStretches
  let holdHistory: HoldHistory
  let usage: UsageReader
  let stats: StatsReader
  let users: UserList
  let dueGrants: DueGrantReader
  let pastBalances: PastBalanceReader

  convenience init(path: String, statements: StatementStatistics) throws(SQLiteError) {
    try self.init(
      Connection(
        path: path,
        options: ConnectionOptions(
          readOnly: true, cacheKibibytes: Self.cacheKibibytes, statements: statements)))
  }

  init(_ connection: Connection) throws(SQLiteError) {
    self.connection = connection
    transaction = try TransactionControl(connection, writing: false)
    tables = try Tables(connection)
    history = try History(connection)
    stretches = try LedgerStretches(connection)
    holdHistory = try HoldHistory(connection)
    usage = try UsageReader(connection)
    stats = try StatsReader(connection, labels: tables.runLabels)
    users = try UserList(connection)
    dueGrants = try DueGrantReader(connection, plans: tables.plans)
    pastBalances = try PastBalanceReader(connection)
  }

  var hasFailedUnlock: Bool { connection.hasFailedUnlock }

  /// Reads that may take so much of the processor's time, or throw an error that `isInterrupted`.
  func limited<Value>(
    processorNanoseconds: Int64, _ body: () throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Value {
    try connection.limited(processorNanoseconds: processorNanoseconds, body)
  }

  /// Runs all of a call's reads on one snapshot.
  func snapshot<Value>(
    _ body: (Reader, LedgerHead) throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Snapshot<Value> {
    try transaction.begin()
    do {
      let head = try tables.meta.load()
      let value = try body(self, head)
      try transaction.commit()
      return Snapshot(value, commitSequence: head.commitSequence)
    } catch {
      try transaction.rollback()
      throw error
    }
  }
}
