// Check 6 of caps: what is counted for them is what the ledger, the holds and the runs come to, and an
// account says how many caps its lists have.
//
// Invariants:
// 1. Counters are compared in the window up to which they were counted; what belongs to earlier ones counts
//    nowhere any more.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyCaps {
  static let accountsSQL = """
    SELECT a.id, a.own_caps, a.cap_counted, EXISTS(SELECT 1 FROM cap_list l WHERE l.account = a.id),
      EXISTS(SELECT 1 FROM cap_counter c WHERE c.account = a.id)
    FROM account a WHERE a.id > ?1 ORDER BY a.id LIMIT ?2
    """
  static let countersSQL = "SELECT spender, zone, counters FROM cap_counter WHERE account = ?1"

  private let accounts: Statement
  private let counters: Statement
  private let lists: CapTable
  private let facts: CapFactTable

  private struct Row {
    var account: Int64
    var ownCaps: Int64
    var isCounted: Bool
    var hasLists: Bool
    var hasCounters: Bool
  }

  init(_ connection: Connection) throws(SQLiteError) {
    accounts = try connection.prepare(Self.accountsSQL)
    counters = try connection.prepare(Self.countersSQL)
    lists = try CapTable(connection)
    facts = try CapFactTable(connection)
  }

  /// - Returns: the last account that was compared; nil when there is none after it.
  func compare(after account: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    accounts.bind(account)
    accounts.bind(VerifyReader.sliceRows)
    let rows = try accounts.all { (row) in
      Row(
        account: row.int(), ownCaps: row.int(), isCounted: row.int() != 0, hasLists: row.int() != 0,
        hasCounters: row.int() != 0)
    }
    for row in rows {
      // What cannot be read of one account hides nothing of another.
      do throws(SQLiteError) { try compareLists(of: row, &tally) } catch { try add(error, of: row, &tally) }
      do throws(SQLiteError) { try compareCounters(of: row, &tally) } catch {
        try add(error, of: row, &tally)
      }
    }
    return rows.last?.account
  }

  private func add(_ error: SQLiteError, of row: Row, _ tally: inout VerifyTally) throws(SQLiteError) {
    guard error.isOfDecoding else { throw error }
    tally.add("account \(row.account): \(error.message)")
  }

  private func compareLists(of row: Row, _ tally: inout VerifyTally) throws(SQLiteError) {
    guard row.hasLists || row.ownCaps != 0 else { return }
    let count = try lists.lists(account: row.account).reduce(0) { $0 + $1.caps.count }
    tally.expect(
      row.ownCaps == Int64(count), "account \(row.account): \(row.ownCaps) caps, its lists have \(count)")
  }

  private func compareCounters(of row: Row, _ tally: inout VerifyTally) throws(SQLiteError) {
    guard row.hasCounters else { return }
    let account = row.account
    tally.expect(row.isCounted, "account \(account): it does not know that its caps are counted")
    counters.bind(account)
    let stored = try counters.all { (row) throws(SQLiteError) in
      (spender: row.text(), counters: try CapCounterTable.counters(&row))
    }
    let starts = stored.flatMap { $0.counters.bySubject.values.map(\.span.lowerBound) }
    let query = CapFactQuery(
      account: account, spender: "", fromMicros: starts.min() ?? Int64.max, hasRuns: true)
    let facts = try facts.facts(query).all
    for (spender, counters) in stored {
      tally.examined += 1
      let ofWhom = spender.isEmpty ? "account \(account)" : "account \(account), spender \(spender)"
      let counted = counters.countedAgain(from: facts, spender: ExactText(spender))
      for (subject, counter) in counters.bySubject where counted.bySubject[subject] != counter {
        let found = counted.bySubject[subject]?.used ?? 0
        tally.add("\(ofWhom): \(counter.used) counted for a cap by \(subject.window), not \(found)")
      }
    }
  }
}
