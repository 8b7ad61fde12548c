// What `verify` reads, in slices: each slice is one snapshot, and short.
//
// Invariants:
// 1. No snapshot but that of the file's own check is longer than a slice: it would pin the log.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyReader {
  /// Rows of one slice; well within the 250 ms that a snapshot may live.
  static let sliceRows: Int64 = 5_000

  static let ledgerSQL = """
    SELECT \(LedgerReader.columns), l.account, l.hash, l.text_digest
    FROM ledger l LEFT JOIN account a ON a.id = l.account
    WHERE l.sequence > ?1 ORDER BY l.sequence LIMIT ?2
    """
  static let accountsSQL = """
    SELECT \(AccountLoader.columns), next_due,
      (SELECT coalesce(sum(h.amount), 0) FROM hold h WHERE h.account = account.id AND h.state = 1),
      (SELECT count(*) FROM hold h WHERE h.account = account.id AND h.state = 1),
      (SELECT min(h.expires_at) FROM hold h WHERE h.account = account.id AND h.state = 1)
    FROM account WHERE id > ?1 ORDER BY id LIMIT ?2
    """
  static let holdsSQL = """
    SELECT \(HoldReader.columns),
      (SELECT coalesce(sum(-l.amount), 0) FROM ledger l WHERE l.hold_id = h.id AND l.type = 6),
      (SELECT coalesce(sum(l.hold_amount), 0) FROM ledger l WHERE l.hold_id = h.id AND l.type = 13),
      (SELECT coalesce(sum(-l.amount), 0) FROM ledger l WHERE l.hold_id = h.id AND l.type = 9),
      (SELECT count(*) FROM ledger l WHERE l.hold_id = h.id AND l.type = 6),
      (SELECT count(*) FROM ledger l WHERE l.hold_id = h.id AND l.type = 13),
      (SELECT max(l.sequence) FROM ledger l WHERE l.hold_id = h.id AND l.type = 11),
      (SELECT count(*) FROM ledger l WHERE l.hold_id = h.id AND l.type = 11),
      (SELECT l.account FROM ledger l WHERE l.sequence = h.id), h.account
    FROM hold h LEFT JOIN account a ON a.id = h.account WHERE h.id > ?1 ORDER BY h.id LIMIT ?2
    """

  let connection: Connection
  private let transaction: TransactionControl
  private let headReader: HeadReader
  private let ledger: Statement
  private let accounts: Statement
  private let holds: Statement
  private let postedTotal: Statement
  private let holdTotal: Statement
  private let systemAccounts: Statement
  let charges: VerifyCharges
  let usage: VerifyUsage
  let pages: VerifyPages

  init(_ connection: Connection) throws(SQLiteError) {
    self.connection = connection
    transaction = try TransactionControl(connection, writing: false)
    headReader = try HeadReader(connection)
    ledger = try connection.prepare(Self.ledgerSQL)
    accounts = try connection.prepare(Self.accountsSQL)
    holds = try connection.prepare(Self.holdsSQL)
    // In halves: all users together may have more than int64 holds.
    postedTotal = try connection.prepare(
      "SELECT coalesce(sum(posted >> 32), 0), coalesce(sum(posted & 4294967295), 0) FROM account")
    holdTotal = try connection.prepare("SELECT count(*) FROM hold")
    systemAccounts = try connection.prepare("SELECT id, balance FROM system_account")
    charges = try VerifyCharges(connection)
    usage = try VerifyUsage(connection)
    pages = try VerifyPages(connection)
  }

  func snapshot<Value>(
    _ body: (LedgerHead) throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Value {
    try transaction.begin()
    do {
      let value = try body(try headReader.load())
      try transaction.commit()
      return value
    } catch {
      try transaction.rollback()
      throw error
    }
  }

  /// Plays the next slice of rows back.
  /// - Returns: how many there were.
  func play(into replay: inout VerifyReplay) throws(SQLiteError) -> Int64 {
    ledger.bind(1, replay.sequence)
    ledger.bind(2, Self.sliceRows)
    defer { ledger.reset() }
    var count: Int64 = 0
    while try ledger.step() {
      count += 1
      do {
        replay.play(
          VerifyReplay.Row(
            entry: try LedgerReader.entry(ledger), account: ledger.int(30), hash: ledger.blob(31),
            textDigest: ledger.optionalBlob(32)))
      } catch {
        replay.skip(ledger.int(0), hash: ledger.blob(31), error.message)
      }
    }
    return count
  }

  struct StoredAccount {
    var account: Account
    var nextDueMicros: Int64?
    /// Of its open holds.
    var openMicros: Int64
    var openCount: Int64
    var firstExpiryMicros: Int64?
  }

  /// The next slice of accounts; a row that cannot be read is a finding.
  func accounts(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> (
    last: Int64?, [StoredAccount]
  ) {
    accounts.bind(1, id)
    accounts.bind(2, Self.sliceRows)
    defer { accounts.reset() }
    var last: Int64?
    var slice: [StoredAccount] = []
    while try accounts.step() {
      last = accounts.int(0)
      do {
        slice.append(
          StoredAccount(
            account: try AccountLoader.account(accounts), nextDueMicros: accounts.optionalInt(9),
            openMicros: accounts.int(10), openCount: accounts.int(11),
            firstExpiryMicros: accounts.optionalInt(12)))
      } catch {
        tally.add("account \(accounts.int(0)): \(error.message)")
      }
    }
    return (last, slice)
  }

  struct StoredHold {
    var hold: Hold
    /// What the ledger says of it.
    var captured: Int64
    var released: Int64
    var forfeited: Int64
    var captures: Int64
    var releases: Int64
    var opener: Int64?
    var openers: Int64
    var openerAccount: Int64?
    var account: Int64
  }

  func holds(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> (last: Int64?, [StoredHold])
  {
    holds.bind(1, id)
    holds.bind(2, Self.sliceRows)
    defer { holds.reset() }
    var last: Int64?
    var slice: [StoredHold] = []
    while try holds.step() {
      last = holds.int(0)
      do {
        slice.append(
          StoredHold(
            hold: try HoldReader.hold(holds), captured: holds.int(12), released: holds.int(13),
            forfeited: holds.int(14), captures: holds.int(15), releases: holds.int(16),
            opener: holds.optionalInt(17), openers: holds.int(18), openerAccount: holds.optionalInt(19),
            account: holds.int(20)))
      } catch {
        tally.add("hold \(holds.int(0)): \(error.message)")
      }
    }
    return (last, slice)
  }

  /// What all users together have.
  func totalMicros() throws(SQLiteError) -> Int128 {
    defer { postedTotal.reset() }
    guard try postedTotal.step() else { return 0 }
    return Int128(postedTotal.int(0)) << 32 + Int128(postedTotal.int(1))
  }

  func holdCount() throws(SQLiteError) -> Int64 {
    defer { holdTotal.reset() }
    return try holdTotal.step() ? holdTotal.int(0) : 0
  }

  func system() throws(SQLiteError) -> [Int64: Int64] {
    defer { systemAccounts.reset() }
    var balances: [Int64: Int64] = [:]
    while try systemAccounts.step() { balances[systemAccounts.int(0)] = systemAccounts.int(1) }
    return balances
  }
}
