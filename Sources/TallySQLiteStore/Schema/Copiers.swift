// Rows of version 4 copied to the tables of version 5.
//
// Invariants:
// 1. What a row says stays as it is, and so does its hash; only what is not in the hash is added.
// 2. A row that makes no sense is copied as it is, for verification to name. It stops nothing.
//
// Owner: the thread that opens the engine.

internal import TallyCore
internal import TallySQLite

final class LedgerCopier: RowCopier {
  /// A user's row as those after it need it.
  private struct Place {
    var sequence: Int64 = 0
    var marks = SkipMarks()
  }

  private struct Row {
    var sequence: Int64
    var account: Int64
    var version: Int64
    var periodStartMicros: Int64?
    /// The lot that it wrote off.
    var expiredLot: Int64?
  }

  private let rows: Statement
  private let last: Statement
  private let skip: Statement
  private let insert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    rows = try connection.prepare(
      """
      SELECT sequence, account, version, iif(type = 3, period_start, NULL), iif(type = 9, lots, NULL)
      FROM ledger WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence
      """)
    last = try connection.prepare(
      """
      SELECT sequence, version, skip FROM new_ledger
      WHERE sequence = (SELECT max(sequence) FROM ledger WHERE account = ?1 AND sequence <= ?2)
      """)
    skip = try connection.prepare("SELECT sequence, version, skip FROM new_ledger WHERE sequence = ?1")
    insert = try connection.prepare(
      """
      INSERT INTO new_ledger(\(Schema.oldLedger), previous, skip, refers_to, period_start_day)
        SELECT \(Schema.oldLedger), ?2, ?3, ?4, ?5 FROM ledger WHERE sequence = ?1
      """)
  }

  func copy(after: Int64, through: Int64) throws(SQLiteError) {
    var places: [Int64: Place] = [:]
    rows.bind(after)
    rows.bind(through)
    for row in try rows.all(Self.row) {
      var place = if let known = places[row.account] { known } else { try self.place(row.account, after) }
      let skip = place.marks.pass(version: row.version, sequence: row.sequence)
      insert.bind(row.sequence)
      insert.bind(place.sequence)
      insert.bind(skip)
      insert.bind(row.expiredLot)
      insert.bind(row.periodStartMicros.map { floorDivide($0, Civil.microsPerDay) })
      try insert.run()
      place.sequence = row.sequence
      places[row.account] = place
    }
  }

  private static func row(_ columns: inout Columns) throws(SQLiteError) -> Row {
    var row = Row(
      sequence: columns.int(), account: columns.int(), version: columns.int(),
      periodStartMicros: columns.optionalInt())
    if let lots = columns.optionalBlob() { row.expiredLot = onlyLot(lots, before: row.sequence) }
    return row
  }

  private static func onlyLot(_ bytes: [UInt8], before sequence: Int64) -> Int64? {
    do throws(SQLiteError) {
      let lots = try Packing.allocations(bytes)
      guard lots.count == 1, let lot = lots.first?.lotId, 0 < lot, lot < sequence else { return nil }
      return lot
    } catch {
      return nil
    }
  }

  /// An account's last row up to a sequence, and what it and those before it have marked.
  private func place(_ account: Int64, _ sequence: Int64) throws(SQLiteError) -> Place {
    last.bind(account)
    last.bind(sequence)
    guard let row = try last.first(Self.link) else { return Place() }
    var place = Place(sequence: row.sequence)
    place.marks.last64 = row.version % 64 == 0 ? row.sequence : row.skip
    if row.version >= 4_096 { place.marks.last4096 = try farMark(from: place.marks.last64) }
    return place
  }

  /// The last row whose version is a multiple of 4,096: at most 63 others come before it.
  private func farMark(from sequence: Int64) throws(SQLiteError) -> Int64 {
    var sequence = sequence
    for _ in 0..<64 {
      skip.bind(sequence)
      guard let row = try skip.first(Self.link) else { return 0 }
      if row.version % 4_096 == 0 { return row.sequence }
      sequence = row.skip
    }
    return 0
  }

  private static func link(_ row: inout Columns) -> (sequence: Int64, version: Int64, skip: Int64) {
    (row.int(), row.int(), row.int())
  }
}

final class RunCopier: RowCopier {
  private let insert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    insert = try connection.prepare(
      """
      INSERT INTO new_run(\(Schema.oldRun))
        SELECT \(Schema.oldRun) FROM run WHERE id > ?1 AND id <= ?2 ORDER BY id
      """)
  }

  func copy(after: Int64, through: Int64) throws(SQLiteError) {
    insert.bind(after)
    insert.bind(through)
    try insert.run()
  }
}
