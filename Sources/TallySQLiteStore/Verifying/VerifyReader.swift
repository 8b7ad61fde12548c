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
    SELECT \(LedgerTable.proof.of("l")), \(LedgerTable.selected)
    FROM ledger l LEFT JOIN account a ON a.id = l.account
    WHERE l.sequence > ?1 ORDER BY l.sequence LIMIT ?2
    """
  static let accountsSQL = """
    SELECT \(AccountTable.columns), next_due,
      (SELECT coalesce(sum(h.amount), 0) FROM hold h WHERE h.account = account.id AND h.state = 1),
      (SELECT count(*) FROM hold h WHERE h.account = account.id AND h.state = 1),
      (SELECT min(h.expires_at) FROM hold h WHERE h.account = account.id AND h.state = 1),
      (SELECT s.suspended FROM user_settings s WHERE s.account = account.id),
      EXISTS (SELECT 1 FROM user_settings s WHERE s.account = account.id AND s.suspended = 0
        AND s.subscription_plan IS NOT NULL AND s.subscription_automatic = 1)
    FROM account WHERE id > ?1 ORDER BY id LIMIT ?2
    """
  static let holdsSQL = """
    SELECT \(HoldTable.selected),
      (SELECT coalesce(sum(-l.amount), 0) FROM ledger l WHERE l.hold_id = h.id AND l.type = 6),
      (SELECT coalesce(sum(l.hold_amount), 0) FROM ledger l WHERE l.hold_id = h.id AND l.type = 13),
      (SELECT coalesce(sum(-l.amount), 0) FROM ledger l WHERE l.hold_id = h.id AND l.type = 9),
      (SELECT count(*) FROM ledger l WHERE l.hold_id = h.id AND l.type = 6),
      (SELECT count(*) FROM ledger l WHERE l.hold_id = h.id AND l.type = 13),
      (SELECT max(l.sequence) FROM ledger l WHERE l.hold_id = h.id AND l.type = 11),
      (SELECT count(*) FROM ledger l WHERE l.hold_id = h.id AND l.type = 11),
      (SELECT l.account FROM ledger l WHERE l.sequence = h.id), h.account,
      (SELECT min(l.sequence) FROM ledger l
        WHERE l.hold_id = h.id AND l.type IN (6, 11, 12, 13, 17) AND l.spender IS NOT h.spender)
    FROM hold h LEFT JOIN account a ON a.id = h.account WHERE h.id > ?1 ORDER BY h.id LIMIT ?2
    """

  let connection: Connection
  private let transaction: TransactionControl
  private let meta: MetaTable
  private let ledger: Statement
  private let accounts: Statement
  private let holds: Statement
  private let postedTotal: Statement
  private let holdTotal: Statement
  private let systemAccounts: SystemAccountTable
  private let rows: LedgerTable
  private let referring: ReferenceIndex
  let references: VerifyReferences
  let payments: VerifyPayments
  let charges: VerifyCharges
  let prices: VerifyPrices
  let usage: VerifyUsage
  let caps: VerifyCaps
  let pages: VerifyPages
  let events: VerifyEvents
  let topUps: VerifyTopUps
  let records: VerifyRecords
  let keys: VerifyKeys

  init(_ connection: Connection) throws(SQLiteError) {
    self.connection = connection
    transaction = try TransactionControl(connection, writing: false)
    meta = try MetaTable(connection)
    ledger = try connection.prepare(Self.ledgerSQL)
    accounts = try connection.prepare(Self.accountsSQL)
    holds = try connection.prepare(Self.holdsSQL)
    // In halves: all users together may have more than int64 holds.
    postedTotal = try connection.prepare(
      "SELECT coalesce(sum(posted >> 32), 0), coalesce(sum(posted & 4294967295), 0) FROM account")
    holdTotal = try connection.prepare("SELECT count(*) FROM hold")
    systemAccounts = try SystemAccountTable(connection)
    rows = try LedgerTable(connection)
    referring = try ReferenceIndex(connection)
    references = try VerifyReferences(connection)
    payments = try VerifyPayments(connection)
    charges = try VerifyCharges(connection)
    prices = try VerifyPrices(connection)
    usage = try VerifyUsage(connection)
    caps = try VerifyCaps(connection)
    pages = try VerifyPages(connection)
    events = try VerifyEvents(connection)
    topUps = try VerifyTopUps(connection)
    records = try VerifyRecords(connection)
    keys = try VerifyKeys(connection)
  }

  func snapshot<Value>(
    _ body: (LedgerHead) throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Value {
    try transaction.begin()
    do {
      let value = try body(try meta.load())
      try transaction.commit()
      return value
    } catch {
      try transaction.rollback()
      throw error
    }
  }

  /// The first row that is in the chain's second format.
  func format2From() throws(SQLiteError) -> Int64 { try meta.format2From() }

  /// nil when there is none, or when it cannot be read.
  func entry(_ sequence: Int64) -> Entry? {
    do { return try rows.entry(sequence: sequence) } catch { return nil }
  }

  /// What the rows that refer to a lot's row say is short of it.
  func shortMicros(ofLot id: Int64) throws(SQLiteError) -> Int64 {
    try referring.referred(to: id).shortMicros
  }

  /// Plays the next slice of rows back.
  /// - Returns: how many there were.
  func play(into replay: inout VerifyReplay) throws(SQLiteError) -> Int64 {
    ledger.bind(replay.sequence)
    ledger.bind(Self.sliceRows)
    defer { ledger.reset() }
    var count: Int64 = 0
    while try ledger.step() {
      count += 1
      var columns = ledger.columns()
      let (account, hash, textDigest) = (columns.int(), columns.blob(), columns.optionalBlob())
      let (sequence, type) = (columns.int(), LedgerTable.type(&columns))
      do throws(SQLiteError) {
        let entry = try LedgerTable.entry(sequence: sequence, type: type, &columns)
        try columns.end()
        replay.play(VerifyReplay.Row(entry: entry, account: account, hash: hash, textDigest: textDigest))
      } catch {
        replay.skip(sequence, hash: hash, error.message)
      }
    }
    return count
  }

  struct StoredAccount {
    var account: Account
    var nextDueMicros: Int64?
    /// The sum of its open holds.
    var openMicros: Int64
    var openCount: Int64
    var firstExpiryMicros: Int64?
    /// As its settings say.
    var isSuspended: Bool
    /// Whether these have a subscription that the server grants.
    var isSubscribed: Bool
    /// By lot.
    var shortMicros: [Int64: Int64] = [:]
  }

  /// The next slice of accounts; a row that cannot be read is a finding.
  func accounts(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> (
    last: Int64?, [StoredAccount]
  ) {
    accounts.bind(id)
    accounts.bind(Self.sliceRows)
    defer { accounts.reset() }
    var last: Int64?
    var slice: [StoredAccount] = []
    while try accounts.step() {
      // Read by itself, since a row that makes no sense has to be named, too.
      var columns = accounts.columns()
      let id = columns.int()
      last = id
      do throws(SQLiteError) {
        slice.append(
          try accounts.row { (row) throws(SQLiteError) in
            StoredAccount(
              account: try AccountTable.account(&row), nextDueMicros: row.optionalInt(),
              openMicros: row.int(), openCount: row.int(), firstExpiryMicros: row.optionalInt(),
              isSuspended: row.int() != 0, isSubscribed: row.int() != 0)
          })
      } catch {
        tally.add("account \(id): \(error.message)")
      }
    }
    for index in slice.indices {
      let account = slice[index].account
      do throws(SQLiteError) {
        for lot in account.lots { slice[index].shortMicros[lot.id] = try shortMicros(ofLot: lot.id) }
      } catch {
        tally.add("account \(account.id): \(error.message)")
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
    /// The first of its rows that names another spender.
    var strayRow: Int64?
  }

  func holds(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> (last: Int64?, [StoredHold])
  {
    holds.bind(id)
    holds.bind(Self.sliceRows)
    defer { holds.reset() }
    var last: Int64?
    var slice: [StoredHold] = []
    while try holds.step() {
      var columns = holds.columns()
      let id = columns.int()
      last = id
      do throws(SQLiteError) {
        slice.append(
          try holds.row { (row) throws(SQLiteError) in
            StoredHold(
              hold: try HoldTable.hold(&row), captured: row.int(), released: row.int(), forfeited: row.int(),
              captures: row.int(), releases: row.int(), opener: row.optionalInt(), openers: row.int(),
              openerAccount: row.optionalInt(), account: row.int(), strayRow: row.optionalInt())
          })
      } catch {
        tally.add("hold \(id): \(error.message)")
      }
    }
    return (last, slice)
  }

  /// What all users together have.
  func totalMicros() throws(SQLiteError) -> Int128 {
    try postedTotal.first { (row) in Int128(row.int()) << 32 + Int128(row.int()) } ?? 0
  }

  func holdCount() throws(SQLiteError) -> Int64 { try holdTotal.firstInt() ?? 0 }

  func system() throws(SQLiteError) -> [Int64: Int64] {
    Dictionary(
      try systemAccounts.stored().map { ($0.id, $0.balance) }, uniquingKeysWith: { first, _ in first })
  }
}
