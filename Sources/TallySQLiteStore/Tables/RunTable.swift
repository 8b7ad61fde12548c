// Runs, written and read.
//
// Invariants:
// 1. A page is one statement and examines at most `History.maximumExaminedRows`; a page that ends there
//    says where to go on, even when it is not full.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads runs.
final class RunReader {
  /// Of a run and its account; `run(_:)` reads them in this order.
  static let columns = """
    r.id, r.run_id, a.user_id, r.model, r.type, r.status, r.estimate, r.hold_id, r.input_tokens,
    r.output_tokens, r.images, r.cost, r.charged, r.uncollected, r.started_at, r.finished_at, r.expires_at,
    r.error, r.recorded
    """
  static let byRunIdSQL = """
    SELECT \(columns), r.account, r.digest, r.commit_sequence, r.commit_position, r.finish_digest,
      r.finish_commit_sequence, r.finish_commit_position, r.finish_sequence
    FROM run r JOIN account a ON a.id = r.account WHERE r.run_id = ?1
    """
  static let openCountSQL =
    "SELECT count(*) FROM run WHERE account = ?1 AND status = 1 AND expires_at > ?2"
  /// Started at ?2 or later and before the place (?3, ?4).
  static let pageSQL = """
    SELECT \(columns) FROM run r JOIN account a ON a.id = r.account
    WHERE r.account = ?1 AND r.started_at >= ?2 AND (r.started_at, r.id) < (?3, ?4)
    ORDER BY r.started_at DESC, r.id DESC
    """
  static let recentSQL = """
    SELECT \(columns) FROM run r JOIN account a ON a.id = r.account
    WHERE r.account = ?1 ORDER BY r.started_at DESC, r.id DESC LIMIT ?2
    """
  static let recentOfAllSQL = """
    SELECT \(columns) FROM run r JOIN account a ON a.id = r.account
    ORDER BY r.started_at DESC, r.id DESC LIMIT ?1
    """

  private let byRunId: Statement
  private let openCount: Statement
  private let page: Statement
  private let recent: Statement
  private let recentOfAll: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byRunId = try connection.prepare(Self.byRunIdSQL)
    openCount = try connection.prepare(Self.openCountSQL)
    page = try connection.prepare(Self.pageSQL)
    recent = try connection.prepare(Self.recentSQL)
    recentOfAll = try connection.prepare(Self.recentOfAllSQL)
  }

  func run(runId: String) throws(SQLiteError) -> StoredRun? {
    byRunId.bind(1, runId)
    defer { byRunId.reset() }
    guard try byRunId.step() else { return nil }
    var stored = StoredRun(
      run: try Self.run(byRunId), account: byRunId.int(19), digest: Digest(bytes: byRunId.blob(20)),
      commit: Self.commit(byRunId, 21))
    if let digest = byRunId.optionalBlob(23) {
      stored.finish = StoredRun.Finish(
        digest: Digest(bytes: digest), commit: Self.commit(byRunId, 24), sequence: byRunId.optionalInt(26))
    }
    return stored
  }

  /// Runs under way that still count against a quota.
  func openCount(account: Int64, nowMicros: Int64) throws(SQLiteError) -> Int64 {
    openCount.bind(1, account)
    openCount.bind(2, nowMicros)
    defer { openCount.reset() }
    return try openCount.step() ? openCount.int(0) : 0
  }

  /// The last ones to start, newest first.
  /// - Parameter account: nil for those of all users.
  func recent(account: Int64?, limit: Int) throws(SQLiteError) -> [Run] {
    let statement = account == nil ? recentOfAll : recent
    if let account { statement.bind(1, account) }
    statement.bind(account == nil ? 1 : 2, Int64(limit))
    defer { statement.reset() }
    var runs: [Run] = []
    while try statement.step() { runs.append(try Self.run(statement)) }
    return runs
  }

  func page(account: Int64, _ filter: RunFilter) throws(SQLiteError) -> RunPage {
    var before = filter.before ?? RunPlace(startedAtMicros: Int64.max, id: Int64.max)
    if let toMicros = filter.toMicros, toMicros <= before.startedAtMicros {
      // Before the first of that moment: ids count from 1.
      before = RunPlace(startedAtMicros: toMicros, id: 0)
    }
    page.bind(1, account)
    page.bind(2, filter.fromMicros ?? 0)
    page.bind(3, before.startedAtMicros)
    page.bind(4, before.id)
    defer { page.reset() }
    var runs: [Run] = []
    var examined = 0
    var last = before
    while try page.step() {
      // A row more than asked for says that there is a next page.
      if runs.count == filter.limit || examined == History.maximumExaminedRows {
        return RunPage(runs: runs, nextBefore: last)
      }
      examined += 1
      let run = try Self.run(page)
      last = run.place
      if filter.matches(run) { runs.append(run) }
    }
    return RunPage(runs: runs, nextBefore: nil)
  }

  private static func commit(_ row: Statement, _ column: Int32) -> CommitPoint {
    CommitPoint(sequence: row.int(column), position: Int32(truncatingIfNeeded: row.int(column + 1)))
  }

  /// The row that a statement which selects `columns` stands on.
  static func run(_ row: Statement) throws(SQLiteError) -> Run {
    guard let status = RunStatus(rawValue: Int32(truncatingIfNeeded: row.int(5))) else {
      throw .malformed("status of run \(row.int(0))")
    }
    var run = Run(
      runId: row.text(1), userId: row.text(2), model: row.text(3), type: row.text(4), status: status,
      startedAtMicros: row.int(14))
    run.id = row.int(0)
    run.estimateMicros = row.int(6)
    run.holdId = row.optionalInt(7)
    run.inputTokens = row.int(8)
    run.outputTokens = row.int(9)
    run.images = row.int(10)
    run.costMicros = row.int(11)
    run.chargedMicros = row.int(12)
    run.uncollectedMicros = row.int(13)
    run.finishedAtMicros = row.optionalInt(15)
    run.expiresAtMicros = row.optionalInt(16)
    run.error = row.text(17)
    run.isRecorded = row.int(18) != 0
    return run
  }
}

extension RunFilter {
  /// What is not in the statement.
  fileprivate func matches(_ run: Run) -> Bool {
    (statuses.isEmpty || statuses.contains(run.status)) && (model.isEmpty || model.isExactly(run.model))
      && (type.isEmpty || type.isExactly(run.type))
  }
}
