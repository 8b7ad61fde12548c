// Makes large tables anew, in steps that each end on the disk.
//
// A table is copied in slices of rows to one that stands beside it; then the copy's indexes are made; then
// the switch drops the table and gives the copy its name. A database without many rows goes through all of it
// in one transaction.
//
// Invariants:
// 1. Each slice is one transaction, each index another, and the switch the last: it makes the file one of the
//    new version. What a kill ends is done again, what stood before it is not.
// 2. A copy holds the rows of its table up to the copy's last key, so that it says by itself where to go on.
//    Neither can come to say something else: they change in one transaction.
// 3. Before the switch the file is of the old version and whole. Tables and indexes that a program does not
//    know are none of its business (SchemaCheck), so one of the old version may open the file, go on and stop
//    again. Rows that it adds have higher keys: they are copied by the next start. Of the rows that are
//    copied already it changes those only that the switch copies once more, or none; the migration says
//    which. A harness of the old version that empties the database empties the copies with it, and one that
//    puts back a snapshot puts back theirs.
// 4. Memory has a bound whatever the number of rows: a transaction's pages go to the log when the cache is
//    full, and what is sorted for an index to a temporary file, if there is a place for one.
// 5. The log starts over once it has grown to where it always does.
//
// Owner: the thread that opens the engine.

internal import TallyCore
internal import TallySQLite

final class Rewriter {
  /// Some 4 MB, and some 50 ms.
  static let sliceRows: Int64 = 10_000

  private let connection: Connection
  private let version: Int32
  private let rewrites: [Rewrite]
  private let sliceRows: Int64
  private let onProgress: (UpgradeProgress) throws(StoreError) -> Void

  init(
    _ connection: Connection, version: Int32, _ rewrites: [Rewrite], sliceRows: Int64,
    onProgress: @escaping (UpgradeProgress) throws(StoreError) -> Void
  ) {
    self.connection = connection
    self.version = version
    self.rewrites = rewrites
    self.sliceRows = sliceRows
    self.onProgress = onProgress
  }

  /// - Parameter switching: puts the copies in the place of their tables; in an open transaction.
  func run(_ switching: () throws(SQLiteError) -> Void) throws(StoreError) {
    let rows = try storing { () throws(SQLiteError) in try sum { $0.table } }
    if rows > sliceRows { return try runInSteps(rows, switching) }
    try step { () throws(SQLiteError) in
      try makeCopies()
      for rewrite in rewrites {
        let copier = try rewrite.makeCopier(connection)
        while try copySlice(of: rewrite, copier) {}
        for index in rewrite.indexes { try make(index) }
      }
      try requireAllCopied()
      try switching()
    }
  }

  private func runInSteps(
    _ rows: Int64, _ switching: () throws(SQLiteError) -> Void
  ) throws(StoreError) {
    try storing { () throws(SQLiteError) in try connection.setSpilling(true) }
    let result = Result { () throws(StoreError) in
      try step { () throws(SQLiteError) in try makeCopies() }
      try copyRows(rows)
      try makeIndexes()
      try step { () throws(SQLiteError) in
        try requireAllCopied()
        try switching()
      }
      try onProgress(UpgradeProgress(version: version, work: .done))
    }
    try storing { () throws(SQLiteError) in try connection.setSpilling(false) }
    try result.get()
  }

  private func copyRows(_ rows: Int64) throws(StoreError) {
    for rewrite in rewrites {
      let copier = try storing { () throws(SQLiteError) in try rewrite.makeCopier(connection) }
      var hasMore = true
      while hasMore {
        let copied = try storing { () throws(SQLiteError) in try sum { $0.copy } }
        try onProgress(UpgradeProgress(version: version, work: .copying(rows: copied, of: rows)))
        hasMore = try step { () throws(SQLiteError) in try copySlice(of: rewrite, copier) }
      }
    }
  }

  private func makeIndexes() throws(StoreError) {
    let indexes = rewrites.flatMap(\.indexes)
    for (number, index) in indexes.enumerated() {
      try onProgress(
        UpgradeProgress(version: version, work: .indexing(number: number + 1, of: indexes.count)))
      try step { () throws(SQLiteError) in try make(index) }
    }
  }

  // MARK: what steps do, in an open transaction

  private func makeCopies() throws(SQLiteError) {
    for rewrite in rewrites {
      try connection.execute("CREATE TABLE IF NOT EXISTS \(rewrite.copy) \(rewrite.columns)")
    }
  }

  /// - Returns: whether there may be more.
  private func copySlice(of rewrite: Rewrite, _ copier: any RowCopier) throws(SQLiteError) -> Bool {
    let key = rewrite.key
    let done = try last(key, of: rewrite.copy)
    let last = try connection.value(
      """
      SELECT coalesce(max(\(key)), \(done)) FROM (
        SELECT \(key) FROM \(rewrite.table) WHERE \(key) > \(done) ORDER BY \(key) LIMIT \(sliceRows))
      """)
    guard last > done else { return false }
    try copier.copy(after: done, through: last)
    return true
  }

  private func make(_ index: Rewrite.Index) throws(SQLiteError) {
    let isMissing = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = '\(index.name)'"
    if try connection.value(isMissing) == 0 { try connection.execute(index.statement) }
  }

  /// The last line of defence: a table whose rows somebody has changed by hand is not replaced by fewer.
  private func requireAllCopied() throws(SQLiteError) {
    for rewrite in rewrites {
      let rows = try connection.value("SELECT count(*) FROM \(rewrite.table)")
      let copied = try connection.value("SELECT count(*) FROM \(rewrite.copy)")
      guard rows != copied else { continue }
      throw .malformed(
        "table \(rewrite.copy): it has \(copied) rows, \(rewrite.table) has \(rows); remove it with sqlite3 "
          + "and the statement `DROP TABLE \(rewrite.copy)`, then start again")
    }
  }

  // MARK: parts

  private func last(_ key: String, of table: String) throws(SQLiteError) -> Int64 {
    try connection.value("SELECT coalesce(max(\(key)), 0) FROM \(table)")
  }

  /// The rows of all tables, or of all copies: their keys have no gaps to speak of.
  private func sum(_ table: (Rewrite) -> String) throws(SQLiteError) -> Int64 {
    var sum: Int64 = 0
    for rewrite in rewrites { sum += try last(rewrite.key, of: table(rewrite)) }
    return sum
  }

  private func step<Value>(_ body: () throws(SQLiteError) -> Value) throws(StoreError) -> Value {
    try storing { () throws(SQLiteError) in try connection.inStep(body) }
  }

  private func storing<Value>(_ body: () throws(SQLiteError) -> Value) throws(StoreError) -> Value {
    do { return try body() } catch { throw StoreError(error) }
  }
}
