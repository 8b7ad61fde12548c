// Runs, written.
//
// Invariants:
// 1. A run's row is written in the transaction of the ledger rows that it caused, at their place.
// 2. A run is made once and ended once; nothing but its expiry changes in between.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

final class RunSaver {
  static let extendSQL = "UPDATE run SET expires_at = ?2 WHERE id = ?1"

  private let insert: Statement
  private let finish: Statement
  private let extend: Statement
  private let last: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    insert = try connection.prepare(
      """
      INSERT INTO run(id, run_id, account, model, type, status, estimate, hold_id, input_tokens,
        output_tokens, images, cost, charged, uncollected, started_at, finished_at, expires_at, error,
        recorded, digest,
        commit_sequence, commit_position, finish_digest, finish_commit_sequence, finish_commit_position,
        finish_sequence)
      VALUES (?22, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
        ?20, ?21, ?23, ?24, ?25, ?26)
      """)
    finish = try connection.prepare(
      """
      UPDATE run SET status = ?2, input_tokens = ?3, output_tokens = ?4, images = ?5, cost = ?6,
        charged = ?7, uncollected = ?8, finished_at = ?9, error = ?10, finish_digest = ?11,
        finish_commit_sequence = ?12, finish_commit_position = ?13, finish_sequence = ?14, expires_at = ?15
      WHERE id = ?1
      """)
    extend = try connection.prepare(Self.extendSQL)
    last = try connection.prepare("SELECT coalesce(max(id), 0) FROM run")
  }

  /// The highest id in use, or zero.
  func lastId() throws(SQLiteError) -> Int64 {
    defer { last.reset() }
    return try last.step() ? try last.counted(0) : 0
  }

  /// Makes the row of a run, which may have ended in the same commit.
  func make(_ stored: StoredRun) throws(SQLiteError) {
    let run = stored.run
    insert.bind(1, run.runId)
    insert.bind(2, stored.account)
    insert.bind(3, run.model)
    insert.bind(4, run.type)
    insert.bind(5, Int64(run.status.rawValue))
    insert.bind(6, run.estimateMicros)
    insert.bind(7, run.holdId)
    insert.bind(8, run.inputTokens)
    insert.bind(9, run.outputTokens)
    insert.bind(10, run.images)
    insert.bind(11, run.costMicros)
    insert.bind(12, run.chargedMicros)
    insert.bind(13, run.uncollectedMicros)
    insert.bind(14, run.startedAtMicros)
    insert.bind(15, run.finishedAtMicros)
    insert.bind(16, run.expiresAtMicros)
    insert.bind(17, run.error)
    insert.bind(18, run.isRecorded ? 1 : 0)
    insert.bind(19, stored.digest.bytes)
    insert.bind(20, stored.commit.sequence)
    insert.bind(21, Int64(stored.commit.position))
    insert.bind(22, run.id)
    insert.bind(23, stored.finish?.digest.bytes)
    insert.bind(24, stored.finish?.commit.sequence)
    insert.bind(25, stored.finish.map { Int64($0.commit.position) })
    insert.bind(26, stored.finish?.sequence)
    try insert.run()
  }

  /// Writes how a run ended.
  func finish(_ run: Run, _ end: StoredRun.Finish) throws(SQLiteError) {
    finish.bind(1, run.id)
    finish.bind(2, Int64(run.status.rawValue))
    finish.bind(3, run.inputTokens)
    finish.bind(4, run.outputTokens)
    finish.bind(5, run.images)
    finish.bind(6, run.costMicros)
    finish.bind(7, run.chargedMicros)
    finish.bind(8, run.uncollectedMicros)
    finish.bind(9, run.finishedAtMicros)
    finish.bind(10, run.error)
    finish.bind(11, end.digest.bytes)
    finish.bind(12, end.commit.sequence)
    finish.bind(13, Int64(end.commit.position))
    finish.bind(14, end.sequence)
    // Its hold may have been extended in the same commit.
    finish.bind(15, run.expiresAtMicros)
    try finish.run()
  }

  /// Lets a running run count against the quota for as long as its hold is open.
  func extend(_ run: Run) throws(SQLiteError) {
    extend.bind(1, run.id)
    extend.bind(2, run.expiresAtMicros)
    try extend.run()
  }
}
