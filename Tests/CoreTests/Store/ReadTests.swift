// What readers see: pages, filters, bounds in time, and the accounts kept in memory.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Store reads")
struct ReadTests {
  let directory: TemporaryDirectory
  let clock = TestClock(wallMicros: noon)
  let engine: SQLiteEngine

  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    engine = try open(directory, clock: clock)
  }

  private func walk(_ filter: TransactionFilter) throws -> [[Int64]] {
    var filter = filter
    var pages: [[Int64]] = []
    while true {
      let page = try engine.transactions(filter).value
      pages.append(page.rows.map(\.sequence))
      guard let next = page.nextBefore else { return pages }
      filter.beforeSequence = next
    }
  }

  @Test("pages are newest first, whole, and stable while rows are added")
  func pages() throws {
    try engine.must(purchase("u", 100, "p"))
    try engine.must(purchase("v", 100, "p"))
    for number in 0..<5 { try engine.must(consume("u", 1, "c\(number)")) }
    #expect(try walk(TransactionFilter(userId: "u", limit: 2)) == [[7, 6], [5, 4], [3, 1]])
    #expect(try walk(TransactionFilter(userId: "u", limit: 6)) == [[7, 6, 5, 4, 3, 1]])
    #expect(try walk(TransactionFilter(userId: "nobody", limit: 6)) == [[]])
    var filter = TransactionFilter(userId: "u", limit: 2)
    let first = try engine.transactions(filter).value
    try engine.must(consume("u", 1, "late"))
    filter.beforeSequence = first.nextBefore
    #expect(try engine.transactions(filter).value.rows.map(\.sequence) == [5, 4])
    try engine.close()
  }

  @Test("types, times and metadata narrow a page")
  func filters() throws {
    for number in 0..<10 {
      clock.set(wallMicros: noon + Int64(number) * second)
      if number % 2 == 0 {
        try engine.must(purchase("u", 100, "p\(number)"))
      } else {
        let text = FreeText(metadata: [
          MetadataEntry(key: "n", value: String(number)), MetadataEntry(key: "odd", value: "é"),
        ])
        try engine.must(
          .consume(.init(userId: "u", amountMicros: 1, idempotency: key("c\(number)"), text: text)))
      }
    }
    var filter = TransactionFilter(userId: "u", limit: 100)
    filter.types = [.apiUsage, .hold]
    #expect(try walk(filter) == [[10, 8, 6, 4, 2]])
    filter.metadata = [MetadataEntry(key: "odd", value: "é"), MetadataEntry(key: "n", value: "5")]
    #expect(try walk(filter) == [[6]])
    filter.metadata = [MetadataEntry(key: "odd", value: "e\u{301}")]
    #expect(try walk(filter) == [[]])
    filter = TransactionFilter(userId: "u", limit: 2)
    filter.fromMicros = noon + 3 * second
    filter.toMicros = noon + 6 * second
    #expect(try walk(filter) == [[6, 5], [4]])
    filter.fromMicros = noon + 3 * second + 1
    filter.toMicros = noon + 6 * second + 1
    #expect(try walk(filter) == [[7, 6], [5]])
    filter.toMicros = noon
    filter.fromMicros = nil
    #expect(try walk(filter) == [[]])
    filter.toMicros = nil
    filter.fromMicros = noon + 100 * second
    #expect(try walk(filter) == [[]])
    try engine.close()
  }

  @Test("a page looks at 10,000 rows at most, and then says where to go on")
  func examined() throws {
    try engine.must(purchase("u", 1_000_000, "p"))
    for batch in 0..<3 {
      _ = try engine.decide((0..<4_000).map { consume("u", 1, "c\(batch)-\($0)") })
    }
    var filter = TransactionFilter(userId: "u", limit: 10)
    filter.types = [.purchase]
    #expect(try walk(filter) == [[], [1]])
    try engine.close()
  }

  @Test("holds are paged, and narrowed by the state they have now")
  func holds() throws {
    try engine.must(purchase("u", 100, "p"))
    for number in 0..<4 { try engine.must(reserve("u", 1, "r\(number)", seconds: Int64(10 + number))) }
    try engine.must(release(2, "x"))
    clock.advance(byMicros: 11 * second)
    var filter = HoldFilter(userId: "u", limit: 2)
    let first = try engine.holds(filter).value
    #expect(first.rows.map(\.id) == [5, 4] && first.nextBefore == 4)
    filter.beforeId = first.nextBefore
    #expect(try engine.holds(filter).value.rows.map(\.state) == [.expired, .released])
    filter = HoldFilter(userId: "u", limit: 10)
    filter.states = [.expired]
    #expect(try engine.holds(filter).value.rows.map(\.id) == [3])
    filter.states = [.open]
    #expect(try engine.holds(filter).value.rows.map(\.id) == [5, 4])
    #expect(try engine.holds(HoldFilter(userId: "nobody", limit: 1)).value.rows.isEmpty)
    try engine.close()
  }

  @Test("another user's transaction is not found for an acting user")
  func acting() throws {
    try engine.must(purchase("u", 100, "p"))
    #expect(try engine.transaction(sequence: 1, actingUserId: "u").value.userId == "u")
    for (sequence, user) in [(1, "v"), (2, nil)] as [(Int64, String?)] {
      #expect { try engine.transaction(sequence: sequence, actingUserId: user) } throws: {
        ($0 as? Refusal)?.reason == .transactionNotFound
      }
    }
    try engine.close()
  }

  @Test("accounts kept in memory are bounded, exact, and never older than the last commit")
  func cache() {
    let published = CommittedState(head: LedgerHead(), maximumAccounts: 8)
    var head = LedgerHead()
    for number in 1...20 {
      head.commitSequence += 1
      published.publish(
        Books(head: head),
        [Account(id: Int64(number), userId: "u\(number)", postedMicros: head.commitSequence)])
    }
    let kept = (1...20).filter { published.account(userId: "u\($0)") != nil }
    #expect(kept.contains(20) && kept.count <= 8)
    #expect(published.account(userId: "u20")?.account.postedMicros == 20)
    // A reader's older snapshot is not taken.
    published.offer([Account(id: 1, userId: "u1", postedMicros: 1)], commitSequence: 19)
    #expect(published.account(userId: "u1") == nil)
    published.offer([Account(id: 1, userId: "u1", postedMicros: 2)], commitSequence: 20)
    published.offer([Account(id: 20, userId: "u20", postedMicros: 99)], commitSequence: 20)
    #expect(published.account(userId: "u1")?.account.postedMicros == 2)
    #expect(published.accounts(userIds: ["u1", "u20"])?.accounts.map(\.postedMicros) == [2, 20])
    #expect(published.accounts(userIds: ["u1", "u2"]) == nil)
    published.clear(Books(head: head))
    #expect(published.account(userId: "u20") == nil)
  }

  @Test("more users than one transaction sweeps are swept in slices, and the next tick does the rest")
  func sweepSlices() throws {
    let count = Committer.sweepUsers * 2 + 5
    _ = try engine.decide((0..<count).map { promo("u\($0)", 1, "g", expiresAt: noon + second) })
    clock.advance(byMicros: second)
    try engine.tick()
    #expect(engine.state().ledgerSequence == Int64(count + Committer.sweepUsers))
    try engine.sweep()
    #expect(engine.state().ledgerSequence == Int64(2 * count))
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("under a clock that stands still nothing is written off before its user's next write")
  func sweepUnderDrivenClock() throws {
    try engine.must(promo("u", 1, "g", expiresAt: noon + second))
    clock.advance(byMicros: second)
    try engine.tick(writesOff: !clock.isFrozen)
    #expect(engine.state().ledgerSequence == 1)
    clock.run()
    try engine.tick(writesOff: !clock.isFrozen)
    #expect(engine.state().ledgerSequence == 2)
    try engine.close()
  }

  @Test("balances of many users take the statements that those of few take")
  func statementCounts() throws {
    let users = (0..<200).map { "user-\($0)" }
    for user in users { try engine.must(purchase(user, 100, "p")) }
    try engine.close()
    let engine = try open(directory, clock: clock)
    let few = try statements(engine) { _ = try engine.balances(userIds: Array(users.prefix(10))) }
    let many = try statements(engine) { _ = try engine.balances(userIds: Array(users.dropFirst(10))) }
    #expect(few == many)
    #expect(few.values.reduce(0, +) == 5)
    #expect(few[AccountTable.byUsersSQL] == 1 && few["BEGIN"] == 1 && few["COMMIT"] == 1)
    // What is in memory by now takes none.
    #expect(try statements(engine) { _ = try engine.balances(userIds: users) } == [:])
    try engine.close()
  }
}
