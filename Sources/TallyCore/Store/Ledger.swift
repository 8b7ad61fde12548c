// The one read-write connection: a transaction at a time, and the exact state that it builds on.
//
// Invariants:
// 1. `head`, `system` and `lastAccountId` are what is committed. `working` is what the open transaction has
//    made of them; it is thrown away unless the transaction commits.
// 2. Undoing a command's savepoint also puts `working` back to what it was before the command.
// 3. A refusal writes nothing. A transaction in which nothing was written makes no commit.
// 4. Every decision has a place of its own in one total order: `CommitPoint`. What is decided before a
//    transaction's first write still belongs to the commit before it.
// 5. Each account is written once a commit, and so are head and system accounts.
//
// Owner: the writer's queue.

internal import TallySQLite

final class Ledger {
  /// Page cache of the writer, in KiB.
  static let cacheKibibytes = 8_192
  /// Decisions that a commit without rows may be followed by; then an empty commit starts afresh.
  static let maximumTrailing: Int32 = 1 << 30

  private let connection: Connection
  private let published: Published
  let caches: Caches
  let zones: ZoneStore
  private let time: EffectiveTime
  let faults: EngineFaults
  private let onRateLimits: @Sendable (RateLimitChange) -> Void
  let transaction: TransactionControl
  let keys: KeyIndex
  let rows: LedgerReader
  let accountLoader: AccountLoader
  let accountSaver: AccountSaver
  let holdReader: HoldReader
  let holdSaver: HoldSaver
  let planReader: PlanReader
  let planSaver: PlanSaver
  let settingsReader: SettingsReader
  let settingsSaver: SettingsSaver
  let runReader: RunReader
  let rateLimitReader: RateLimitReader
  let rateLimitSaver: RateLimitSaver
  let runSaver: RunSaver
  let appender: LedgerAppender
  let rollupSaver: RollupSaver
  let usageReader: UsageReader
  let labels: LabelTable
  let pageReaders: PageReaders
  let pageSavers: PageSavers
  private let headReader: HeadReader
  private let headSaver: HeadSaver

  private(set) var head = LedgerHead()
  private var system = SystemBalances()
  private var lastAccountId: Int64 = 0
  /// Sums over all runs that are counted.
  private(set) var runTotal = RunSums()
  private(set) var lastLabelId: Int64 = 0
  /// The next place after the last commit, among its own.
  private var trailing: Int32 = 0
  /// Nothing that is stored expires before.
  private var earliestDueMicros = Int64.min
  /// Changed by what decides commands, in whatever file; thrown away as a whole.
  var working = Working()

  /// What the open transaction has made of the committed state.
  struct Working {
    var nowMicros: Int64 = 0
    var head = LedgerHead()
    var system = SystemBalances()
    var lastAccountId: Int64 = 0
    var accounts: [ExactText: WorkingAccount] = [:]
    /// What caches have to forget when this commits.
    var touched = Touched()
    /// What is to be counted when this commits.
    var usage = UsageDeltas()
    /// Rate limits that changed, in order.
    var rateLimits: [RateLimit] = []
    /// What a command touched may have filled the page cache far beyond its size: it is emptied afterwards.
    var freesMemory = false
    var hasWritten = false
    /// Rows that what has expired may still take.
    var settlingRows = 0
    /// The next place in this commit.
    var position: Int32 = 0
    var trailing: Int32 = 0
  }

  struct WorkingAccount {
    var account: Account
    /// `next_due` as the table has it.
    var storedDueMicros: Int64?
    var isChanged: Bool
  }

  /// See `EngineConfiguration.settledRows`; set before the first commit.
  var settledRows = EngineConfiguration.defaultSettledRows

  init(
    _ connection: Connection, published: Published, caches: Caches, zones: ZoneStore, time: EffectiveTime,
    faults: EngineFaults, onRateLimits: @escaping @Sendable (RateLimitChange) -> Void
  ) throws(SQLiteError) {
    self.connection = connection
    self.published = published
    self.caches = caches
    self.zones = zones
    self.time = time
    self.faults = faults
    self.onRateLimits = onRateLimits
    transaction = try TransactionControl(connection, writing: true)
    keys = try KeyIndex(connection)
    rows = try LedgerReader(connection)
    accountLoader = try AccountLoader(connection)
    accountSaver = try AccountSaver(connection)
    holdReader = try HoldReader(connection)
    holdSaver = try HoldSaver(connection)
    planReader = try PlanReader(connection)
    planSaver = try PlanSaver(connection)
    settingsReader = try SettingsReader(connection)
    settingsSaver = try SettingsSaver(connection)
    runReader = try RunReader(connection)
    rateLimitReader = try RateLimitReader(connection)
    rateLimitSaver = try RateLimitSaver(connection)
    runSaver = try RunSaver(connection)
    appender = try LedgerAppender(connection)
    rollupSaver = try RollupSaver(connection)
    usageReader = try UsageReader(connection)
    labels = try LabelTable(connection)
    pageReaders = try PageReaders(connection)
    pageSavers = try PageSavers(connection)
    headReader = try HeadReader(connection)
    headSaver = try HeadSaver(connection)
    try load()
    onRateLimits(.all(try rateLimitReader.all()))
  }

  /// Takes what is kept in memory of the committed state from the file.
  private func load() throws(SQLiteError) {
    head = try headReader.load()
    system = try headSaver.loadSystemAccounts()
    lastAccountId = try accountSaver.lastAccountId()
    runTotal = try RunTotalReader(connection).load()
    lastLabelId = try labels.lastId()
    earliestDueMicros = Int64.min
  }

  // MARK: the transaction

  func begin() throws(SQLiteError) {
    try transaction.begin()
    // A harness may have set the clock back while the last commit was under way.
    working.nowMicros = max(time.nowMicros, head.lastAtMicros)
    working.head = head
    working.system = system
    working.lastAccountId = lastAccountId
    working.accounts.removeAll(keepingCapacity: true)
    working.touched = Touched()
    working.freesMemory = false
    working.usage.begin(runTotal: runTotal, lastLabelId: lastLabelId)
    working.rateLimits.removeAll()
    working.settlingRows = settledRows
    working.position = 0
    working.trailing = trailing
    working.hasWritten = trailing >= Self.maximumTrailing
  }

  /// Writes what is written once a commit; the last step before `commit`.
  func save() throws(SQLiteError) {
    guard working.hasWritten else { return }
    for changed in working.accounts.values where changed.isChanged {
      let dueMicros = try accountSaver.save(changed.account, storedDueMicros: changed.storedDueMicros)
      earliestDueMicros = min(earliestDueMicros, dueMicros ?? Int64.max)
    }
    try saveUsage()
    try headSaver.save(working.system, over: system)
    working.head.commitSequence += 1
    working.head.committedAtMicros = working.nowMicros
    try headSaver.save(working.head)
  }

  /// COMMIT, and the published state follows. An error leaves the outcome open unless it says `full`.
  func commit(_ cause: CommitCause) throws(SQLiteError) {
    if working.hasWritten { try run(faults.beforeCommit, cause) }
    try transaction.commit()
    if working.hasWritten { try run(faults.afterCommit, cause) }
    trailing = working.hasWritten ? working.position : working.trailing
    guard working.hasWritten || !working.accounts.isEmpty else { return }
    head = working.head
    system = working.system
    lastAccountId = working.lastAccountId
    runTotal = working.usage.runTotal
    lastLabelId = working.usage.lastLabelId
    // In this order: whoever has seen the new head must not find an old value in a cache.
    caches.forget(working.touched, commitSequence: head.commitSequence)
    for limit in working.rateLimits { onRateLimits(.one(limit)) }
    time.follow(head.lastAtMicros)
    published.publish(head, working.accounts.values.lazy.map(\.account))
    if working.freesMemory { connection.releaseMemory() }
  }

  /// Throws the transaction away, and with it the places that it gave out.
  func rollback() throws(SQLiteError) { try transaction.rollback() }

  /// Forgets what a command did to `working`, after its savepoint was undone.
  func restore(_ before: Working) { working = before }

  /// Whether an error has ended the transaction.
  var isRolledBack: Bool { connection.isAutocommit }

  private func run(_ hook: EngineFaults.CommitHook?, _ cause: CommitCause) throws(SQLiteError) {
    guard let hook else { return }
    do { try hook(cause) } catch { throw error.error("COMMIT") }
  }

  /// The place that a decision which writes would get.
  private var writingPlace: CommitPoint {
    CommitPoint(sequence: working.head.commitSequence + 1, position: working.position)
  }

  /// The place of a decision that has written.
  func takeWritingPlace() -> CommitPoint {
    let place = writingPlace
    working.hasWritten = true
    working.position += 1
    return place
  }

  /// The place of a decision that wrote nothing.
  func placeOfRefusal() -> CommitPoint {
    if working.hasWritten { return takeWritingPlace() }
    defer { working.trailing += 1 }
    return CommitPoint(sequence: working.head.commitSequence, position: working.trailing)
  }

  // MARK: what caches have to forget

  func touchSettings(of userId: String) { working.touched.settings.insert(ExactText(userId)) }

  /// Tells whoever enforces limits, once this commits.
  func change(_ limit: RateLimit) { working.rateLimits.append(limit) }

  // MARK: accounts

  /// As the open transaction has it; an empty one for a user that is not known.
  func account(userId: String) throws(SQLiteError) -> Account {
    if let known = working.accounts[ExactText(userId)] { return known.account }
    let stored: Account
    if let view = published.account(userId: userId) {
      stored = view.account
    } else if let loaded = try accountLoader.load(userId: userId) {
      stored = loaded
    } else {
      return Account(userId: userId)
    }
    working.accounts[ExactText(userId)] = WorkingAccount(
      account: stored, storedDueMicros: stored.nextDueMicros, isChanged: false)
    return stored
  }

  /// The same, made when the user is not known: whatever a user owns refers to its account.
  func madeAccount(userId: String) throws(SQLiteError) -> Account {
    var account = try account(userId: userId)
    if account.id != 0 { return account }
    account.id = working.lastAccountId + 1
    try accountSaver.make(id: account.id, userId: userId, nowMicros: working.nowMicros)
    working.lastAccountId = account.id
    working.accounts[ExactText(userId)] = WorkingAccount(
      account: account, storedDueMicros: nil, isChanged: false)
    return account
  }

  /// Whether something has expired that was not written off yet, of whomever.
  func hasDue() throws(SQLiteError) -> Bool {
    if earliestDueMicros > working.nowMicros { return false }
    earliestDueMicros = try accountSaver.earliestDue() ?? Int64.max
    return earliestDueMicros <= working.nowMicros
  }

  /// Open holds of the account whose time is over.
  func expiredHolds(of account: Account) throws(SQLiteError) -> [Hold] {
    guard let next = account.nextHoldExpiryMicros, next <= working.nowMicros else { return [] }
    return try holdReader.expired(account: account.id, nowMicros: working.nowMicros)
  }

  // MARK: writing

  /// Writes what the rules decided, all at one place, and sets its rows' commit point.
  /// - Parameter command: what asked for it; nil for the sweep.
  /// - Returns: false when a system account would leave the range of int64; nothing was written then.
  /// - Throws: a constraint when a row's key is in use; a change of one row has written nothing then.
  func write(_ change: inout Change, for command: Command?) throws(SQLiteError) -> Bool {
    var system = working.system
    for entry in change.entries where !system.book(entry) { return false }
    var account = change.account
    var lastAccountId = working.lastAccountId
    if account.id == 0 {
      lastAccountId += 1
      account.id = lastAccountId
      try accountSaver.make(id: account.id, userId: account.userId, nowMicros: working.nowMicros)
    }
    var head = working.head
    for index in change.entries.indices {
      change.entries[index].commit = writingPlace
      try append(change.entries[index], account: account.id, to: &head)
    }
    for hold in change.holds { try holdSaver.save(hold, account: account.id) }
    if !change.holds.isEmpty && account.heldMicros > 0 {
      account.nextHoldExpiryMicros = try holdSaver.nextExpiry(account: account.id)
    }
    if case .extend = command, let hold = change.hold { try followExtension(hold) }
    if let command { try interrupt(command) }
    let storedDueMicros = working.accounts[ExactText(account.userId)]?.storedDueMicros
    working.accounts[ExactText(account.userId)] = WorkingAccount(
      account: account, storedDueMicros: storedDueMicros, isChanged: true)
    working.system = system
    working.head = head
    working.lastAccountId = lastAccountId
    _ = takeWritingPlace()
    return true
  }

  /// The tests' way to fail a command that has written.
  func interrupt(_ command: Command) throws(SQLiteError) {
    guard let hook = faults.insideCommand else { return }
    do { try hook(command) } catch { throw error.error("command") }
  }

  private func append(_ entry: Entry, account: Int64, to head: inout LedgerHead) throws(SQLiteError) {
    let textDigest = Chain.digest(of: entry.text)
    head.hash = Chain.hash(of: entry, previous: head.hash, textDigest: textDigest)
    try appender.append(entry, account: account, hash: head.hash, textDigest: textDigest)
    head.ledgerSequence = entry.sequence
    head.lastAtMicros = entry.atMicros
  }

  // MARK: upkeep

  /// Tries the disk, and moves the order of decisions on: whatever was answered before, by this process or
  /// the one before it, comes first.
  func commitNothing() throws(SQLiteError) {
    try beginNothing()
    try commit(.recovery)
  }

  /// The same up to its commit.
  func beginNothing() throws(SQLiteError) {
    try begin()
    working.hasWritten = true
    try save()
  }

  /// All but those that say what the file is and where it stands.
  private func tablesOfUsers() throws(SQLiteError) -> [String] {
    let statement = try connection.prepare(
      """
      SELECT name FROM sqlite_schema
      WHERE type = 'table' AND name NOT IN ('migration', 'meta', 'system_account')
        AND name NOT LIKE 'sqlite_%'
      """)
    var tables: [String] = []
    while try statement.step() { tables.append(statement.text(0)) }
    return tables
  }

  /// Empties the database, but for the count of commits. `adopt` must follow.
  func empty() throws(SQLiteError) {
    try connection.execute("PRAGMA foreign_keys = OFF")
    try transaction.begin()
    do {
      for table in try tablesOfUsers() { try connection.execute("DELETE FROM \(table)") }
      try connection.execute(
        """
        UPDATE system_account SET balance = 0;
        UPDATE meta SET commit_sequence = commit_sequence + 1, ledger_sequence = 0, last_at = 0,
          committed_at = 0, chain_head = zeroblob(32);
        """)
      try transaction.commit()
    } catch {
      try transaction.rollback()
      try connection.execute("PRAGMA foreign_keys = ON")
      throw error
    }
    try connection.execute("PRAGMA foreign_keys = ON")
  }

  /// Puts a snapshot in the database's place, as the next commit. `adopt` must follow.
  func replace(by snapshot: DatabaseSnapshot) throws(SQLiteError) {
    try snapshot.copy(over: connection, as: head.commitSequence + 1)
  }

  /// Takes up a database that was put in the place of the last one, and publishes it.
  /// - Parameter setClock: the harness's, called before anybody sees the new database.
  func adopt(setClock: () -> Void) throws(SQLiteError) {
    labels.clear()
    try load()
    trailing = 0
    time.drive(ledgerMicros: head.lastAtMicros, setClock)
    // In this order: whoever has seen the new head must not find an old value in a cache.
    caches.clear(commitSequence: head.commitSequence)
    onRateLimits(.all(try rateLimitReader.all()))
    published.clear(head: head)
  }
}
