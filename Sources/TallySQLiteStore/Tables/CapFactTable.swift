// What counts for caps, found in the ledger, the holds and the runs.
//
// Invariants:
// 1. A row of the ledger is of a run when it settles the run's own hold, or when nobody asked for it and it
//    has no hold: only the end of a run that had none any more makes such a row.
// 2. Nothing is written before the time to which it belongs, so rows from before a time are not looked at.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class CapFactTable {
  static let chargesSQL = """
    SELECT l.spender, iif(l.type = \(TransactionType.owed.rawValue), l.owed_amount, -l.amount),
      coalesce(h.created_at, r.started_at, l.at), r.model, r.type
    FROM ledger l
    LEFT JOIN hold h ON h.id = l.hold_id
    LEFT JOIN run r ON r.run_id = l.run_id AND r.attempt = coalesce(l.attempt, 1)
      AND iif(l.hold_id IS NULL, l.key IS NULL, r.hold_id = l.hold_id)
    WHERE l.account = ?1 AND l.sequence > ?2 AND (l.type = \(TransactionType.apiUsage.rawValue)
      OR l.type = \(TransactionType.owed.rawValue) AND l.refers_to IS NULL)
    """
  static let holdsSQL = """
    SELECT h.id, h.spender, h.amount, h.created_at, r.model, r.type
    FROM hold h LEFT JOIN run r
      ON r.run_id = h.run_id AND r.attempt = coalesce(h.attempt, 1) AND r.hold_id = h.id
    WHERE h.account = ?1 AND h.state = 1 AND h.created_at >= ?2
    """
  static let succeededSQL =
    "SELECT spender, started_at, model, type FROM run WHERE account = ?1 AND started_at >= ?2 AND status = 2"

  private let history: History
  private let charges: Statement
  private let holds: Statement
  private let succeeded: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    history = try History(connection)
    charges = try connection.prepare(Self.chargesSQL)
    holds = try connection.prepare(Self.holdsSQL)
    succeeded = try connection.prepare(Self.succeededSQL)
  }

  /// What belongs to a time or to later ones.
  func facts(account: Int64, fromMicros: Int64) throws(SQLiteError) -> StoredCapFacts {
    var facts = StoredCapFacts()
    charges.bind(account)
    charges.bind(try history.lastSequence(beforeMicros: fromMicros))
    facts.charges = try charges.all { (row) in
      CapFact(
        spender: row.text(), micros: row.int(), atMicros: row.int(), model: row.text(), type: row.text())
    }
    holds.bind(account)
    holds.bind(fromMicros)
    let open = try holds.all { (row) in
      (
        row.int(),
        CapFact(
          spender: row.text(), micros: row.int(), atMicros: row.int(), model: row.text(), type: row.text())
      )
    }
    facts.holds = Dictionary(open) { $1 }
    succeeded.bind(account)
    succeeded.bind(fromMicros)
    facts.runs = try succeeded.all { (row) in
      CapFact(
        spender: row.text(), generations: 1, atMicros: row.int(), model: row.text(), type: row.text())
    }
    return facts
  }
}
