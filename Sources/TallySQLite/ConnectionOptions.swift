// How a connection opens its file.

public import TallyMeasuring

public struct ConnectionOptions: Sendable {
  public var readOnly: Bool
  /// Make the file if it is missing.
  public var creates: Bool
  /// No program writes to the file: it is read without locks, and nothing is made beside it. Read-only.
  public var isImmutable = false
  /// Write the log in one piece a commit. Only with synchronous=FULL: what is not synced is not written.
  public var buffersLog: Bool
  /// Let SQLite copy the log into the database file when the last connection closes.
  public var checkpointsOnClose: Bool
  /// Page cache, in KiB.
  public var cacheKibibytes: Int
  /// No value, row or statement may be longer than this, in bytes.
  public var maximumLength: Int32
  /// How long a locked database is waited for, in milliseconds.
  public var busyTimeoutMillis: Int32
  /// Where runs of statements are counted; nil counts none. `execute` is not counted.
  public var statements: StatementStatistics?

  public init(
    readOnly: Bool, creates: Bool = true, buffersLog: Bool = false,
    checkpointsOnClose: Bool = true, cacheKibibytes: Int = 2048, maximumLength: Int32 = 8 << 20,
    busyTimeoutMillis: Int32 = 5_000, statements: StatementStatistics? = nil
  ) {
    self.readOnly = readOnly
    self.creates = creates
    self.buffersLog = buffersLog
    self.checkpointsOnClose = checkpointsOnClose
    self.cacheKibibytes = cacheKibibytes
    self.maximumLength = maximumLength
    self.busyTimeoutMillis = busyTimeoutMillis
    self.statements = statements
  }
}
