// Batches of debits that are applied as a whole or not at all, on every engine.

import TallyCore
import Testing

private typealias Item = Result<CreditCommand.Consume, Refusal>

@Suite("Atomic batches") struct AtomicConsumeTests {
  private static let now = ModelRun.startMicros

  private static func item(_ userId: String, _ amountMicros: Int64, _ key: String) -> Item {
    .success(
      CreditCommand.Consume(
        userId: userId, amountMicros: amountMicros,
        idempotency: CoreTests.key(key, digest: UInt8(amountMicros))))
  }

  private static func rig(_ engine: EngineUnderTest) throws -> any EngineRig {
    let rig = try engine.rig()
    rig.setTime(micros: now)
    for user in ["a", "b"] { try rig.must(purchase(user, 100, "p")) }
    return rig
  }

  @Test(
    "all are applied in one commit, in order, and the same again replays", arguments: EngineUnderTest.allCases
  )
  func accepted(engine: EngineUnderTest) throws {
    let rig = try Self.rig(engine)
    let items = [Self.item("a", 60, "1"), Self.item("b", 100, "1"), Self.item("a", 40, "2")]
    let receipts = try rig.applyAtomically(items).map { try $0.get() }
    #expect(receipts.map(\.transaction.balanceAfterMicros) == [40, 0, 0])
    #expect(receipts.map(\.transaction.sequence) == [3, 4, 5])
    #expect(Set(receipts.map(\.transaction.commit.sequence)).count == 1)
    #expect(receipts.map(\.transaction.commit.position) == [0, 1, 2])
    let again = try rig.applyAtomically(items).map { try $0.get() }
    #expect(again.allSatisfy(\.replayed) && again.map(\.transaction) == receipts.map(\.transaction))
    #expect(rig.engine.state().ledgerSequence == 5)
    #expect(try rig.findings() == [])
  }

  @Test(
    "one that is refused undoes those before and after it, and no key is used up",
    arguments: EngineUnderTest.allCases)
  func aborted(engine: EngineUnderTest) throws {
    let rig = try Self.rig(engine)
    var items = [
      Self.item("a", 60, "1"), Self.item("b", 100, "1"), Self.item("a", 41, "2"), Self.item("b", 1, "2"),
    ]
    let outcomes = rig.applyAtomically(items)
    #expect(
      outcomes.map { $0.refusal?.reason }
        == [.batchAborted, .batchAborted, .insufficientCredits, .batchAborted])
    #expect(outcomes[2].refusal?.details["available_micros"] == "40")
    #expect(outcomes[0].refusal?.details == ["refused_index": "2"])
    #expect(outcomes.allSatisfy { $0.refusal?.commit != nil })
    for user in ["a", "b"] {
      let balance = try rig.engine.balance(userId: user).value
      #expect(balance.availableMicros == 100 && balance.version == 1)
    }
    items[2] = Self.item("a", 40, "2")
    items.removeLast()
    #expect(rig.applyAtomically(items).allSatisfy { $0.refusal == nil })
    try rig.restart()
    #expect(try rig.engine.balance(userId: "a").value.availableMicros == 0)
    #expect(try rig.findings() == [])
  }

  @Test("what was done before says so although the rest is aborted", arguments: EngineUnderTest.allCases)
  func replaysOfAborted(engine: EngineUnderTest) throws {
    let rig = try Self.rig(engine)
    let done = try rig.applyAtomically([Self.item("a", 60, "1")]).map { try $0.get() }
    let outcomes = rig.applyAtomically([
      // All that is left would be taken, were it not a replay.
      Self.item("a", 60, "1"), Self.item("a", 40, "2"), Self.item("a", 40, "2"), Self.item("a", 1, "3"),
      Self.item("a", 60, "1"), Self.item("a", 61, "1"),
    ])
    #expect(
      outcomes.map { $0.refusal?.reason }
        == [nil, .batchAborted, .batchAborted, .insufficientCredits, nil, .batchAborted])
    for index in [0, 4] {
      let receipt = try outcomes[index].get()
      #expect(receipt.replayed && receipt.transaction == done[0].transaction)
    }
    #expect(try rig.engine.balance(userId: "a").value.availableMicros == 40)
    // Of a key that is first used in the batch itself there is no row to name.
    let within = rig.applyAtomically([Self.item("a", 1, "4"), Self.item("a", 2, "4")])
    #expect(within.map { $0.refusal?.reason } == [.batchAborted, .idempotencyMismatch])
    #expect(within[1].refusal?.details["transaction_id"] == nil)
    let before = rig.applyAtomically([Self.item("a", 1, "4"), Self.item("a", 61, "1")])
    #expect(before.map { $0.refusal?.reason } == [.batchAborted, .idempotencyMismatch])
    #expect(before[1].refusal?.details["transaction_id"] != nil)
    // A replay within the batch itself is one, once the batch is applied.
    let twice = try rig.applyAtomically([Self.item("a", 40, "2"), Self.item("a", 40, "2")]).map {
      try $0.get()
    }
    #expect(twice.map(\.replayed) == [false, true] && twice[0].transaction == twice[1].transaction)
    #expect(try rig.findings() == [])
  }

  @Test(
    "the first that is refused tells why, also when it is for its fields", arguments: EngineUnderTest.allCases
  )
  func firstRefused(engine: EngineUnderTest) throws {
    let rig = try Self.rig(engine)
    let wrong = Item.failure(Refusal(.invalidAmount, "wrong"))
    let fields = rig.applyAtomically([Self.item("a", 1, "1"), wrong, Self.item("a", 101, "2"), wrong])
    #expect(
      fields.map { $0.refusal?.reason } == [.batchAborted, .invalidAmount, .batchAborted, .batchAborted])
    let balance = rig.applyAtomically([Self.item("a", 101, "1"), wrong])
    #expect(balance.map { $0.refusal?.reason } == [.insufficientCredits, .batchAborted])
    #expect(rig.engine.state().ledgerSequence == 2)
  }

  @Test(
    "what has expired of its users is written off with it, and stays so when it is aborted",
    arguments: EngineUnderTest.allCases)
  func settled(engine: EngineUnderTest) throws {
    let rig = try Self.rig(engine)
    for user in ["a", "b"] { try rig.must(promo(user, 50, "promo", expiresAt: Self.now + second)) }
    rig.setTime(micros: Self.now + second)
    let items = [Self.item("a", 100, "1"), Self.item("b", 101, "1")]
    #expect(rig.applyAtomically(items).map { $0.refusal?.reason } == [.batchAborted, .insufficientCredits])
    let applied = rig.applyAtomically([Self.item("a", 100, "1"), Self.item("b", 100, "1")])
    #expect(applied.allSatisfy { $0.refusal == nil })
    #expect(try rig.findings() == [])
  }
}

extension EngineRig {
  fileprivate func must(_ command: Command) throws {
    if let refusal = engine.apply(command).refusal { throw refusal }
  }

  func applyAtomically(
    _ items: [Result<CreditCommand.Consume, Refusal>]
  ) -> [Result<Receipt, Refusal>] {
    let command = CreditCommand.AtomicConsume(items: items)
    switch engine.decide([command]).first {
    case .success(let outcomes)?: return outcomes
    case .failure(let refusal)?: return [.failure(refusal)]
    case nil: return []
    }
  }
}

extension Result where Failure == Refusal {
  var refusal: Refusal? {
    guard case .failure(let refusal) = self else { return nil }
    return refusal
  }
}
