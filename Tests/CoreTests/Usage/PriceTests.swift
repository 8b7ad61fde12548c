// The book of prices: which row holds, what a run costs by it, and what later rows change.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Prices")
struct PriceTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory() }

  private typealias Line = TallyCore.UsageCommand.PutPrices.Line

  private func put(_ lines: [Line]) -> Command { .putPrices(.init(lines)) }

  private func stored(_ outcome: Outcome) throws -> PricesReceipt {
    guard case .pricesStored(let receipt) = outcome else { throw Refusal(.corrupt, "\(outcome)") }
    return receipt
  }

  private func ended(
    _ runId: String, _ units: [UnitCount], input: Int64 = 0, output: Int64 = 0,
    status: RunStatus = .succeeded, digest: UInt8 = 2
  ) -> UsageCommand {
    .finish(
      UsageCommand.Finish(
        runId: runId,
        end: UsageCommand.End(status: status, inputTokens: input, outputTokens: output, units: units),
        digest: Digest(bytes: [UInt8](repeating: digest, count: 32))))
  }

  @Test("ten thousand runs cost to the micro-dollar what exact fractions say, and their classes add up to it")
  func exact() throws {
    var random = SeededGenerator(seed: ModelSettings.seed)
    func number(_ bits: ClosedRange<UInt64>) -> Int64 {
      let length = bits.lowerBound + random.next() % (bits.upperBound - bits.lowerBound + 1)
      return length == 0 ? 0 : Int64(random.next() >> (64 - length))
    }
    var dear = 0
    for run in 0..<10_000 {
      var book = PriceBook()
      let parts: Int64? = random.next() % 2 == 0 ? nil : number(1...26) + 1
      if let parts {
        var row = Price(planId: "p", unitClass: nil, micros: parts, effectiveFromMicros: 0)
        row.id = 1
        book.append(row)
      }
      var units: [UnitCount] = []
      var exact: [Digits] = []
      for unitClass in UnitClass.allCases where random.next() % 3 == 0 {
        let (count, rate) = (number(0...32), number(0...40))
        let isOwn = random.next() % 2 == 0
        var row = Price(
          planId: isOwn ? "p" : "", model: random.next() % 2 == 0 ? "m" : "", unitClass: unitClass,
          micros: rate,
          effectiveFromMicros: 0)
        row.id = book.version + 1
        book.append(row)
        guard count > 0 else { continue }
        units.append(UnitCount(unitClass, count))
        exact.append(Digits(count) * Digits(rate) * Digits(isOwn ? 1_000_000 : parts ?? 1_000_000))
      }
      guard !units.isEmpty else { continue }
      let (whole, rest) = exact.reduce(Digits(0), +).dividedByMillionMillions
      let total = whole + (rest == Digits(0) ? 0 : 1)
      let pricing = RunPricing(book, planId: "p", atMicros: noon)
      guard total <= RunLimits.costMicros else {
        #expect(throws: Refusal.self) { try pricing.cost(of: units, model: "m") }
        dear += 1
        continue
      }
      let cost = try pricing.cost(of: units, model: "m")
      let breakdown = try #require(cost.breakdown)
      #expect(cost.micros == total, "run \(run): \(units)")
      #expect(breakdown.map(\.unitClass) == units.map(\.unitClass))
      #expect(breakdown.reduce(0) { $0 + $1.micros } == total)
      let shares = exact.map(\.dividedByMillionMillions)
      let more = zip(breakdown, shares).map { $0.micros - $1.whole }
      #expect(more.allSatisfy { $0 == 0 || $0 == 1 })
      // Whoever got one lost no less than whoever did not.
      for (index, got) in more.enumerated() where got == 1 {
        for (other, none) in more.enumerated() where none == 0 {
          #expect(!(shares[index].rest < shares[other].rest), "run \(run): \(units)")
        }
      }
    }
    #expect(dear > 0 && dear < 5_000)
  }

  @Test("of a class the first holds: the plan's of the model, of any, the book's of the model, of any")
  func layers() throws {
    var book = PriceBook()
    func price(_ planId: String, _ model: String, _ micros: Int64?) {
      var row = Price(planId: planId, model: model, unitClass: .input, micros: micros, effectiveFromMicros: 0)
      row.id = book.version + 1
      book.append(row)
    }
    func cost(_ planId: String? = "p") throws -> Int64 {
      try RunPricing(book, planId: planId, atMicros: noon).cost(
        of: [UnitCount(.input, 1_000_000)], model: "m"
      ).micros
    }
    #expect(throws: Refusal.self) { try cost() }
    price("", "", 1)
    #expect(try cost() == 1)
    price("", "m", 2)
    #expect(try cost() == 2)
    price("p", "", 3)
    #expect(try cost() == 3 && cost(nil) == 2)
    price("p", "m", 4)
    #expect(try cost() == 4 && cost("other") == 2)
    // A row without a price says nothing.
    price("p", "m", nil)
    #expect(try cost() == 3)
  }

  @Test("6,074 tokens of prompt, 3,456 of them read from a cache at a tenth of the price, 285 out")
  func cached() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", dollar, "p"))
    let receipt = try stored(
      try engine.decide(
        put([
          Line(model: "m", unitClass: .input, micros: 3_000_000),
          Line(model: "m", unitClass: .cacheRead, micros: 300_000),
          Line(model: "m", unitClass: .output, micros: 15_000_000),
        ])))
    #expect(!receipt.unchanged && receipt.prices.map(\.id) == [1, 2, 3])
    try engine.must(begin("u", "r", 50_000))
    let run = try engine.must(ended("r", [UnitCount(.cacheRead, 3_456)], input: 2_618, output: 285)).run
    // 7,854 + 1,036.8 + 4,275, rounded up once.
    #expect(run.costMicros == 13_166 && run.chargedMicros == 13_166)
    #expect(
      run.breakdown == [ClassCost(.input, 7_854), ClassCost(.output, 4_275), ClassCost(.cacheRead, 1_037)])
    let refused = try engine.must(begin("u", "s"))
    #expect(refused.run.priceVersion == 3)
    let refusal = try engine.refusal(.usage(ended("s", [UnitCount(.reasoning, 1)])))
    #expect(refusal.reason == .invalidField && refusal.details["unit_class"] == "REASONING")
    #expect(refusal.details["model"] == "m")
    try engine.must(ended("s", [], input: 1))
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a run is priced as of its begin and a recorded one as of its start, whatever is put later")
  func stamped() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", dollar, "p"))
    let day: Int64 = 86_400 * second
    let old = noon - 20 * day
    let first = Line(model: "m", unitClass: .input, micros: 1_000_000, effectiveFromMicros: old)
    #expect(try stored(try engine.decide(put([first]))).prices[0].effectiveFromMicros == old)
    try engine.must(begin("u", "r", 10))
    clock.set(wallMicros: noon + second)
    let second2 = Line(model: "m", unitClass: .input, micros: 5_000_000)
    _ = try stored(try engine.decide(put([second2])))
    var pro = plan("pro", dollar)
    pro.prices = [
      ModelPrice(model: "m", inputMicrosPerMillion: 9_000_000, outputMicrosPerMillion: 0, imageMicros: 0)
    ]
    _ = try engine.decide(.putPlan(pro))
    var settings = UserSettings(userId: "u")
    settings.planId = "pro"
    _ = try engine.decide(.admin(.putSettings(settings)))
    #expect(try engine.must(ended("r", [], input: 4)).run.costMicros == 4)
    try engine.must(begin("u", "s", 10))
    #expect(try engine.must(ended("s", [], input: 4)).run.costMicros == 36)
    func recorded(_ runId: String, _ userId: String, _ at: Int64) throws -> Int64 {
      try engine.must(
        .record(
          UsageCommand.Record(
            userId: userId, runId: runId, model: "m", type: "t",
            end: UsageCommand.End(status: .succeeded, inputTokens: 4), startedAtMicros: at,
            digest: Digest(bytes: [UInt8](repeating: 3, count: 32))))
      ).run.costMicros
    }
    #expect(try recorded("a", "v", noon - 10 * day) == 4)
    #expect(try recorded("b", "v", noon + second) == 20)
    #expect(try engine.findings() == [])
    try engine.close()
    // And so it stays after a restart.
    let again = try open(directory, clock: clock)
    #expect(try again.prices(PriceFilter(limit: 10)).value.prices.count == 5)
    try again.close()
  }

  @Test("prices are for the future, but for what had none; what the book says already is not said again")
  func putting() throws {
    let engine = try open(directory, clock: clock)
    let line = Line(model: "m", unitClass: .input, micros: 1)
    let first = try stored(try engine.decide(put([line])))
    let again = try stored(try engine.decide(put([line])))
    #expect(again.unchanged && again.prices == first.prices)
    let past = Line(model: "m", unitClass: .input, micros: 2, effectiveFromMicros: noon - 1)
    let refusal = try engine.refusal(put([line, past]))
    #expect(refusal.reason == .invalidField)
    #expect(refusal.details["field"] == "prices[1].effective_from_micros")
    let unknown = Line(planId: "none", model: "m", unitClass: .input, micros: 2)
    #expect(try engine.refusal(put([unknown])).reason == .grantNotFound)
    let later = Line(model: "m", unitClass: .input, micros: 7, effectiveFromMicros: noon + 10 * second)
    #expect(try !stored(try engine.decide(put([later]))).unchanged)
    #expect(try stored(try engine.decide(put([later]))).unchanged)
    var filter = PriceFilter(limit: 1)
    #expect(try engine.prices(filter).value.hasMore)
    (filter.limit, filter.atMicros) = (10, noon)
    #expect(try engine.prices(filter).value.prices.map(\.micros) == [1])
    filter.atMicros = noon + 10 * second
    #expect(try engine.prices(filter).value.prices.map(\.micros) == [7])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("the book has so many rows and no more, whoever would append one, and the field says who it was")
  func full() throws {
    var world = Deciding(.keysFirst, nowMicros: noon)
    try world.carryOut(.putPlan(plan("pro", dollar)))
    try world.write { writes in
      var effects = Effects()
      effects.set { products in
        products.prices = (1..<PriceBook.maximumRows).map { number in
          var row = Price(model: "m\(number)", unitClass: .input, micros: 1, effectiveFromMicros: noon)
          row.id = Int64(number)
          return row
        }
      }
      writes.add(effects)
    }
    func refused(_ command: Command) throws -> String {
      do {
        _ = try world.decide(command)
        return "taken"
      } catch let refusal as Refusal {
        let field = refusal.details["field"] ?? ""
        #expect(refusal.reason == .invalidField && refusal.message.hasPrefix(field))
        #expect(refusal.message.contains(refusal.details["limit"] ?? "none"))
        return "\(field) \(refusal.details["limit"] ?? "")"
      }
    }
    let lines = ["x", "y"].map { Line(model: $0, unitClass: .input, micros: 1) }
    #expect(try refused(put(lines)) == "prices 65536")
    // The last one that there is room for.
    try world.carryOut(put([lines[0]]))
    #expect(try refused(put([lines[0]])) == "taken")
    #expect(try refused(put([lines[1]])) == "prices 65536")
    var pro = plan("pro", dollar)
    pro.multiplierPpm = 1_200_000
    #expect(try refused(.putPlan(pro)) == "plan.price_multiplier_ppm 65536")
    pro.prices = [
      ModelPrice(model: "own", inputMicrosPerMillion: 1, outputMicrosPerMillion: 0, imageMicros: 0)
    ]
    #expect(try refused(.putPlan(pro)) == "plan.prices 65536")
    // What leaves the book as it is goes on.
    pro.prices = []
    (pro.multiplierPpm, pro.displayName) = (nil, "Pro")
    #expect(try refused(.putPlan(pro)) == "taken")
  }

  @Test(
    "a line that takes away what is not there appends nothing, and a first price may still be of the past")
  func nothingToTake() throws {
    let engine = try open(directory, clock: clock)
    let none = Line(model: "m", unitClass: .input, micros: nil)
    let receipt = try stored(try engine.decide(put([none])))
    #expect(receipt.unchanged && receipt.prices.map(\.id) == [0])
    let old = Line(model: "m", unitClass: .input, micros: 3, effectiveFromMicros: noon - second)
    let mixed = try stored(
      try engine.decide(put([Line(model: "m", unitClass: .output, micros: nil), old])))
    #expect(!mixed.unchanged && mixed.prices.map(\.id) == [0, 1])
    #expect(mixed.prices[1].effectiveFromMicros == noon - second)
    // Before the first price there is nothing to take, from it on there is.
    let before = Line(model: "m", unitClass: .input, micros: nil, effectiveFromMicros: noon - 2 * second)
    #expect(try stored(try engine.decide(put([before]))).unchanged)
    #expect(try stored(try engine.decide(put([none]))).prices.map(\.id) == [2])
    #expect(try stored(try engine.decide(put([none]))).unchanged)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("what holds at a time is what each row's own look-up says, and a long book is read in one pass")
  func held() throws {
    var random = SeededGenerator(seed: ModelSettings.seed)
    var book = PriceBook()
    func append(_ price: Price) {
      var row = price
      row.id = book.version + 1
      book.append(row)
    }
    for _ in 0..<400 {
      append(
        Price(
          planId: random.next() % 2 == 0 ? "p" : "", model: random.next() % 2 == 0 ? "m" : "",
          unitClass: random.next() % 4 == 0 ? nil : .input, micros: 1,
          effectiveFromMicros: Int64(random.next() % 20)))
    }
    var filter = PriceFilter(limit: 1_000)
    for at in Int64(0)..<20 {
      filter.atMicros = at
      let expected = book.rows.filter {
        book.row($0.planId, $0.model, $0.unitClass, atMicros: at)?.id == $0.id
      }
      #expect(book.page(filter).prices == expected)
    }
    // By a look-up for each row this would be four thousand million steps.
    for time in 0..<Int64(PriceBook.maximumRows) - 400 {
      append(Price(model: "long", unitClass: .input, micros: 1, effectiveFromMicros: time))
    }
    (filter.model, filter.atMicros) = ("long", Int64.max)
    #expect(book.page(filter).prices.map(\.id) == [Int64(PriceBook.maximumRows)])
  }

  @Test("a plan's multiplier is for the book's prices, and its own are what they say")
  func multiplier() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", dollar, "p"))
    _ = try engine.decide(put([Line(unitClass: .input, micros: 1_000_000)]))
    var pro = plan("pro", dollar)
    (pro.multiplierPpm, pro.isDefault) = (1_200_000, true)
    pro.prices = [
      ModelPrice(model: "own", inputMicrosPerMillion: 1_000_000, outputMicrosPerMillion: 0, imageMicros: 0)
    ]
    _ = try engine.decide(.putPlan(pro))
    try engine.must(begin("u", "r", 10))
    // A later change is not for what has begun.
    pro.multiplierPpm = nil
    clock.set(wallMicros: noon + second)
    _ = try engine.decide(.putPlan(pro))
    #expect(try engine.must(ended("r", [], input: 10)).run.costMicros == 12)
    try engine.must(begin("u", "s", 10))
    #expect(try engine.must(ended("s", [], input: 10)).run.costMicros == 10)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test(
    "a cost that the book does not say is found",
    arguments: [
      ("UPDATE run SET cost = 5, charged = 5", "run row 1: cost 5 by its classes, the book says 10"),
      ("UPDATE run SET input_tokens = 11", "run row 1: cost 10 by its classes, the book says 11"),
      ("UPDATE run SET breakdown = x'0109'", "run row 1: cost 10 by its classes, the book says 10"),
      (
        "UPDATE price SET micros_per_million = 2000000", "run row 1: cost 10 by its classes, the book says 20"
      ),
      ("DELETE FROM price", "run row 1: cost 10 by its classes, the book has no price for them"),
      ("UPDATE price SET id = 7", "price 7: comes after price 0"),
    ])
  func damaged(_ sql: String, _ finding: String) throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", dollar, "p"))
    _ = try engine.decide(put([Line(unitClass: .input, micros: 1_000_000)]))
    try engine.must(begin("u", "r", 10))
    try engine.must(ended("r", [], input: 10))
    try engine.close()
    try VerifyTests.expect(finding, of: 4, after: sql, in: directory)
  }
}
