// Hundreds of callers at once: exactly what is affordable succeeds, and nothing twice.

internal import TallyLocking
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Store concurrency")
struct ConcurrencyTests {
  static let callers = 300
  let directory: TemporaryDirectory
  let engine: SQLiteEngine

  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    engine = try open(directory)
  }

  /// Runs a body on as many threads, all at once.
  private func race(_ count: Int = callers, _ body: @escaping @Sendable (Int) -> Void) throws {
    let gate = Monitor(false)
    let threads = try (0..<count).map { number in
      try Thread {
        _ = gate.wait(until: { $0 }, then: { _ in })
        body(number)
      }
    }
    gate.withLock { $0 = true }
    gate.broadcast()
    for thread in threads { try thread.join() }
  }

  private func isSound() throws -> Bool {
    try engine.findings() == []
  }

  private final class Tally: Sendable {
    private let counts = Monitor<[String: Int64]>([:])
    func add(_ name: String, _ amount: Int64 = 1) { counts.withLock { $0[name, default: 0] += amount } }
    subscript(name: String) -> Int64 { counts.withLock { $0[name, default: 0] } }
  }

  @Test("of 300 consumes on a balance for seven, seven succeed")
  func consumes() throws {
    try engine.must(purchase("u", 7 * dollar + dollar / 2, "p"))
    let tally = Tally()
    try race { [engine] number in
      guard let outcome = try? engine.decide(consume("u", dollar, "c\(number)")) else {
        return tally.add("lost")
      }
      tally.add(outcome.receipt != nil ? "applied" : outcome.refusal?.reason.rawValue ?? "other")
    }
    #expect(tally["applied"] == 7 && tally["INSUFFICIENT_CREDITS"] == 293)
    #expect(try engine.available("u") == dollar / 2)
    #expect(try isSound())
    try engine.close()
  }

  @Test("holds and consumes together take exactly what there is; what is captured and released adds up")
  func mix() throws {
    try engine.must(purchase("u", 50 * dollar, "p"))
    let tally = Tally()
    try race { [engine] number in
      switch number % 3 {
      case 0:
        if (try? engine.decide(consume("u", dollar, "c\(number)")))?.receipt != nil {
          tally.add("spent", dollar)
        }
      case 1:
        guard let hold = (try? engine.decide(reserve("u", 2 * dollar, "r\(number)")))?.receipt?.hold else {
          return
        }
        let captured = try? engine.decide(capture(hold.id, dollar / 2, "x\(number)"))
        if captured?.receipt != nil { tally.add("spent", dollar / 2) } else { tally.add("failed") }
      default:
        guard let hold = (try? engine.decide(reserve("u", dollar, "r\(number)")))?.receipt?.hold else {
          return
        }
        if (try? engine.decide(release(hold.id, "x\(number)")))?.receipt == nil { tally.add("failed") }
        if number % 2 == 0, (try? engine.decide(purchase("u", dollar, "p\(number)")))?.receipt != nil {
          tally.add("bought", dollar)
        }
      }
    }
    let balance = try engine.balance(userId: "u").value
    #expect(tally["failed"] == 0)
    #expect(balance.heldMicros == 0)
    #expect(balance.postedMicros == 50 * dollar + tally["bought"] - tally["spent"])
    #expect(try isSound())
    try engine.close()
  }

  @Test("300 holds on a balance for ten: ten open, and each settles once however many try")
  func settlers() throws {
    try engine.must(purchase("u", 10 * dollar, "p"))
    let tally = Tally()
    let holds = Monitor<[Int64]>([])
    try race { [engine] number in
      if let hold = (try? engine.decide(reserve("u", dollar, "r\(number)")))?.receipt?.hold {
        holds.withLock { $0.append(hold.id) }
      }
    }
    let ids = holds.withLock { $0 }
    #expect(ids.count == 10)
    try race { [engine] number in
      let id = ids[number % ids.count]
      let command = number % 2 == 0 ? capture(id, nil, "s\(number)") : release(id, "s\(number)")
      guard let outcome = try? engine.decide(command) else { return tally.add("lost") }
      tally.add(outcome.receipt != nil ? "settled" : outcome.refusal?.reason.rawValue ?? "other")
    }
    #expect(tally["settled"] == 10 && tally["HOLD_SETTLED"] == 290)
    #expect(try isSound())
    try engine.close()
  }

  @Test("the same key from 300 callers is applied once and replayed 299 times")
  func duplicates() throws {
    try engine.must(purchase("u", dollar, "p"))
    let tally = Tally()
    try race { [engine] _ in
      guard let receipt = (try? engine.decide(consume("u", 3, "same")))?.receipt else {
        return tally.add("lost")
      }
      tally.add(receipt.replayed ? "replayed" : "applied")
      tally.add("sequence \(receipt.transaction.sequence)")
    }
    #expect(tally["applied"] == 1 && tally["replayed"] == 299 && tally["sequence 2"] == 300)
    #expect(try engine.available("u") == dollar - 3)
    try engine.close()
  }

  @Test("a payment and a plan's grant from many callers, each with its own key, happen once")
  func naturalKeys() throws {
    _ = try engine.decide(.putPlan(plan("pro", dollar)))
    let tally = Tally()
    try race { [engine] number in
      let command =
        number % 2 == 0
        ? purchase("u", dollar, "p\(number)", payment: "pay") : grant("u", "pro", "g\(number)")
      guard let receipt = (try? engine.decide(command))?.receipt else { return tally.add("lost") }
      tally.add(receipt.replayed ? "replayed" : "applied")
    }
    #expect(tally["applied"] == 2 && tally["replayed"] == 298)
    #expect(try engine.available("u") == 2 * dollar)
    try engine.close()
  }

  @Test("a read that begins after an answer sees it, and no reader sees the books unbalanced")
  func freshness() throws {
    try engine.must(purchase("u", 1_000 * dollar, "p"))
    let tally = Tally()
    try race(32) { [engine] number in
      for round in 0..<20 {
        guard let receipt = (try? engine.decide(consume("u", 1, "c\(number)-\(round)")))?.receipt,
          let read = try? engine.balance(userId: "u"),
          let page = try? engine.transactions(.init(userId: "u", limit: 1))
        else { return tally.add("lost") }
        if read.value.version < receipt.transaction.version { tally.add("stale") }
        if read.commitSequence < receipt.transaction.commit.sequence { tally.add("stale") }
        guard let newest = page.value.rows.first else { return tally.add("lost") }
        if newest.sequence < receipt.transaction.sequence { tally.add("stale") }
        if newest.balanceAfterMicros != 1_000 * dollar - newest.version + 1 { tally.add("unbalanced") }
      }
    }
    #expect(tally["lost"] == 0 && tally["stale"] == 0 && tally["unbalanced"] == 0)
    try engine.close()
  }
}
