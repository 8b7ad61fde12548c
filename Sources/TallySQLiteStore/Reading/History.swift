// Walking a user's ledger backwards.
//
// Invariants:
// 1. One page takes at most three statements, whatever the number of rows, and examines at most
//    `maximumExaminedRows`; a page that ends there says where to go on, even when it is not full.
// 2. `at` never decreases along the sequence, which has no gap: a time becomes a sequence by bisection.
// 3. A page begins at the row before its end, found by skipping, and goes on from row to row.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class History {
  /// Rows that one page looks at; keeps a snapshot short when few rows match.
  static let maximumExaminedRows = 10_000

  static let pageSQL = """
    WITH RECURSIVE \(BackPointers.back(account: "?1", before: "?3")),
    \(BackPointers.walk(account: "?1", from: "SELECT min(sequence) AS sequence FROM back", after: "?2"))
    SELECT \(LedgerTable.selected) FROM walk CROSS JOIN ledger l ON l.sequence = walk.sequence
    CROSS JOIN account a ON a.id = l.account WHERE l.account = ?1 AND l.sequence < ?3
    """
  static let spenderPageSQL = """
    SELECT \(LedgerTable.selected) FROM ledger l JOIN account a ON a.id = l.account
    WHERE l.account = ?1 AND l.spender = ?4 AND l.sequence > ?2 AND l.sequence < ?3
    ORDER BY l.sequence DESC
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
  private let spenderPage: Statement
  private let lastBefore: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    page = try connection.prepare(Self.pageSQL)
    spenderPage = try connection.prepare(Self.spenderPageSQL)
    lastBefore = try connection.prepare(Self.lastBeforeSQL)
  }

  func page(account: Int64, _ filter: TransactionFilter) throws(SQLiteError) -> Page<Entry> {
    var after: Int64 = 0
    var before = filter.beforeSequence ?? Int64.max
    if let fromMicros = filter.fromMicros { after = try lastSequence(beforeMicros: fromMicros) }
    if let toMicros = filter.toMicros { before = min(before, try lastSequence(beforeMicros: toMicros) + 1) }
    let types = Set(filter.types)
    let page = filter.spender.isEmpty ? page : spenderPage
    page.bind(account)
    page.bind(after)
    page.bind(before)
    if !filter.spender.isEmpty { page.bind(filter.spender) }
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
      var columns = page.columns()
      last = columns.int()
      let type = LedgerTable.type(&columns)
      // The other columns of a row that is not asked for are not read.
      if !types.isEmpty {
        guard let type, types.contains(type) else { continue }
      }
      let entry = try LedgerTable.entry(sequence: last, type: type, &columns)
      try columns.end()
      guard filter.metadata.allSatisfy({ wanted in entry.text.metadata.contains { $0.isExactly(wanted) } })
      else { continue }
      rows.append(entry)
    }
    return Page(rows: rows, nextBefore: nil)
  }

  /// Zero when there is none.
  func lastSequence(beforeMicros micros: Int64) throws(SQLiteError) -> Int64 {
    lastBefore.bind(micros)
    return try lastBefore.firstInt() ?? 0
  }
}

extension MetadataEntry {
  fileprivate func isExactly(_ other: MetadataEntry) -> Bool {
    key.isExactly(other.key) && value.isExactly(other.value)
  }
}
