// The engine on a real file: what is applied, what replays, what is refused, and what a restart finds.

internal import TallyLocking
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Engine")
struct EngineTests {
  let directory: TemporaryDirectory
  let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory() }

  @Test("a consume takes from a purchase, and both are there after a restart")
  func durable() throws {
    var engine = try open(directory, clock: clock)
    let bought = try engine.must(purchase("u1", 5 * dollar, "p"))
    #expect(bought.transaction.sequence == 1)
    #expect(bought.transaction.commit == CommitPoint(sequence: 1, position: 0))
    let used = try engine.must(consume("u1", 2 * dollar, "c"))
    #expect(used.transaction.balanceAfterMicros == 3 * dollar)
    #expect(used.transaction.lots == [LotAllocation(lotId: 1, amountMicros: 2 * dollar)])
    #expect(used.balance.availableMicros == 3 * dollar)
    try engine.close()

    engine = try open(directory, clock: clock)
    let balance = try engine.balance(userId: "u1")
    #expect(balance.value.postedMicros == 3 * dollar)
    #expect(balance.value.version == 2)
    #expect(try engine.transaction(sequence: 2, actingUserId: nil).value == used.transaction)
    #expect(engine.state().ledgerSequence == 2)
    // An open counts as a commit: what this process answers comes after all that the last one did.
    #expect(engine.state().commitSequence == 3)
    try engine.close()
  }

  @Test("a balance of an unknown user is zero, from the store and in a batch")
  func unknownUser() throws {
    let engine = try open(directory, clock: clock)
    #expect(try engine.balance(userId: "nobody").value == Balance(userId: "nobody"))
    try engine.must(purchase("u\"\\\u{1}é", 7, "p"))
    let balances = try engine.balances(userIds: ["nobody", "u\"\\\u{1}é", "nobody"]).value
    #expect(balances.map(\.availableMicros) == [0, 7, 0])
    try engine.close()
  }

  @Test("the same key and request replays what was stored, whatever happened since")
  func replay() throws {
    var engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    let first = try engine.must(consume("u1", 2, "c"))
    try engine.must(consume("u1", 3, "d"))
    clock.advance(byMicros: second)
    var again = try engine.must(consume("u1", 2, "c"))
    #expect(again.replayed)
    again.replayed = false
    #expect(again == first)
    try engine.close()
    engine = try open(directory, clock: clock)
    again = try engine.must(consume("u1", 2, "c"))
    #expect(again.replayed && again.transaction == first.transaction && again.balance == first.balance)
    #expect(engine.state().ledgerSequence == 3)
    try engine.close()
  }

  @Test("the same key for another request is refused, across methods; another user's key is his own")
  func mismatch() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "k"))
    #expect(try engine.refusal(consume("u1", 2, "k", digest: 2)).reason == .idempotencyMismatch)
    try engine.must(purchase("u2", 5, "k"))
    #expect(engine.state().ledgerSequence == 2)
    try engine.close()
  }

  @Test("a refusal does not use up the key and writes nothing")
  func refusalKeepsKey() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 1, "p"))
    let refusal = try engine.refusal(consume("u1", 2, "c"))
    #expect(refusal.reason == .insufficientCredits)
    #expect(refusal.details["available_micros"] == "1")
    #expect(engine.state().commitSequence == 1)
    try engine.must(purchase("u1", 1, "q"))
    try engine.must(consume("u1", 2, "c"))
    #expect(try engine.available("u1") == 0)
    try engine.close()
  }

  @Test("a payment is unique across users: the same again replays, anything else conflicts")
  func payments() throws {
    let engine = try open(directory, clock: clock)
    let first = try engine.must(purchase("u1", 5, "a", payment: "pay"))
    let again = try engine.must(purchase("u1", 5, "b", payment: "pay"))
    #expect(again.replayed && again.transaction == first.transaction)
    #expect(try engine.refusal(purchase("u1", 6, "c", payment: "pay")).reason == .paymentConflict)
    #expect(try engine.refusal(purchase("u2", 5, "d", payment: "pay")).reason == .paymentConflict)
    // The key of a replay by payment was not stored.
    try engine.must(consume("u1", 1, "b", digest: 9))
    try engine.close()
  }

  @Test("a plan is granted once for a user, plan and period")
  func grants() throws {
    let engine = try open(directory, clock: clock)
    #expect(try engine.refusal(grant("u1", "pro", "a")).reason == .grantNotFound)
    let stored = try engine.decide(.putPlan(plan("pro", 10)))
    #expect(
      stored
        == .planStored(
          Plan(
            id: "pro", displayName: "pro", monthlyCreditMicros: 10, grantExpiry: .never, updatedAtMicros: noon
          ),
          unchanged: false, commit: CommitPoint(sequence: 1, position: 0)))
    let first = try engine.must(grant("u1", "pro", "a"))
    #expect(try engine.must(grant("u1", "pro", "b")).replayed)
    #expect(try engine.must(grant("u1", "pro", "c", amountMicros: 10)).transaction == first.transaction)
    #expect(try engine.refusal(grant("u1", "pro", "d", amountMicros: 11)).reason == .grantConflict)
    try engine.must(grant("u1", "pro", "e", period: PeriodName(parsing: "2026-02")))
    let overlapping = try engine.refusal(grant("u1", "pro", "f", period: .instant(micros: noon)))
    #expect(overlapping.reason == .grantOverlaps && overlapping.details["period"] == "2026-02-01")
    try engine.must(grant("u2", "pro", "a"))
    guard case .planStored(_, unchanged: true, let commit) = try engine.decide(.putPlan(plan("pro", 10)))
    else {
      Issue.record("the same plan again changes nothing")
      return
    }
    #expect(commit.sequence == engine.state().commitSequence)
    #expect(try engine.plans(afterId: nil, limit: 10).value.map(\.id) == ["pro"])
    #expect(try engine.plans(afterId: "pro", limit: 10).value.isEmpty)
    try engine.close()
  }

  @Test("a replay of each row of a hold has the row and the balance of then, and the hold as it is now")
  func holdReplays() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 10, "p"))
    let reserved = try engine.must(reserve("u1", 6, "r"))
    let hold = try #require(reserved.hold)
    clock.advance(byMicros: second)
    let extended = try engine.must(extend(hold.id, "x", seconds: 600))
    clock.advance(byMicros: second)
    let captured = try engine.must(capture(hold.id, 4, "c"))
    #expect(captured.hold?.state == .captured && captured.hold?.releasedMicros == 2)
    for (command, receipt) in [
      (reserve("u1", 6, "r"), reserved), (extend(hold.id, "x", seconds: 600), extended),
      (capture(hold.id, 4, "c"), captured),
    ] {
      var expected = receipt
      (expected.replayed, expected.hold) = (true, captured.hold)
      #expect(try engine.must(command) == expected)
    }
    #expect(try engine.refusal(release(hold.id, "z")).reason == .holdSettled)
    #expect(try engine.refusal(capture(hold.id, nil, "y", acting: "u2")).reason == .holdNotFound)
    #expect(try engine.refusal(capture(999, nil, "y")).reason == .holdNotFound)
    #expect(try engine.available("u1") == 6)
    try engine.close()
  }

  @Test("expiry counts at once in what is read, and is written with the next write or the sweep")
  func expiry() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(promo("u1", 5, "g", expiresAt: noon + 10 * second))
    try engine.must(promo("u2", 7, "g", expiresAt: noon + 10 * second))
    try engine.must(purchase("u2", 3, "p"))
    let hold = try #require(try engine.must(reserve("u2", 8, "r", seconds: 20)).hold)
    #expect(try engine.available("u2") == 2)
    clock.advance(byMicros: 11 * second)
    #expect(try engine.available("u1") == 0)
    #expect(try engine.balances(userIds: ["u1", "u2"]).value.map(\.postedMicros) == [0, 10])
    #expect(engine.state().ledgerSequence == 4)
    try engine.sweep()
    #expect(engine.state().ledgerSequence == 5)
    clock.advance(byMicros: 10 * second)
    #expect(try engine.available("u2") == 3)
    #expect(try engine.balances(userIds: ["u2"]).value.first?.availableMicros == 3)
    let shown = try engine.holds(HoldFilter(userId: "u2", limit: 10)).value.rows
    #expect(shown.map(\.state) == [.expired])
    try engine.sweep()
    #expect(try engine.holds(HoldFilter(userId: "u2", limit: 10)).value.rows == shown)
    #expect(try engine.available("u2") == 3)
    #expect(try engine.refusal(capture(hold.id, nil, "c")).reason == .holdExpired)
    try engine.sweep()
    let rows = engine.state().ledgerSequence
    try engine.sweep()
    #expect(engine.state().ledgerSequence == rows)
    try engine.close()
  }

  @Test("every decision has its own place in one order, refusals too, across a restart")
  func places() throws {
    var engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    let batch = try engine.decide([
      consume("u1", 9, "a"), consume("u1", 2, "b"), consume("u1", 9, "c"), consume("u1", 1, "d"),
    ])
    let places = batch.map { $0.receipt?.transaction.commit ?? $0.refusal?.commit }
    #expect(
      places == [
        CommitPoint(sequence: 1, position: 1), CommitPoint(sequence: 2, position: 0),
        CommitPoint(sequence: 2, position: 1), CommitPoint(sequence: 2, position: 2),
      ])
    #expect(try engine.refusal(consume("u1", 9, "e")).commit == CommitPoint(sequence: 2, position: 3))
    #expect(try engine.refusal(consume("u1", 9, "e")).commit == CommitPoint(sequence: 2, position: 4))
    try engine.close()
    engine = try open(directory, clock: clock)
    #expect(try engine.refusal(consume("u1", 9, "e")).commit == CommitPoint(sequence: 3, position: 0))
    try engine.close()
  }

  @Test("the effective time never goes back, though the clock does")
  func time() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    clock.set(wallMicros: noon - 5 * second)
    #expect(try engine.must(consume("u1", 1, "c")).transaction.atMicros == noon)
    #expect(engine.nowMicros() == noon)
    try engine.close()
    clock.set(wallMicros: noon - SQLiteEngine.maximumLeadMicros - 1)
    #expect { try open(directory, clock: clock) } throws: { ($0 as? StoreError)?.code == .clockBehindLedger }
    clock.set(wallMicros: noon - SQLiteEngine.maximumLeadMicros)
    try open(directory, clock: clock).close()
  }

  @Test("of every type that is said to be made there are rows once everything has happened, and of no other")
  func types() throws {
    let engine = try open(directory, clock: clock)
    try putPlans(engine)
    try engine.must(purchase("u1", 100, "p"))
    try engine.must(grant("u1", "pro", "g"))
    try engine.must(grant("u2", "month", "g2", period: PeriodName(parsing: "2026-01")))
    let promo = try engine.must(promo("u1", 40, "m", expiresAt: noon + second))
    try engine.must(
      .adjust(.init(userId: "u1", amountMicros: -1, actor: "a", reason: "r", idempotency: key("a"))))
    let holds = try ["r", "s", "t"].map { try #require(try engine.must(reserve("u1", 30, $0)).hold) }
    try engine.must(extend(holds[0].id, "e"))
    try engine.must(capture(holds[0].id, 10, "c"))
    try engine.must(release(holds[1].id, "x"))
    try engine.must(
      .voidGrant(
        .init(
          transaction: promo.transaction.sequence, amountMicros: 1, actor: "a", reason: "r",
          idempotency: key("v"))))
    clock.advance(byMicros: 3_600 * second)
    let debit = try engine.must(consume("u1", 1, "k"))
    try engine.must(
      .refund(.init(debit: .transaction(debit.transaction.sequence), idempotency: key("b"))))
    try owe(engine)
    clock.advance(byMicros: 40 * 86_400 * second)
    try engine.must(consume("u2", 1, "k2"))
    let rows = try ["u1", "u2", "u3"].flatMap {
      try engine.transactions(TransactionFilter(userId: $0, limit: 100)).value.rows
    }
    #expect(Set(rows.map(\.type)) == Set(TransactionType.allCases.filter(\.isMade)))
    try engine.close()
  }

  /// One plan's credit rolls over; the other one, which is everybody's, books what is short.
  private func putPlans(_ engine: SQLiteEngine) throws {
    var collecting = plan("pro", 50)
    collecting.onShort = .collect
    collecting.isDefault = true
    _ = try engine.decide(.putPlan(collecting))
    var month = plan("month", 50, expiry: .periodEnd)
    month.rolloverCapMicros = 20
    _ = try engine.decide(.putPlan(month))
  }

  /// A debt of usage that a purchase pays, and one of that purchase's reversal, which is undone in part and
  /// forgiven.
  private func owe(_ engine: SQLiteEngine) throws {
    try engine.must(purchase("u3", 10, "p3"))
    let hold = try #require(try engine.must(reserve("u3", 10, "h3")).hold)
    try engine.must(
      .capture(.init(holdId: hold.id, amountMicros: 15, mayDraw: true, idempotency: key("c3"))))
    try engine.must(purchase("u3", 8, "q3"))
    try engine.must(consume("u3", 3, "k3"))
    try engine.must(
      .reversePurchase(
        .init(paymentId: "pay-u3-q3", eventId: "e1", onShortfall: .owe, idempotency: key("e1"))))
    try engine.must(
      .reinstatePurchase(
        .init(paymentId: "pay-u3-q3", amountMicros: 1, eventId: "e2", idempotency: key("e2"))))
    try engine.must(.forgiveOwed(.init(userId: "u3", actor: "a", reason: "r", idempotency: key("f"))))
  }

  @Test("a deadline that has passed is not applied")
  func deadline() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    let late = try engine.decide([consume("u1", 1, "c")], deadlineNanoseconds: 1)
    #expect(late.first?.refusal?.reason == .deadlineExceeded)
    #expect(engine.state().ledgerSequence == 1)
    let later = MonotonicClock.nanoseconds + Patience.nanoseconds
    #expect(try engine.decide([consume("u1", 1, "c")], deadlineNanoseconds: later).first?.receipt != nil)
    try engine.close()
  }

  @Test("after close, writes and reads are turned away")
  func closed() throws {
    let engine = try open(directory, clock: clock)
    try engine.close()
    try engine.close()
    #expect(try engine.refusal(purchase("u1", 5, "p")).reason == .shuttingDown)
    #expect(engine.admission()?.reason == .shuttingDown)
    #expect { try engine.balance(userId: "u1") } throws: { ($0 as? Refusal)?.reason == .shuttingDown }
  }

  @Test("a reset empties everything but the count of commits")
  func reset() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    _ = try engine.must(reserve("u1", 2, "r"))
    // The harness sets the clock with it; a wall clock that goes back by itself would change nothing.
    try engine.reset { clock.set(wallMicros: noon - 100 * second) }
    #expect(try engine.available("u1") == 0)
    #expect(engine.state().ledgerSequence == 0)
    #expect(engine.state().commitSequence == 3)
    let again = try engine.must(purchase("u1", 6, "p"))
    #expect(again.transaction.sequence == 1 && again.transaction.atMicros == noon - 100 * second)
    try engine.close()
  }
}
