// Proves what the ledger promises, on a running engine or on a file.
//
// Invariants:
// 1. The ledger is played back from its first row, in slices; what is stored beside it is compared in the
//    snapshot up to which it was played, so that a running writer disturbs nothing.
// 2. Every violation is counted, and the first of each check name their rows.
//
// Owner: the thread that verifies.

public import TallyCore
internal import TallySQLite

public enum Verifier {
  /// Findings that a check keeps.
  static let maximumFindings = 20
  /// Bytes of one finding; a longer one is cut.
  static let maximumFindingBytes = 240

  /// Verifies a database file that nobody serves.
  /// - Parameters:
  ///   - path: of the file; it is not migrated, and a log beside it is read but left as it is.
  ///   - report: called as checks go on and end, on the calling thread.
  /// - Returns: whether there was no violation.
  /// - Throws: `alreadyRunning` while a daemon serves the file, `otherSchema` for another version's,
  ///   `logDamaged` when commits lie behind damage to the log.
  public static func verify(
    file path: String, enums: VerifyEnums? = nil, report: (VerifyProgress) -> Void
  ) throws(StoreError) -> Bool {
    if DataDirectory.isServed(databasePath: path) {
      throw StoreError(.alreadyRunning, "a daemon serves \(path); verify through its socket")
    }
    let log = try LogRecovery.examine(databasePath: path)
    if let damage = LogRecovery.damage(log, databasePath: path) { throw StoreError(.logDamaged, damage) }
    // What the disk has of the log is for the next start to make sure of. Without one SQLite tidies up.
    let connection = try open(path, checkpointsOnClose: log.wholeFrames == 0 && !log.isUnfinished)
    let version = try SQLiteEngine.opening(path) { () throws(SQLiteError) in
      try connection.value("PRAGMA user_version")
    }
    if version == 0 { throw StoreError(.otherSchema, withoutLedger(path)) }
    guard version == Int64(Schema.version) else {
      throw StoreError(
        .otherSchema, "the file has schema version \(version), this program verifies \(Schema.version)")
    }
    return try SQLiteEngine.opening(path) { () throws(SQLiteError) in
      try verify(connection, enums: enums, report: report)
    }
  }

  private static func withoutLedger(_ path: String) -> String {
    let text = "\(path) holds no Tallystick ledger"
    let log = LogFile.path(ofDatabase: path)
    return DataDirectory.hasLog(databasePath: path)
      ? text : "\(text); if it is a copy of one, \(log) has to be copied with it"
  }

  /// Opens a file, which recovers it; one in a place that takes no writes as it is, if no log stands beside
  /// it.
  private static func open(_ path: String, checkpointsOnClose: Bool) throws(StoreError) -> Connection {
    var options = ConnectionOptions(
      readOnly: false, creates: false, checkpointsOnClose: checkpointsOnClose, cacheKibibytes: 8_192)
    do {
      let connection = try Connection(path: path, options: options)
      _ = try connection.value("SELECT count(*) FROM sqlite_schema")
      return connection
    } catch {
      guard error.isNotWritable || error.kind == .inputOutput, !DataDirectory.hasLog(databasePath: path)
      else { throw StoreError(opening: path, error) }
    }
    options.readOnly = true
    options.isImmutable = true
    return try SQLiteEngine.opening(path) { () throws(SQLiteError) in
      try Connection(path: path, options: options)
    }
  }

  /// - Parameters:
  ///   - connection: read-only, or of a file that nobody serves.
  ///   - cached: compares what a running engine keeps in memory.
  static func verify(
    _ connection: Connection, enums: VerifyEnums?, cached: (inout VerifyTally) -> Void = { _ in },
    report: (VerifyProgress) -> Void
  ) throws(SQLiteError) -> Bool {
    let run = VerifyRun(reader: try VerifyReader(connection))
    run.attempt(.chain, .books, .balances, .allocations) { () throws(SQLiteError) in try run.ledger(report) }
    run.attempt(.balances, .books) { () throws(SQLiteError) in try run.accounts(report) }
    run.attempt(.books, .chain) { () throws(SQLiteError) in try run.totals() }
    run.attempt(.allocations) { () throws(SQLiteError) in try run.holds(report) }
    run.attempt(.allocations) { () throws(SQLiteError) in try run.charges(report) }
    run.attempt(.allocations) { () throws(SQLiteError) in try run.prices(report) }
    run.attempt(.allocations) { () throws(SQLiteError) in try run.references(report) }
    run.attempt(.allocations) { () throws(SQLiteError) in try run.topUps(report) }
    run.attempt(.chain) { () throws(SQLiteError) in try run.events(report) }
    for check in [VerifyCheck.books, .balances, .chain, .allocations] { run.end(check, report) }
    run.start()
    run.attempt(.uniqueness) { () throws(SQLiteError) in try run.uniqueness(report) }
    run.end(.uniqueness, report)
    run.start()
    run.attempt(.usage) { () throws(SQLiteError) in try run.usage(report) }
    run.tally(.usage, cached)
    run.end(.usage, report)
    run.start()
    run.attempt(.pages) { () throws(SQLiteError) in try run.pages(report) }
    run.end(.pages, report)
    run.start()
    run.schema(enums, report)
    run.end(.schema, report)
    return run.isSound
  }
}
