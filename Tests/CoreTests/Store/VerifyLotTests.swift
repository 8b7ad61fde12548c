// What an account says of its lots and of its next grant, held against its rows and its settings.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Verify, stored lots")
struct VerifyLotTests {
  enum Change: CaseIterable {
    case priority, expiry, noExpiry, effective, notEffectiveLater
  }

  @Test("a lot whose terms are not its row's is named", arguments: Change.allCases)
  func terms(change: Change) throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    try engine.must(promo("u1", 5, "a", expiresAt: noon + 100 * second))
    try engine.must(
      .grantPromo(
        .init(
          userId: "u1", amountMicros: 7, priority: 30, effectiveAtMicros: noon + 50 * second,
          expiresAtMicros: nil, idempotency: key("b"))))
    try engine.close()
    #expect(try VerifyTests.reports(directory.databasePath)[2]?.violations == 0)
    let connection = try directory.connection()
    var lots = try #require(
      try connection.prepare("SELECT lots FROM account").first { (row) throws(SQLiteError) in
        try Packing.lots(row.blob())
      })
    let terms = "account 1, lot 1: its rows say otherwise"
    let beginning = "account 1, lot 2: it is not effective when its row says"
    switch change {
    case .priority: lots[0].priority = 19
    case .expiry: lots[0].expiresAtMicros = noon + 99 * second
    case .noExpiry: lots[0].expiresAtMicros = nil
    case .effective: lots[1].effectiveAtMicros = noon + 51 * second
    case .notEffectiveLater: lots[1].effectiveAtMicros = nil
    }
    let hex = Packing.pack(lots).map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
    let isOfBeginning = change == .effective || change == .notEffectiveLater
    try VerifyTests.expect(
      isOfBeginning ? beginning : terms, of: 2, after: "UPDATE account SET lots = x'\(hex)'", in: directory)
  }

  @Test("a lot that has become effective may have dropped its time, and one that has not may keep it")
  func effective() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    try engine.must(
      .grantPromo(
        .init(
          userId: "u1", amountMicros: 7, priority: 30, effectiveAtMicros: noon + 50 * second,
          expiresAtMicros: nil, idempotency: key("b"))))
    clock.advance(byMicros: 60 * second)
    try engine.must(consume("u1", 1, "c"))
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a next grant of a user without a subscription that the server grants is named")
  func nextGrant() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    try engine.must(purchase("u1", 5, "a"))
    try engine.close()
    try VerifyTests.expect(
      "account 1: the server is to grant it something", of: 2,
      after: "UPDATE account SET next_grant_at = 5, next_due = 5", in: directory)
  }
}
