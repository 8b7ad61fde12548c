// Walking a user's ledger backwards.
//
// Invariants:
// 1. One page takes at most three statements, whatever the number of rows, and examines at most
//    `maximumExaminedRows`; a page that ends there says where to go on, even when it is not full.
// 2. `at` never decreases along the sequence, which has no gap: a time becomes a sequence by bisection.
// 3. One of three small interfaces between the engine and how the ledger is indexed (with `KeyIndex` and
//    `AccountTable`).
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

final class History {
  /// Rows that one page looks at; keeps a snapshot short when few rows match.
  static let maximumExaminedRows = 10_000

  static let pageSQL = """
    SELECT \(LedgerReader.columns) FROM ledger l JOIN account a ON a.id = l.account
    WHERE l.account = ?1 AND l.sequence > ?2 AND l.sequence < ?3 ORDER BY l.sequence DESC
    """
  /// The last sequence before a time, or zero.
  static let lastBeforeSQL = """
    WITH RECURSIVE probe(low, high) AS (
      SELECT 0, ledger_sequence + 1 FROM meta WHERE id = 1
      UNION ALL
      SELECT
        CASE WHEN (SELECT at FROM ledger WHERE sequence = (low + high) / 2) < ?1
          THEN (low + high) / 2 ELSE low END,
        CASE WHEN (SELECT at FROM ledger WHERE sequence = (low + high) / 2) < ?1
          THEN high ELSE (low + high) / 2 END
      FROM probe WHERE high - low > 1
    )
    SELECT low FROM probe WHERE high - low = 1
    """

  private let page: Statement
  private let lastBefore: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    page = try connection.prepare(Self.pageSQL)
    lastBefore = try connection.prepare(Self.lastBeforeSQL)
  }

  func page(account: Int64, _ filter: TransactionFilter) throws(SQLiteError) -> Page<Entry> {
    var after: Int64 = 0
    var before = filter.beforeSequence ?? Int64.max
    if let fromMicros = filter.fromMicros { after = try lastSequence(beforeMicros: fromMicros) }
    if let toMicros = filter.toMicros { before = min(before, try lastSequence(beforeMicros: toMicros) + 1) }
    let types = Set(filter.types)
    page.bind(1, account)
    page.bind(2, after)
    page.bind(3, before)
    defer { page.reset() }
    var rows: [Entry] = []
    var examined = 0
    var last: Int64 = 0
    while try page.step() {
      // A row more than asked for says that there is a next page.
      if rows.count == filter.limit || examined == Self.maximumExaminedRows {
        return Page(rows: rows, nextBefore: last)
      }
      examined += 1
      last = page.int(0)
      if !types.isEmpty {
        guard let type = TransactionType(rawValue: Int32(truncatingIfNeeded: page.int(1))),
          types.contains(type)
        else { continue }
      }
      let entry = try LedgerReader.entry(page)
      guard filter.metadata.allSatisfy({ wanted in entry.text.metadata.contains { $0.isExactly(wanted) } })
      else { continue }
      rows.append(entry)
    }
    return Page(rows: rows, nextBefore: nil)
  }

  private func lastSequence(beforeMicros micros: Int64) throws(SQLiteError) -> Int64 {
    lastBefore.bind(1, micros)
    defer { lastBefore.reset() }
    return try lastBefore.step() ? lastBefore.int(0) : 0
  }
}

extension MetadataEntry {
  fileprivate func isExactly(_ other: MetadataEntry) -> Bool {
    key.isExactly(other.key) && value.isExactly(other.value)
  }
}
