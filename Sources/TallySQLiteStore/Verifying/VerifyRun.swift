// One verification while it goes on: its checks in their order, and what each has found.
//
// Invariants:
// 1. A check that cannot go on is a violation, and so is it of every check that builds on it.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallyLocking
internal import TallySQLite

final class VerifyRun {
  private let reader: VerifyReader
  private var replay = VerifyReplay()
  private var startedNanoseconds = MonotonicClock.nanoseconds
  private(set) var isSound = true
  /// All rows were read: accounts can be compared with what they say.
  private var isPlayed = false

  private var unique = VerifyTally()
  private var counted = VerifyTally()
  private var shown = VerifyTally()
  private var file = VerifyTally()

  init(reader: VerifyReader) { self.reader = reader }

  /// Sets the clock of the checks that end next.
  func start() { startedNanoseconds = MonotonicClock.nanoseconds }

  /// Runs a part of the work; that it cannot go on is a violation of every check that builds on it.
  func attempt(_ checks: VerifyCheck..., body: () throws(SQLiteError) -> Void) {
    do {
      try body()
    } catch {
      for check in checks { tally(check) { $0.stop(error) } }
    }
  }

  func tally<Value, Failure: Error>(
    _ check: VerifyCheck, _ body: (inout VerifyTally) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    switch check {
    case .books: try body(&replay.books)
    case .balances: try body(&replay.balances)
    case .chain: try body(&replay.chain)
    case .allocations: try body(&replay.allocations)
    case .uniqueness: try body(&unique)
    case .usage: try body(&counted)
    case .pages: try body(&shown)
    case .schema: try body(&file)
    }
  }

  // MARK: the ledger

  func ledger(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    var total: Int64 = 0
    while true {
      let count = try reader.snapshot { (head) throws(SQLiteError) in
        replay.format2From = try reader.format2From()
        replay.find = { [reader] in reader.entry($0) }
        total = head.ledgerSequence
        return try reader.play(into: &replay)
      }
      guard count > 0 else {
        isPlayed = true
        return
      }
      progress(.chain, replay.chain, total: max(total, replay.sequence), report)
    }
  }

  /// Plays what came since, within the snapshot at hand.
  private func catchUp() throws(SQLiteError) {
    guard isPlayed else { return }
    while try reader.play(into: &replay) > 0 {}
  }

  // MARK: accounts

  func accounts(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    var known: Set<Int64> = []
    var after: Int64 = 0
    while true {
      let last = try reader.snapshot { (head) throws(SQLiteError) in
        try catchUp()
        let (last, slice) = try reader.accounts(after: after, &replay.balances)
        for stored in slice {
          compare(stored, nowMicros: head.lastAtMicros)
          known.insert(stored.account.id)
        }
        return last
      }
      guard let last else { break }
      after = last
      progress(.balances, replay.balances, total: Int64(replay.accounts.count), report)
    }
    for id in replay.accounts.keys.sorted() where !known.contains(id) {
      replay.balances.add("account \(id): its ledger rows have no account")
    }
  }

  /// What only all rows together can tell.
  func totals() throws(SQLiteError) {
    guard isPlayed else { return }
    try reader.snapshot { (head) throws(SQLiteError) in try total(head) }
  }

  /// The books, and where the ledger stands, in one snapshot.
  private func total(_ head: LedgerHead) throws(SQLiteError) {
    try catchUp()
    let system = try reader.system()
    for id in system.keys.sorted() where SystemAccount(rawValue: Int32(clamping: id)) == nil {
      replay.books.add("system account \(id): there is none of that number")
    }
    var sum = try reader.totalMicros()
    for account in SystemAccount.allCases {
      let stored = system[Int64(account.rawValue)]
      replay.books.expect(stored != nil, "system account \(account) is missing")
      let balance = stored ?? 0
      let played = replay.system[account]
      sum += Int128(balance)
      replay.books.examined += 1
      replay.books.expect(
        balance == played, "system account \(account): \(balance), its rows add up to \(played)")
    }
    replay.books.expect(sum == 0, "all accounts together: \(sum)")
    let (sequence, hash) = (replay.sequence, replay.hash)
    replay.chain.expect(
      head.ledgerSequence == sequence, "meta: row \(head.ledgerSequence) is the last, not \(sequence)")
    replay.chain.expect(head.hash == hash, "meta: the chain's head is not row \(sequence)'s hash")
    compare(head, commit: replay.commit.sequence, of: "row \(sequence)")
    let atMicros = replay.atMicros
    if sequence > 0 {
      replay.chain.expect(
        head.lastAtMicros >= atMicros,
        "meta: the last time is \(head.lastAtMicros), row \(sequence) is of \(atMicros)")
    }
  }

  /// No commit comes after the last one.
  private func compare(_ head: LedgerHead, commit: Int64, of row: String) {
    replay.chain.expect(
      head.commitSequence >= commit,
      "meta: commit \(head.commitSequence) is the last, but \(row) is of commit \(commit)")
  }

  /// - Parameter nowMicros: of the last commit.
  private func compare(_ stored: VerifyReader.StoredAccount, nowMicros: Int64) {
    let account = stored.account
    let name = "account \(account.id)"
    let played = replay.accounts[account.id] ?? VerifyReplay.AccountState()
    replay.books.examined += 1
    replay.books.expect(
      account.heldMicros >= 0 && account.postedMicros >= account.heldMicros,
      "\(name): posted \(account.postedMicros), held \(account.heldMicros)")
    replay.balances.examined += 1
    replay.balances.expect(
      account.postedMicros == account.lots.reduce(0) { $0 &+ $1.remainingMicros },
      "\(name): posted \(account.postedMicros) is not what its lots have left")
    replay.balances.expect(
      account.heldMicros == stored.openMicros && (!isPlayed || account.heldMicros == played.heldMicros),
      "\(name): held \(account.heldMicros), open holds \(stored.openMicros), its rows \(played.heldMicros)")
    replay.balances.expect(
      account.openHoldCount == stored.openCount,
      "\(name): \(account.openHoldCount) open holds, \(stored.openCount) are stored")
    replay.balances.expect(
      account.heldMicros == account.lots.reduce(0) { $0 &+ $1.pinnedMicros },
      "\(name): held \(account.heldMicros) is not what its lots pin")
    replay.balances.expect(
      account.nextHoldExpiryMicros == stored.firstExpiryMicros
        && stored.nextDueMicros == account.nextDueMicros,
      "\(name): what it expects to expire next is not what does")
    compareLots(account, stored.shortMicros, played, nowMicros: nowMicros)
    replay.balances.expect(
      account.isSuspended == stored.isSuspended, "\(name): its settings say otherwise of its suspension")
    replay.balances.expect(
      account.nextGrantAtMicros == nil || stored.isSubscribed,
      "\(name): the server is to grant it something, and its settings have no subscription for that")
    guard isPlayed else { return }
    compareOwed(account, played)
    replay.balances.expect(
      account.postedMicros == played.postedMicros,
      "\(name): posted \(account.postedMicros), its rows add up to \(played.postedMicros)")
    replay.balances.expect(
      account.version == played.version && account.head == played.head,
      "\(name): version \(account.version) at row \(account.head), "
        + "its rows say \(played.version) at \(played.head)"
    )
  }

  private func compareOwed(_ account: Account, _ played: VerifyReplay.AccountState) {
    let name = "account \(account.id)"
    let parts = account.owed.map { [$0.purchase ?? 0, $0.amountMicros] }
    let ordered = played.owed.sorted {
      ($0.key == 0 ? Int64.max : $0.key) < ($1.key == 0 ? Int64.max : $1.key)
    }
    replay.balances.expect(
      parts == ordered.map { [$0.key, $0.value] } && account.owedMicros == played.owedMicros,
      "\(name): owed \(account.owedMicros), its rows say \(played.owedMicros), or other parts of it")
    replay.balances.expect(
      account.marks == played.marks,
      "\(name): marks \(account.marks.last64) and \(account.marks.last4096), "
        + "its rows say \(played.marks.last64) and \(played.marks.last4096)")
  }

  private func compareLots(
    _ account: Account, _ shortMicros: [Int64: Int64], _ played: VerifyReplay.AccountState, nowMicros: Int64
  ) {
    for lot in account.lots {
      let name = "account \(account.id), lot \(lot.id)"
      replay.books.expect(lot.remainingMicros >= 0, "\(name): \(lot.remainingMicros) left")
      replay.balances.expect(
        0 <= lot.pinnedMicros && lot.pinnedMicros <= lot.remainingMicros
          && lot.remainingMicros <= lot.amountMicros,
        "\(name): pins \(lot.pinnedMicros) of \(lot.remainingMicros) of \(lot.amountMicros)")
      replay.balances.expect(
        lot.shortMicros == shortMicros[lot.id] ?? 0,
        "\(name): \(lot.shortMicros) short, its rows say \(shortMicros[lot.id] ?? 0)")
      guard isPlayed else { continue }
      replay.balances.expect(
        played.lots[lot.id] == VerifyReplay.LotState(lot), "\(name): its rows say otherwise")
      // Once it is effective its time is dropped, at the latest when it has paid what is owed.
      let beginning = played.beginnings[lot.id]
      replay.balances.expect(
        lot.effectiveAtMicros == beginning || lot.effectiveAtMicros == nil && beginning ?? 0 <= nowMicros,
        "\(name): it is not effective when its row says")
    }
    replay.balances.expect(
      !isPlayed || account.lots.count == played.lots.count,
      "account \(account.id): \(account.lots.count) lots, its rows leave \(played.lots.count)")
  }

  // MARK: holds

  func holds(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    var after: Int64 = 0
    while true {
      let last = try reader.snapshot { (_) throws(SQLiteError) in
        let (last, slice) = try reader.holds(after: after, &replay.allocations)
        for stored in slice { compare(stored) }
        return last
      }
      guard let last else { break }
      after = last
      progress(.allocations, replay.allocations, total: replay.chain.examined + replay.holdCount, report)
    }
    guard isPlayed else { return }
    try reader.snapshot { (_) throws(SQLiteError) in
      try catchUp()
      let count = try reader.holdCount()
      let opened = replay.holdCount
      replay.allocations.expect(count == opened, "\(opened) rows open a hold, \(count) holds are stored")
    }
  }

  private func compare(_ stored: VerifyReader.StoredHold) {
    let hold = stored.hold
    let name = "hold \(hold.id)"
    replay.allocations.examined += 1
    replay.allocations.expect(
      stored.openers == 1 && stored.opener == hold.id && stored.openerAccount == stored.account,
      "\(name): row \(hold.id) does not open it")
    // A capture may take more than was held: what is drawn with it is not the hold's.
    let captured = min(stored.captured, hold.amountMicros &- stored.released &- stored.forfeited)
    replay.allocations.expect(
      hold.capturedMicros == captured && hold.releasedMicros == stored.released
        && hold.forfeitedMicros == stored.forfeited,
      "\(name): captured, released, forfeited are not what its rows say")
    let settled = hold.capturedMicros &+ hold.releasedMicros &+ hold.forfeitedMicros
    replay.allocations.expect(
      settled == (hold.state == .open ? 0 : hold.amountMicros),
      "\(name): \(settled) of \(hold.amountMicros) settled, state \(hold.state)")
    replay.allocations.expect(
      stored.captures == (hold.state == .captured ? 1 : 0) && stored.releases <= 1,
      "\(name): settled \(stored.captures) and \(stored.releases) times")
    let pinned = hold.pins.reduce(0) { $0 &+ $1.amountMicros }
    replay.allocations.expect(pinned == hold.amountMicros, "\(name): pins \(pinned) of \(hold.amountMicros)")
    if let row = stored.strayRow { replay.allocations.add("\(name): its row \(row) names another spender") }
  }

  // MARK: runs, usage and pages

  func charges(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let charges = reader.charges
    try walk(.allocations, from: 0, report) { (run, tally) throws(SQLiteError) in
      try charges.compare(after: run, &tally)
    }
    try reader.snapshot { (head) throws(SQLiteError) in
      compare(head, commit: charges.lastCommit, of: "a run")
    }
  }

  func prices(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let prices = reader.prices
    while try reader.snapshot({ (_) throws(SQLiteError) in try prices.book(&replay.allocations) }) {
      progress(.allocations, replay.allocations, total: 0, report)
    }
    try reader.snapshot { (head) throws(SQLiteError) in
      compare(head, commit: prices.lastCommit, of: "a price")
    }
    try walk(.allocations, from: 0, report) { (run, tally) throws(SQLiteError) in
      try prices.compare(after: run, &tally)
    }
  }

  /// Rows that refer to earlier ones.
  func references(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let references = reader.references
    while try reader.snapshot({ (_) throws(SQLiteError) in try references.slice(&replay.allocations) }) {
      progress(.allocations, replay.allocations, total: 0, report)
    }
    try walkLedger(.allocations, report) { (sequence, tally) throws(SQLiteError) in
      try references.findLacking(after: sequence, format2From: try reader.format2From(), &tally)
    }
  }

  /// What was noted for somebody to hear of. Comes after the intents that it is held against.
  func events(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let events = reader.events
    while try reader.snapshot({ (_) throws(SQLiteError) in try events.slice(&replay.chain) }) {
      progress(.chain, replay.chain, total: 0, report)
    }
    try reader.snapshot { (head) throws(SQLiteError) in
      compare(head, commit: events.lastCommit.sequence, of: "an event")
      try events.compareExpiries(head, &replay.chain)
    }
    let topUps = reader.topUps
    events.findMissing(of: topUps.seen, past: topUps.ended, &replay.chain)
  }

  /// Intents with their purchases, then settings with their intents.
  func topUps(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let topUps = reader.topUps
    for part in [topUps.intents, topUps.settings] {
      while try reader.snapshot({ (_) throws(SQLiteError) in try part(&replay.allocations) }) {
        progress(.allocations, replay.allocations, total: 0, report)
      }
    }
  }

  /// Goes through the ledger in windows of rows, one snapshot each.
  private func walkLedger(
    _ check: VerifyCheck, _ report: (VerifyProgress) -> Void,
    _ window: (Int64, inout VerifyTally) throws(SQLiteError) -> Int64
  ) throws(SQLiteError) {
    var position: Int64 = 0
    var hasMore = true
    while hasMore {
      try tally(check) { (tally) throws(SQLiteError) in
        hasMore = try reader.snapshot { (head) throws(SQLiteError) in
          position = try window(position, &tally)
          return position < head.ledgerSequence
        }
        progress(check, tally, total: 0, report)
      }
    }
  }

  func usage(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let usage = reader.usage
    try reader.snapshot { (_) throws(SQLiteError) in try usage.beginDays() }
    let firstDay = floorDivide(Int64.min, Civil.microsPerDay) + 1
    try walk(.usage, from: firstDay, report) { (day, tally) throws(SQLiteError) in
      try usage.compareDay(from: day, &tally).map { $0 &+ 1 }
    }
    try walk(.usage, from: Int64.min, report) { (quarters, tally) throws(SQLiteError) in
      try usage.findOrphanQuarters(after: quarters, &tally)
    }
    try walk(.usage, from: 0, report) { (month, tally) throws(SQLiteError) in
      try usage.compareMonth(from: month, &tally).map { $0 &+ 1 }
    }
    try walk(.usage, from: 0, report) { (account, tally) throws(SQLiteError) in
      try usage.comparePages(after: account, &tally)
    }
    let caps = reader.caps
    try walk(.usage, from: 0, report) { (account, tally) throws(SQLiteError) in
      try caps.compare(after: account, &tally)
    }
    try reader.snapshot { (_) throws(SQLiteError) in try usage.compareTotal(&counted) }
  }

  func pages(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let pages = reader.pages
    try walk(.pages, from: 0, report) { (page, tally) throws(SQLiteError) in
      try pages.comparePages(after: page, &tally)
    }
    try walk(.pages, from: 0, report) { (number, tally) throws(SQLiteError) in
      try pages.compareUpdates(after: number, &tally)
    }
    try walk(.pages, from: 0, report) { (section, tally) throws(SQLiteError) in
      try pages.findOrphanSections(after: section, &tally)
    }
    try walk(.pages, from: 0, report) { (page, tally) throws(SQLiteError) in
      try pages.findOrphanWords(after: page, &tally)
    }
    try walk(.pages, from: 0, report) { (version, tally) throws(SQLiteError) in
      try pages.findOrphanVersions(after: version, &tally)
    }
  }

  /// Goes on in slices of one snapshot each, until a slice says that nothing follows.
  private func walk(
    _ check: VerifyCheck, from start: Int64, _ report: (VerifyProgress) -> Void,
    _ slice: (Int64, inout VerifyTally) throws(SQLiteError) -> Int64?
  ) throws(SQLiteError) {
    var position: Int64? = start
    while let here = position {
      try tally(check) { (tally) throws(SQLiteError) in
        position = try reader.snapshot { (_) throws(SQLiteError) in try slice(here, &tally) }
        progress(check, tally, total: 0, report)
      }
    }
  }

  // MARK: uniqueness and schema

  func uniqueness(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let payments = reader.payments
    for part in [payments.refs, payments.periods] {
      while try reader.snapshot({ (_) throws(SQLiteError) in try part(&unique) }) {
        progress(.uniqueness, unique, total: 0, report)
      }
    }
    try walkLedger(.uniqueness, report) { (sequence, tally) throws(SQLiteError) in
      try payments.purchases(after: sequence, &tally)
    }
    try keys(report)
    for rule in VerifyUniqueness.rules {
      let walk = try VerifyUniqueness(rule, connection: reader.connection)
      while try reader.snapshot({ (_) throws(SQLiteError) in try walk.slice(&unique) }) {
        progress(.uniqueness, unique, total: 0, report)
      }
    }
  }

  private func keys(_ report: (VerifyProgress) -> Void) throws(SQLiteError) {
    let keys = reader.keys
    try reader.snapshot { (head) throws(SQLiteError) in try keys.begin(head, &unique) }
    try walkLedger(.uniqueness, report, keys.ledger)
    for part in [keys.index, keys.waiting] {
      while try reader.snapshot({ (_) throws(SQLiteError) in try part(&unique) }) {
        progress(.uniqueness, unique, total: 0, report)
      }
    }
    if keys.isEqual { return }
    try walkLedger(.uniqueness, report, keys.lacking)
    keys.restart()
    while try reader.snapshot({ (_) throws(SQLiteError) in try keys.stray(&unique) }) {
      progress(.uniqueness, unique, total: 0, report)
    }
  }

  func schema(_ enums: VerifyEnums?, _ report: (VerifyProgress) -> Void) {
    for walk in reader.records.walks {
      attempt(.schema) { () throws(SQLiteError) in
        while try reader.snapshot({ (_) throws(SQLiteError) in try walk.slice(&file) }) {
          progress(.schema, file, total: 0, report)
        }
      }
    }
    for step in VerifySchema(connection: reader.connection).steps(enums) {
      attempt(.schema) { () throws(SQLiteError) in try step(&file) }
      progress(.schema, file, total: 0, report)
    }
  }

  // MARK: reports

  private func progress(
    _ check: VerifyCheck, _ tally: VerifyTally, total: Int64, isDone: Bool = false,
    _ report: (VerifyProgress) -> Void
  ) {
    let elapsed = MonotonicClock.nanoseconds - startedNanoseconds
    report(
      VerifyProgress(
        check: check.rawValue, title: check.title, isDone: isDone, examined: tally.examined,
        total: isDone ? tally.examined : total, exempt: tally.exempt, violations: tally.violations,
        findings: tally.findings,
        elapsedMicros: Int64(elapsed / 1_000)))
  }

  func end(_ check: VerifyCheck, _ report: (VerifyProgress) -> Void) {
    tally(check) { tally in
      if tally.violations > 0 { isSound = false }
      progress(check, tally, total: tally.examined, isDone: true, report)
    }
  }
}
