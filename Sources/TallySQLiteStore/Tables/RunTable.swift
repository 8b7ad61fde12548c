// Runs, written and read.
//
// Invariants:
// 1. A page is one statement and examines at most `History.maximumExaminedRows`; a page that ends there
//    says where to go on, even when it is not full.
// 2. A run's row is written in the transaction of the ledger rows that it caused, at their place.
// 3. A run is made once and ended once; nothing but its expiry changes in between.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class RunTable {
  /// What a run says, but for its user.
  private static let columns = ColumnList(
    "id", "run_id", "attempt", "model", "type", "status", "started_at", "estimate", "hold_id", "input_tokens",
    "output_tokens", "images", "cost", "charged", "uncollected", "owed", "finished_at", "expires_at",
    "error", "recorded", "provider_cost", "units", "breakdown", "price_version", "plan_id",
    "tags", "spender")
  /// What replays need.
  private static let requests = ColumnList(
    "account", "digest", "commit_sequence", "commit_position", "finish_digest", "finish_commit_sequence",
    "finish_commit_position", "finish_sequence")
  /// What the end of a run changes in its row. Its hold may have been extended in the same commit.
  private static let changing = ColumnList(
    "status", "input_tokens", "output_tokens", "images", "cost", "charged", "uncollected", "owed",
    "finished_at", "expires_at", "error", "provider_cost", "units", "breakdown", "price_version", "plan_id",
    "tags", "finish_digest", "finish_commit_sequence", "finish_commit_position",
    "finish_sequence")
  /// The columns of a run `r` and its account `a`, as `run(_:)` takes them.
  static let selected = "\(columns.of("r")), a.user_id"

  static let newestSQL = """
    SELECT \(selected), \(requests.of("r"))
    FROM run r JOIN account a ON a.id = r.account WHERE r.run_id = ?1 ORDER BY r.attempt DESC LIMIT 1
    """
  static let byAttemptSQL = """
    SELECT \(selected), \(requests.of("r"))
    FROM run r JOIN account a ON a.id = r.account WHERE r.run_id = ?1 AND r.attempt = ?2
    """
  static let openCountSQL =
    "SELECT count(*) FROM run WHERE account = ?1 AND status = 1 AND expires_at > ?2"
  static let underWaySQL = """
    SELECT spender, started_at, model, type FROM run WHERE account = ?1 AND status = 1 AND expires_at > ?2
    """
  /// Started at ?2 or later and before the place (?3, ?4).
  static let pageSQL = """
    SELECT \(selected) FROM run r JOIN account a ON a.id = r.account
    WHERE r.account = ?1 AND r.started_at >= ?2 AND (r.started_at, r.id) < (?3, ?4)
    ORDER BY r.started_at DESC, r.id DESC
    """
  static let recentSQL = """
    SELECT \(selected) FROM run r JOIN account a ON a.id = r.account
    WHERE r.account = ?1 ORDER BY r.started_at DESC, r.id DESC LIMIT ?2
    """
  static let recentOfAllSQL = """
    SELECT \(selected) FROM run r JOIN account a ON a.id = r.account
    ORDER BY r.started_at DESC, r.id DESC LIMIT ?1
    """

  private let newest: Statement
  private let byAttempt: Statement
  private let openCount: Statement
  private let underWay: Statement
  private let page: Statement
  private let recent: Statement
  private let recentOfAll: Statement
  private let insert: Statement
  private let finish: Statement
  private let extend: Statement
  private let last: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    newest = try connection.prepare(Self.newestSQL)
    byAttempt = try connection.prepare(Self.byAttemptSQL)
    openCount = try connection.prepare(Self.openCountSQL)
    underWay = try connection.prepare(Self.underWaySQL)
    page = try connection.prepare(Self.pageSQL)
    recent = try connection.prepare(Self.recentSQL)
    recentOfAll = try connection.prepare(Self.recentOfAllSQL)
    let written = Self.columns + Self.requests
    insert = try connection.prepare("INSERT INTO run(\(written)) VALUES (\(written.parameters))")
    finish = try connection.prepare("UPDATE run SET \(Self.changing.assigned(from: 2)) WHERE id = ?1")
    extend = try connection.prepare("UPDATE run SET expires_at = ?2 WHERE id = ?1")
    last = try connection.prepare("SELECT coalesce(max(id), 0) FROM run")
  }

  // MARK: reading

  /// - Parameter attempt: nil for the newest.
  func run(runId: String, attempt: Int32?) throws(SQLiteError) -> StoredRun? {
    let statement = attempt == nil ? newest : byAttempt
    statement.bind(runId)
    if let attempt { statement.bind(Int64(attempt)) }
    return try statement.first { (row) throws(SQLiteError) in
      var stored = StoredRun(
        run: try Self.run(&row), account: row.int(), digest: Digest(bytes: row.blob()),
        commit: row.commitPoint())
      let (digest, commit, sequence) = (row.optionalBlob(), row.commitPoint(), row.optionalInt())
      if let digest {
        stored.finish = StoredRun.Finish(digest: Digest(bytes: digest), commit: commit, sequence: sequence)
      }
      return stored
    }
  }

  /// Runs under way that still count against a quota.
  func openCount(account: Int64, nowMicros: Int64) throws(SQLiteError) -> Int64 {
    openCount.bind(account)
    openCount.bind(nowMicros)
    return try openCount.firstInt() ?? 0
  }

  /// What the same runs count for caps.
  func underWay(account: Int64, nowMicros: Int64) throws(SQLiteError) -> UnderWay {
    underWay.bind(account)
    underWay.bind(nowMicros)
    defer { underWay.reset() }
    var found = UnderWay()
    while try underWay.step() {
      try underWay.row { (row) in
        found.add(spender: row.text(), startedAtMicros: row.int(), model: row.text(), type: row.text())
      }
    }
    return found
  }

  /// The last ones to start, newest first.
  /// - Parameter account: nil for those of all users.
  func recent(account: Int64?, limit: Int) throws(SQLiteError) -> [Run] {
    let statement = account == nil ? recentOfAll : recent
    if let account { statement.bind(account) }
    statement.bind(Int64(limit))
    return try statement.all(Self.run)
  }

  func page(account: Int64, _ filter: RunFilter) throws(SQLiteError) -> RunPage {
    var before = filter.before ?? RunPlace(startedAtMicros: Int64.max, id: Int64.max)
    if let toMicros = filter.toMicros, toMicros <= before.startedAtMicros {
      // Before the first of that moment: ids count from 1.
      before = RunPlace(startedAtMicros: toMicros, id: 0)
    }
    page.bind(account)
    page.bind(filter.fromMicros ?? 0)
    page.bind(before.startedAtMicros)
    page.bind(before.id)
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
      let run = try page.row(Self.run)
      last = run.place
      if filter.matches(run) { runs.append(run) }
    }
    return RunPage(runs: runs, nextBefore: nil)
  }

  /// Takes what is `selected`.
  static func run(_ row: inout Columns) throws(SQLiteError) -> Run {
    let id = row.int()
    let (runId, attempt) = (row.text(), row.int32())
    let (model, type) = (row.text(), row.text())
    guard let status = RunStatus(rawValue: row.int32()) else { throw .malformed("status of run \(id)") }
    var run = Run(
      runId: runId, userId: "", model: model, type: type, status: status, startedAtMicros: row.int())
    run.id = id
    run.attempt = attempt
    run.estimateMicros = row.int()
    run.holdId = row.optionalInt()
    run.inputTokens = row.int()
    run.outputTokens = row.int()
    run.images = row.int()
    run.costMicros = row.int()
    run.chargedMicros = row.int()
    run.uncollectedMicros = row.int()
    run.owedMicros = row.int()
    run.finishedAtMicros = row.optionalInt()
    run.expiresAtMicros = row.optionalInt()
    run.error = row.text()
    run.isRecorded = row.int() != 0
    run.providerCostMicros = row.int()
    run.units = try row.optionalBlob().map(Packing.units) ?? []
    run.breakdown = try row.optionalBlob().map(Packing.breakdown)
    run.priceVersion = row.int()
    run.planId = row.optionalText()
    run.tags = try row.optionalBlob().map(Packing.tags) ?? []
    run.spender = row.text()
    run.userId = row.text()
    return run
  }

  /// The highest id in use, or zero.
  func lastRunId() throws(SQLiteError) -> Int64 {
    try last.first { (row) throws(SQLiteError) in try row.counted() } ?? 0
  }

  // MARK: writing

  /// Makes the row of a run, which may have ended in the same commit.
  func make(_ stored: StoredRun) throws(SQLiteError) {
    let run = stored.run
    insert.bind(run.id)
    insert.bind(run.runId)
    insert.bind(Int64(run.attempt))
    insert.bind(run.model)
    insert.bind(run.type)
    insert.bind(Int64(run.status.rawValue))
    insert.bind(run.startedAtMicros)
    insert.bind(run.estimateMicros)
    insert.bind(run.holdId)
    insert.bind(run.inputTokens)
    insert.bind(run.outputTokens)
    insert.bind(run.images)
    insert.bind(run.costMicros)
    insert.bind(run.chargedMicros)
    insert.bind(run.uncollectedMicros)
    insert.bind(run.owedMicros)
    insert.bind(run.finishedAtMicros)
    insert.bind(run.expiresAtMicros)
    insert.bind(run.error)
    insert.bind(run.isRecorded ? 1 : 0)
    bindPrices(of: run, to: insert)
    insert.bind(run.spender.isEmpty ? nil : run.spender)
    insert.bind(stored.account)
    insert.bind(stored.digest.bytes)
    insert.bind(stored.commit.sequence)
    insert.bind(Int64(stored.commit.position))
    bind(stored.finish, to: insert)
    try insert.run()
  }

  /// Writes how a run ended.
  func finish(_ run: Run, _ end: StoredRun.Finish) throws(SQLiteError) {
    finish.bind(run.id)
    finish.bind(Int64(run.status.rawValue))
    finish.bind(run.inputTokens)
    finish.bind(run.outputTokens)
    finish.bind(run.images)
    finish.bind(run.costMicros)
    finish.bind(run.chargedMicros)
    finish.bind(run.uncollectedMicros)
    finish.bind(run.owedMicros)
    finish.bind(run.finishedAtMicros)
    finish.bind(run.expiresAtMicros)
    finish.bind(run.error)
    bindPrices(of: run, to: finish)
    bind(end, to: finish)
    try finish.run()
  }

  private func bindPrices(of run: Run, to statement: Statement) {
    statement.bind(run.providerCostMicros == 0 ? nil : run.providerCostMicros)
    statement.bind(run.units.isEmpty ? nil : Packing.pack(run.units))
    statement.bind(run.breakdown.map(Packing.pack))
    statement.bind(run.priceVersion == 0 ? nil : run.priceVersion)
    statement.bind(run.planId)
    statement.bind(run.tags.isEmpty ? nil : Packing.pack(run.tags))
  }

  private func bind(_ end: StoredRun.Finish?, to statement: Statement) {
    statement.bind(end?.digest.bytes)
    statement.bind(end?.commit.sequence)
    statement.bind(end.map { Int64($0.commit.position) })
    statement.bind(end?.sequence)
  }

  /// Lets a running run count against the quota for as long as its hold is open.
  func extend(_ run: Run) throws(SQLiteError) {
    extend.bind(run.id)
    extend.bind(run.expiresAtMicros)
    try extend.run()
  }
}

extension RunFilter {
  /// What is not in the statement.
  fileprivate func matches(_ run: Run) -> Bool {
    (statuses.isEmpty || statuses.contains(run.status)) && (model.isEmpty || model.isExactly(run.model))
      && (type.isEmpty || type.isExactly(run.type))
      && (spender.isEmpty || spender.isExactly(run.spender))
  }
}
