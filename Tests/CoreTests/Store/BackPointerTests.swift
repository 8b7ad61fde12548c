// A user's rows found by their back pointers, against all rows of the ledger; and pointers of a damaged file.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Back pointers")
struct BackPointerTests {
  /// A row as it stands in the ledger.
  private struct Row {
    var sequence: Int64
    var userId: String
    var version: Int64
    var atMicros: Int64
  }

  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  /// One user has more rows than a far mark passes over twice, others have few.
  private func fill(_ engine: SQLiteEngine) throws {
    for user in 0..<10 { try engine.must(purchase("u\(user)", 100_000, "p")) }
    for start in stride(from: 0, to: 9_000, by: 500) {
      clock.advance(byMicros: second)
      let batch = (start..<start + 500).map {
        consume($0 % 40 == 3 ? "u\(1 + $0 / 40 % 8)" : "u0", 1, "c\($0)")
      }
      #expect(try engine.decide(batch).allSatisfy { $0.receipt != nil })
    }
  }

  private func rows(_ engine: SQLiteEngine) throws -> [Row] {
    try engine.perform { (_, store) throws(StorageFailure) in
      try store.storing { () throws(SQLiteError) in
        let all = try store.connection.prepare(
          """
          SELECT l.sequence, a.user_id, l.version, l.at FROM ledger l JOIN account a ON a.id = l.account
          ORDER BY l.sequence
          """)
        return try all.all { (row) in
          Row(sequence: row.int(), userId: row.text(), version: row.int(), atMicros: row.int())
        }
      }
    }
  }

  @Test("pages, stretches and past versions are those of all rows, wherever they begin and end")
  func found() throws {
    let engine = try open(directory, clock: clock)
    try fill(engine)
    let all = try rows(engine)
    var random = SeededGenerator(seed: 5)
    for round in 0..<120 {
      let userId = "u\(round % 2 == 0 ? 0 : Int.random(in: 1..<11, using: &random))"
      let own = all.filter { $0.userId == userId }

      var page = TransactionFilter(userId: userId, limit: Int.random(in: 1..<300, using: &random))
      page.beforeSequence = Int64.random(in: 1...Int64(all.count) + 2, using: &random)
      let expected = own.filter { $0.sequence < page.beforeSequence ?? 0 }.suffix(page.limit).reversed()
      #expect(try engine.transactions(page).value.rows.map(\.sequence) == expected.map(\.sequence))

      // Some of these users are gone through, some are looked for.
      let users = (0..<Int.random(in: 1..<11, using: &random)).map { "u\($0)" }
      let from = Int64.random(in: 1...Int64(all.count), using: &random)
      var stretch = LedgerFilter(fromSequence: from, limit: 10_000)
      stretch.userIds = users
      stretch.beforeSequence = from + Int64.random(in: 1..<4_000, using: &random)
      let within = all.filter {
        $0.sequence >= from && $0.sequence < stretch.beforeSequence && users.contains($0.userId)
      }
      #expect(try engine.ledger(stretch).value.rows.map(\.sequence) == within.map(\.sequence))

      let atMicros = noon + Int64.random(in: 0..<18, using: &random) * second
      let written = own.last { $0.atMicros <= atMicros }
      #expect(try engine.balance(userId: userId, atMicros: atMicros).value.version == written?.version ?? 0)
    }
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test(
    "a walk over a damaged file ends, and shows no row of another user",
    arguments: [
      "UPDATE ledger SET previous = sequence", "UPDATE ledger SET previous = sequence + 1",
      "UPDATE ledger SET skip = sequence, previous = sequence",
      "UPDATE ledger SET previous = sequence - 1", "UPDATE ledger SET skip = sequence - 1",
      "UPDATE account SET head = (SELECT max(sequence) FROM ledger)", "UPDATE account SET head = 99999",
    ])
  func damaged(sql: String) throws {
    do {
      let engine = try open(directory, clock: clock)
      for user in 0..<3 { try engine.must(purchase("u\(user)", 1_000, "p")) }
      let batch = (0..<300).map { consume("u\($0 % 3)", 1, "c\($0)") }
      #expect(try engine.decide(batch).allSatisfy { $0.receipt != nil })
      try engine.close()
    }
    try directory.connection().execute(sql)
    let engine = try open(directory, clock: clock)
    for user in 0..<3 {
      let userId = "u\(user)"
      for before in [nil, 1, 150, 302] as [Int64?] {
        var page = TransactionFilter(userId: userId, limit: 1_000)
        page.beforeSequence = before
        #expect(try engine.transactions(page).value.rows.allSatisfy { $0.userId == userId })
      }
      var stretch = LedgerFilter(fromSequence: 1, limit: 1_000)
      stretch.userIds = [userId]
      #expect(try engine.ledger(stretch).value.rows.allSatisfy { $0.userId == userId })
      // No row of another user tells what this one had.
      let past = try engine.balance(userId: userId, atMicros: noon - 1).value
      #expect(past.version == 0 && past.postedMicros == 0)
    }
    #expect(try !engine.findings().isEmpty)
    try engine.close()
  }
}
