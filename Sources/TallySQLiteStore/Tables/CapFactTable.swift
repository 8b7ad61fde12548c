// What counts for caps, found in the ledger, the holds and the runs.
//
// Invariants:
// 1. A row of the ledger is of a run when it settles the run's own hold, or when nobody asked for it and it
//    has no hold: only the end of a run that had none any more makes such a row.
// 2. Nothing is written before the time to which it belongs, so rows from before a time are not looked at.
// 3. Of a spender only the rows that name it are looked at, by an index that has no others.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class CapFactTable {
  static let chargesSQL = """
    WITH RECURSIVE
    \(BackPointers.walk(
      account: "?1", from: "SELECT head AS sequence FROM account WHERE id = ?1", after: "?2"))
    \(charges(of: "walk CROSS JOIN ledger l ON l.sequence = walk.sequence", where: "l.account = ?1"))
    """
  static let spenderChargesSQL = charges(
    of: "ledger l", where: "l.account = ?1 AND l.spender = ?3 AND l.sequence > ?2")

  private static func charges(of rows: String, where condition: String) -> String {
    """
    SELECT l.spender, iif(l.type = \(TransactionType.owed.rawValue), l.owed_amount, -l.amount),
      coalesce(h.created_at, r.started_at, l.at), r.model, r.type
    FROM \(rows)
    LEFT JOIN hold h ON h.id = l.hold_id
    LEFT JOIN run r ON r.run_id = l.run_id AND r.attempt = coalesce(l.attempt, 1)
      AND iif(l.hold_id IS NULL, l.key IS NULL, r.hold_id = l.hold_id)
    WHERE \(condition) AND (l.type = \(TransactionType.apiUsage.rawValue)
      OR l.type = \(TransactionType.owed.rawValue) AND l.refers_to IS NULL)
    """
  }
  static let holdsSQL = """
    SELECT h.id, h.spender, h.amount, h.created_at, r.model, r.type
    FROM hold h LEFT JOIN run r
      ON r.run_id = h.run_id AND r.attempt = coalesce(h.attempt, 1) AND r.hold_id = h.id
    WHERE h.account = ?1 AND h.state = 1 AND h.created_at >= ?2 AND (?3 IS NULL OR h.spender = ?3)
    """
  static let succeededSQL = """
    SELECT spender, started_at, model, type FROM run
    WHERE account = ?1 AND started_at >= ?2 AND status = 2 AND (?3 IS NULL OR spender = ?3)
    """

  private let history: History
  private let charges: Statement
  private let spenderCharges: Statement
  private let holds: Statement
  private let succeeded: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    history = try History(connection)
    charges = try connection.prepare(Self.chargesSQL)
    spenderCharges = try connection.prepare(Self.spenderChargesSQL)
    holds = try connection.prepare(Self.holdsSQL)
    succeeded = try connection.prepare(Self.succeededSQL)
  }

  func facts(_ query: CapFactQuery) throws(SQLiteError) -> StoredCapFacts {
    let spender = query.spender.isEmpty ? nil : query.spender
    var facts = StoredCapFacts()
    let charges = spender == nil ? charges : spenderCharges
    charges.bind(query.account)
    charges.bind(try history.lastSequence(beforeMicros: query.fromMicros))
    if let spender { charges.bind(spender) }
    facts.charges = try charges.all { (row) in
      CapFact(
        spender: row.text(), micros: row.int(), atMicros: row.int(), model: row.text(), type: row.text())
    }
    holds.bind(query.account)
    holds.bind(query.fromMicros)
    holds.bind(spender)
    let open = try holds.all { (row) in
      (
        row.int(),
        CapFact(
          spender: row.text(), micros: row.int(), atMicros: row.int(), model: row.text(), type: row.text())
      )
    }
    facts.holds = Dictionary(open) { $1 }
    guard query.hasRuns else { return facts }
    succeeded.bind(query.account)
    succeeded.bind(query.fromMicros)
    succeeded.bind(spender)
    facts.runs = try succeeded.all { (row) in
      CapFact(
        spender: row.text(), generations: 1, atMicros: row.int(), model: row.text(), type: row.text())
    }
    return facts
  }
}
