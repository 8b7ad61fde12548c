// Check 4 of runs: what a run was charged is what its ledger rows took, a run under way counts against a
// quota for as long as its hold, and attempts follow each other.
//
// Invariants:
// 1. What its hold captured, by its end or by another hand, and what was drawn with that, pays a run's cost,
//    up to it; what its end drew beside the hold is added (RunRules.swift, invariants 3 and 4). Of the rest
//    it owed what these rows say was owed. Runs under way and those only recorded have no such rows, and were
//    charged nothing.
// 2. An attempt after the first comes after one of the same user that has failed or was cancelled: so
//    attempts have no gap, and at most one of a run id is under way.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyCharges {
  /// What a run's hold captured, and what was drawn or owed with that; what the row of its end drew or owed
  /// beside the hold; whether that row is the run's, written at its end; whether its end captured the hold.
  static let chargesSQL = """
    SELECT r.id, max(r.commit_sequence, coalesce(r.finish_commit_sequence, 0)), r.cost, r.charged,
      (SELECT coalesce(sum(-l.amount), 0) FROM ledger l
        WHERE l.hold_id = r.hold_id AND l.type = 6 AND l.account = r.account AND l.run_id = r.run_id),
      (SELECT coalesce(sum(l.owed_amount), 0) FROM ledger l
        WHERE l.hold_id = r.hold_id AND l.type = 6 AND l.account = r.account AND l.run_id = r.run_id),
      coalesce((SELECT -l.amount FROM ledger l
        WHERE l.sequence = r.finish_sequence AND l.type = 6 AND l.hold_id IS NULL), 0),
      coalesce((SELECT l.owed_amount FROM ledger l
        WHERE l.sequence = r.finish_sequence AND l.type IN (6, 17) AND l.hold_id IS NULL), 0),
      EXISTS (SELECT 1 FROM ledger l
        WHERE l.sequence = r.finish_sequence AND l.account = r.account AND l.run_id = r.run_id
          AND coalesce(l.attempt, 1) = r.attempt AND l.spender IS r.spender
          AND l.commit_sequence = r.finish_commit_sequence AND l.commit_position = r.finish_commit_position),
      EXISTS (SELECT 1 FROM ledger l
        WHERE l.hold_id = r.hold_id AND l.type = 6 AND l.account = r.account
          AND l.commit_sequence = r.finish_commit_sequence AND l.commit_position = r.finish_commit_position),
      r.owed, r.finish_sequence, r.status, r.expires_at,
      (SELECT h.expires_at FROM hold h WHERE h.id = r.hold_id),
      r.attempt = 1 OR EXISTS (SELECT 1 FROM run b
        WHERE b.run_id = r.run_id AND b.attempt = r.attempt - 1 AND b.account = r.account
          AND b.status IN (3, 4)),
      r.attempt = 1 OR NOT r.recorded,
      r.hold_id IS NULL OR EXISTS (SELECT 1 FROM hold h WHERE h.id = r.hold_id AND h.spender IS r.spender),
      r.estimate, coalesce((SELECT h.amount FROM hold h WHERE h.id = r.hold_id), 0)
    FROM run r WHERE r.id > ?1 ORDER BY r.id LIMIT ?2
    """

  private let charges: Statement
  /// The last one that a run was seen to name; runs may come without ledger rows.
  private(set) var lastCommit: Int64 = 0

  init(_ connection: Connection) throws(SQLiteError) {
    charges = try connection.prepare(Self.chargesSQL)
  }

  /// Compares the next slice of runs with their ledger rows.
  /// - Returns: the last run; nil when there is none.
  func compare(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    charges.bind(id)
    charges.bind(VerifyReader.sliceRows)
    defer { charges.reset() }
    var last: Int64?
    while try charges.step() {
      tally.examined += 1
      last = try charges.row { (row) in compare(&row, &tally) }
    }
    return last
  }

  /// - Returns: the run.
  private func compare(_ row: inout Columns, _ tally: inout VerifyTally) -> Int64 {
    let id = row.int()
    let name = "run row \(id)"
    lastCommit = max(lastCommit, row.int())
    let (cost, charged, captured, owedThen) = (row.int(), row.int(), row.int(), row.int())
    let (drawn, owedAtEnd) = (row.int(), row.int())
    let paid = min(cost, captured)
    let rows = paid.addingReportingOverflow(drawn).partialValue
    tally.expect(charged == rows, "\(name): charged \(charged), its ledger rows took \(rows)")
    let (isOfItsEnd, hasCaptured) = (row.int() == 1, row.int() == 1)
    let owedOfRows = min(cost &- paid, owedThen).addingReportingOverflow(owedAtEnd).partialValue
    let owed = row.int()
    tally.expect(owed == owedOfRows, "\(name): owed \(owed), its ledger rows say \(owedOfRows)")
    if let sequence = row.optionalInt() {
      tally.expect(isOfItsEnd, "\(name): ledger row \(sequence) is not of its end")
    } else {
      tally.expect(!hasCaptured, "\(name): its end has captured its hold, and names no ledger row")
    }
    let isRunning = row.int() == Int64(RunStatus.running.rawValue)
    let expiresAtMicros = row.int()
    let holdMicros = row.optionalInt()
    if let holdMicros, isRunning {
      tally.expect(
        expiresAtMicros == holdMicros,
        "\(name): it counts against a quota until \(expiresAtMicros), its hold expires at \(holdMicros)")
    }
    tally.expect(row.int() == 1, "\(name): the attempt before it has not failed and was not cancelled")
    tally.expect(row.int() == 1, "\(name): it was recorded as a further attempt")
    tally.expect(row.int() == 1, "\(name): its hold names another spender")
    let (estimate, held) = (row.int(), row.int())
    tally.expect(estimate == held, "\(name): an estimate of \(estimate), its hold is of \(held)")
    return id
  }
}
