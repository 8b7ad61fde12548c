// The one read-write connection: committed records, one transaction at a time, and the log's upkeep.
//
// Invariants:
// 1. Each account is written once a commit, and so are the head and the system accounts.
// 2. A transaction in which nothing was written makes no commit.
//
// Owner: the writer's queue.

internal import TallyCore
internal import TallySQLite

final class SQLiteWriterStore: WriterStore {
  /// Page cache of the writer, in KiB.
  static let cacheKibibytes = 8_192

  let connection: Connection
  private let transaction: TransactionControl
  private let checkpointer: Checkpointer?
  private let metrics: StoreMetrics
  let tables: Tables
  let keys: KeyIndex

  /// - Parameter checkpointer, readers: nil where nothing is committed.
  init(
    _ connection: Connection, checkpointer: Checkpointer?, readers: ReaderPool?, metrics: StoreMetrics,
    keyIndexLimits: KeyIndexLimits = .standard
  ) throws(SQLiteError) {
    self.connection = connection
    self.checkpointer = checkpointer
    self.metrics = metrics
    transaction = try TransactionControl(connection, writing: true)
    tables = try Tables(connection)
    keys = KeyIndex(tables.keys, keyIndexLimits, readers: readers)
  }

  func storing<Value>(_ body: () throws(SQLiteError) -> Value) throws(StorageFailure) -> Value {
    do { return try body() } catch { throw StorageFailure(error) }
  }

  // MARK: a transaction

  func books() throws(StorageFailure) -> Books {
    try storing { () throws(SQLiteError) in
      var books = Books()
      books.head = try tables.meta.load()
      books.system = try tables.systemAccounts.load()
      books.runTotal = try tables.runTotal.load()
      books.lastAccountId = try tables.accounts.lastAccountId()
      books.lastRunId = try tables.runs.lastRunId()
      books.lastLabelId = try tables.runLabels.lastId()
      books.lastPageId = try tables.pages.lastPageId()
      books.lastMediaId = try tables.media.lastMediaId()
      books.defaultPlanId = try tables.plans.defaultId()
      books.cappedPlans = try tables.plans.cappedIds()
      books.prices = try tables.prices.book()
      books.lastEventId = try tables.events.lastEventId()
      books.lastPageUpdate = try tables.pageUpdates.lastNumber()
      books.lastIntentId = try tables.topUpIntents.lastIntentId()
      books.alerts = AlertBook(try tables.alertRules.all())
      books.expiries = try tables.expiries.all()
      return books
    }
  }

  func reload() throws(StorageFailure) {
    tables.runLabels.clear()
    try storing { () throws(SQLiteError) in try loadKeys() }
  }

  func begin() throws(StorageFailure) {
    try storing { () throws(SQLiteError) in try transaction.begin() }
    keys.begin()
  }

  func commit() throws(StorageFailure) {
    try requireTransaction()
    try storing { () throws(SQLiteError) in try transaction.commit() }
    keys.commit()
  }

  /// SQLite ends a transaction by itself when a read or an allocation in it fails. What is written after that
  /// would be committed row by row.
  private func requireTransaction() throws(StorageFailure) {
    guard connection.isAutocommit else { return }
    throw StorageFailure(.inputOutput, "SQLite has ended the transaction", operation: "transaction")
  }

  func rollback() throws(StorageFailure) {
    keys.rollBack()
    try storing { () throws(SQLiteError) in try transaction.rollback() }
  }

  func freeMemory() { connection.releaseMemory() }

  var isLockedOut: Bool { checkpointer?.hasFailedUnlock ?? connection.hasFailedUnlock }

  func write(_ set: WriteSet) throws(StorageFailure) {
    try requireTransaction()
    try storing { () throws(SQLiteError) in
      try tables.write(set)
      try keys.write(set.ledger, after: set.committed.head.ledgerSequence)
    }
  }

  var refusesUsedKeys: Bool { false }

  // MARK: upkeep

  func earliestDue() throws(StorageFailure) -> Int64? {
    try storing { () throws(SQLiteError) in try tables.accounts.earliestDue() }
  }

  func dueUsers(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String] {
    try storing { () throws(SQLiteError) in
      try tables.accounts.due(nowMicros: nowMicros, limit: limit)
    }
  }

  func expiringLots(
    after place: LotPlace, throughMicros: Int64, limit: Int
  ) throws(StorageFailure) -> [ExpiringLot] {
    try storing { () throws(SQLiteError) in
      try tables.expiries.lots(after: place, throughMicros: throughMicros, limit: limit)
    }
  }

  func duePages(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String] {
    try storing { () throws(SQLiteError) in try tables.pages.due(nowMicros: nowMicros, limit: limit) }
  }

  func pagesToThin(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String] {
    try storing { () throws(SQLiteError) in try tables.pages.toThin(nowMicros: nowMicros, limit: limit) }
  }

  func mediaToDetach(limit: Int) throws(StorageFailure) -> [String] {
    try storing { () throws(SQLiteError) in try tables.media.detaching(limit: limit) }
  }

  func hasPurged() throws(StorageFailure) -> Bool {
    try storing { () throws(SQLiteError) in try tables.pages.hasPurged() }
  }

  func removePurgedSlice() throws(StorageFailure) {
    try storing { () throws(SQLiteError) in try tables.pages.removeSlice() }
  }

  func rateLimits() throws(StorageFailure) -> [RateLimit] {
    try storing { () throws(SQLiteError) in try tables.rateLimits.all() }
  }

  func isKeySliceDue(through sequence: Int64) -> Bool { keys.isIdleSliceDue(sequence) }

  func hasWaitingKeys(through sequence: Int64) -> Bool { keys.isBehind(sequence) }

  func writeKeys(through sequence: Int64) throws(StorageFailure) {
    try requireTransaction()
    try storing { () throws(SQLiteError) in try keys.writeSlice(sequence) }
  }

  /// Takes up the index of keys as it is stored.
  /// - Parameter onProgress: told how many of the ledger's rows are in it, when it takes its time.
  func loadKeys(onProgress: (Int64, Int64) throws(SQLiteError) -> Void = { _, _ in }) throws(SQLiteError) {
    let lastSequence = try tables.meta.load().ledgerSequence
    try keys.load(lastSequence: lastSequence) { (body) throws(SQLiteError) in
      try connection.inStep(body)
    } onProgress: { (count) throws(SQLiteError) in
      try onProgress(count, lastSequence)
    }
  }

  // MARK: the log

  var isLogFull: Bool { checkpointer?.isOverLimit ?? false }

  var isCheckpointDue: Bool { checkpointer?.isDue ?? false }

  var isCheckpointPausing: Bool { checkpointer?.isPausing ?? false }

  func checkpoint(isIdle: Bool) throws(StorageFailure) {
    checkpointer?.checkpoint(isIdle: isIdle)
    if let error = checkpointer?.failedSync { throw StorageFailure(error) }
  }

  /// The last checkpoint, after which SQLite may tidy up.
  func truncate() throws(StorageFailure) {
    try storing { () throws(SQLiteError) in
      try checkpointer?.truncate()
      try connection.setCheckpointsOnClose(true)
    }
  }

  func noteLog() { metrics.logFrames.set(Int64(connection.logFrames)) }

  // MARK: another database, for test harnesses

  /// - Returns: nil when it would have more bytes than the limit.
  func snapshot(commitSequence: Int64, limitByteCount: Int) throws(StorageFailure) -> DatabaseSnapshot? {
    try storing { () throws(SQLiteError) in
      try DatabaseSnapshot.make(
        of: connection, commitSequence: commitSequence, limitByteCount: limitByteCount)
    }
  }

  /// Puts a snapshot in the database's place, as a commit of this number.
  func replace(by snapshot: DatabaseSnapshot, as commitSequence: Int64) throws(StorageFailure) {
    try storing { () throws(SQLiteError) in try snapshot.copy(over: connection, as: commitSequence) }
  }

  /// Empties the database, but for the count of commits.
  func empty(as commitSequence: Int64) throws(StorageFailure) {
    try storing { () throws(SQLiteError) in
      try connection.setForeignKeys(false)
      let result = Result { () throws(SQLiteError) in try deleteRows(as: commitSequence) }
      if case .failure = result { try transaction.rollback() }
      try connection.setForeignKeys(true)
      try result.get()
    }
  }

  private func deleteRows(as commitSequence: Int64) throws(SQLiteError) {
    try transaction.begin()
    for table in try tablesOfUsers() { try connection.execute("DELETE FROM \(table)") }
    try connection.execute(
      """
      UPDATE system_account SET balance = 0;
      UPDATE meta SET commit_sequence = \(commitSequence), ledger_sequence = 0, last_at = 0,
        committed_at = 0, chain_head = zeroblob(32), format_2_from = 1;
      """)
    try transaction.commit()
  }

  /// All but those that say what the file is and where it stands, and those in which a search's index keeps
  /// its own.
  private func tablesOfUsers() throws(SQLiteError) -> [String] {
    let statement = try connection.prepare(
      """
      SELECT name FROM pragma_table_list
      WHERE schema = 'main' AND type IN ('table', 'virtual')
        AND name NOT IN ('migration', 'meta', 'system_account') AND name NOT LIKE 'sqlite_%'
      """)
    return try statement.all { (row) in row.text() }
  }
}
