// What a refusal leaves of caps: counters that were made of many rows are kept, so that whoever is refused
// and tries again costs no more than a look-up.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Refusals by caps") struct CapRefusalTests {
  private static let many = MadeCapCounters.leastFactCount

  @Test(
    "a refusal keeps what it has counted, and what follows counts on", arguments: EngineUnderTest.allCases)
  func goesOn(engine: EngineUnderTest) throws {
    var world = try CapWorld(engine)
    for _ in 0..<Self.many { #expect(world.consume(1) == nil) }
    try world.put([Cap.money("day", .day, 5)])
    for _ in 0..<3 { #expect(world.consume(1) == "CAP_EXCEEDED") }
    try world.end()
    #expect(try world.used() == ["day": Int64(Self.many)])
    try world.put([Cap.money("day", .day, Int64(Self.many) + 10)])
    #expect(world.consume(11) == "CAP_EXCEEDED" && world.consume(10) == nil)
    let hold = world.rig.engine.apply(
      .reserve(
        .init(userId: "u", amountMicros: 1, ttlMillis: 1_000, idempotency: world.key())))
    #expect(hold.refusal?.reason == .capExceeded)
    // Far from the cap, and without the credit.
    try world.put([Cap.money("day", .day, nil), Cap.money("week", .week, 1 << 40)])
    #expect(world.consume(1 << 30) == "INSUFFICIENT_CREDITS")
    #expect(world.consume(5) == nil)
    #expect(try world.used() == ["week": Int64(Self.many) + 15])
    try world.end()
    try world.rig.restart()
    try world.end()
  }

  @Test("counters are kept when they were made of many rows, and only then")
  func stored() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory)
    func count() throws -> Int64? {
      try directory.connection().value("SELECT count(*) FROM cap_counter")
    }
    try engine.must(purchase("u", 1_000_000, "p"))
    let debits = (1..<Self.many).map { consume("u", 1, "d\($0)") }
    #expect(try engine.decide(debits).allSatisfy { $0.refusal == nil })
    let cap = CapList(spender: "", caps: [Cap.money("day", .day, 5)])
    #expect(try engine.decide(.admin(.putCaps("u", cap))).refusal == nil)
    #expect(try engine.refusal(consume("u", 1, "few")).reason == .capExceeded)
    #expect(try count() == 0)
    #expect(try engine.decide(.admin(.putCaps("u", CapList(spender: "", caps: [])))).refusal == nil)
    try engine.must(consume("u", 1, "one more"))
    #expect(try engine.decide(.admin(.putCaps("u", cap))).refusal == nil)
    let refused = try engine.refusal(consume("u", 1, "many"))
    #expect(refused.reason == .capExceeded)
    #expect(try count() == 1)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test(
    "a batch that is aborted keeps what was counted before it, and nothing of its own",
    arguments: EngineUnderTest.allCases)
  func aborted(engine: EngineUnderTest) throws {
    var world = try CapWorld(engine)
    for _ in 0..<Self.many { #expect(world.consume(1) == nil) }
    try world.put([Cap.money("day", .day, Int64(Self.many) + 5)])
    for _ in 0..<2 {
      let items = (0..<8).map { _ in
        Result<CreditCommand.Consume, Refusal>.success(
          .init(userId: "u", amountMicros: 1, idempotency: world.key()))
      }
      let outcomes = world.rig.applyAtomically(items)
      #expect(outcomes.map { $0.refusal?.reason }.filter { $0 == .capExceeded }.count == 1)
      #expect(outcomes.allSatisfy { $0.refusal != nil })
      #expect(try world.used() == ["day": Int64(Self.many)])
      try world.end()
    }
    #expect(world.consume(5) == nil && world.consume(1) == "CAP_EXCEEDED")
    try world.end()
  }
}
