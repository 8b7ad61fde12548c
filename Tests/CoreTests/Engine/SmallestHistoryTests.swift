// What is printed of a history that no order explains: the smallest part of it that has none.

import TallyCore
import Testing

@testable import TallyModel

@Suite("Smallest history")
struct SmallestHistoryTests {
  /// What callers are told who ask one after the other, of rows that only the model has.
  private struct Told {
    private(set) var observations: [Observation] = []
    private var model = LedgerModel()
    private var count: Int64 = 0

    /// - Parameter spoil: what the caller is told instead.
    mutating func decide(_ command: Command, spoil: (inout Balance) -> Void = { _ in }) {
      var outcome = model.apply(command, wall: 1)
      if case .applied(var receipt) = outcome {
        spoil(&receipt.balance)
        outcome = .applied(receipt)
      }
      let place = CommitPoint(sequence: count + 1, position: 0)
      add(
        .decision(command, place: place) { [outcome] expected in
          guard case .outcome(let expected) = expected else { return "no outcome" }
          return outcome.difference(from: expected)
        }, command.ownUserId)
    }

    mutating func read(_ userId: String, spoil: (inout Balance) -> Void = { _ in }) {
      var balance = model.balance(userId, at: 1)
      spoil(&balance)
      add(
        .read(commitSequence: count) { [balance] world, time in
          let expected = world.ledger.balance(userId, at: time)
          return balance == expected ? nil : "\(balance), expected \(expected)"
        }, userId)
    }

    private mutating func add(_ matter: Observation.Matter, _ userId: String) {
      count += 1
      let text = "\(count) of \(userId)"
      observations.append(
        Observation(
          caller: "c\(count % 3)", matter: matter, wallMicros: 1, beganNanoseconds: UInt64(count) * 1_000,
          endedNanoseconds: UInt64(count) * 1_000 + 500, userIds: [userId], tell: { text }))
    }
  }

  private static func purchase(_ userId: String, _ number: Int) -> Command {
    .addPurchase(
      .init(
        userId: userId, paymentId: "p\(number)", amountMicros: 10, idempotency: key("p\(number)")))
  }

  private static func consume(_ userId: String, _ number: Int, _ amount: Int64 = 1) -> Command {
    .consume(.init(userId: userId, amountMicros: amount, idempotency: key("c\(number)")))
  }

  /// Purchases, debits, refusals and reads of three users, one after the other.
  private static func told(count: Int = 60) -> Told {
    var told = Told()
    for number in 0..<count {
      let userId = ["a", "b", "c"][number % 3]
      switch number / 3 % 5 {
      case 0: told.decide(purchase(userId, number))
      case 1, 2: told.decide(consume(userId, number))
      case 3: told.read(userId)
      default: told.decide(consume(userId, number, 1_000_000))
      }
    }
    return told
  }

  private static func violation(_ told: Told) -> SerialOrder.Violation? {
    var order = SerialOrder()
    var observations = told.observations
    return order.judge(&observations).map { SerialOrder.smallest($0) }
  }

  @Test("a history that is sound has no violation")
  func sound() {
    #expect(Self.violation(Self.told()) == nil)
  }

  @Test("of a wrong read there is left what its user has done before, in order, and the read")
  func wrongRead() throws {
    var told = Self.told()
    told.read("b") { $0.postedMicros += 1 }
    for number in 100..<140 { told.decide(Self.purchase("b", number)) }
    let violation = try #require(Self.violation(told))
    // Four rounds of a purchase and two debits; refusals, reads and others' calls are gone.
    #expect(violation.observations.count == 4 * 3 + 1, "\(violation)")
    #expect(violation.observations.allSatisfy { $0.userIds == ["b"] })
    #expect(violation.observations.dropLast().allSatisfy { !$0.isRead })
    let lines = violation.description.split(separator: "\n")
    #expect(lines.count == violation.observations.count + 1)
    #expect(
      lines.first == "commit 2.0, 0.000 to 0.000 ms, c2: 2 of b" || lines.first?.contains("2 of b") == true)
    #expect(lines.last?.contains("expected") == true)
  }

  @Test("of a wrong answer there is left what it builds on")
  func wrongAnswer() throws {
    var told = Told()
    told.decide(Self.purchase("a", 1))
    for number in 2..<40 { told.decide(Self.purchase("b", number)) }
    told.decide(Self.consume("a", 40)) { $0.postedMicros -= 1 }
    let violation = try #require(Self.violation(told))
    #expect(violation.observations.map { $0.userIds } == [["a"], ["a"]], "\(violation)")
    #expect(violation.observations.map { $0.place?.sequence } == [1, 40])
  }

  @Test("of a decision that was lost there is left the first that shows it")
  func lost() throws {
    let told = Self.told()
    // The second purchase of `c`.
    var observations = told.observations
    let lost = try #require(
      observations.indices.filter { observations[$0].userIds == ["c"] && !observations[$0].isRead }
        .dropFirst(4).first)
    observations.remove(at: lost)
    var order = SerialOrder()
    let found = order.judge(&observations)
    let smallest = SerialOrder.smallest(try #require(found))
    #expect(smallest.observations.count <= 6, "\(smallest)")
    // Nothing of it can be left out.
    for index in smallest.observations.indices.dropLast() {
      var part = smallest.observations
      part.remove(at: index)
      var order = SerialOrder()
      #expect(order.judge(&part)?.reason != smallest.reason, "\(index): \(smallest)")
    }
  }

  @Test("of calls in the wrong order, and of a read of the past, both are left")
  func order() throws {
    var observations = Self.told().observations
    observations[50].beganNanoseconds = 1
    observations[50].endedNanoseconds = 2
    var order = SerialOrder()
    var late = order.judge(&observations)
    #expect(late?.observations.count == 2 && late?.reason.contains("stands before it") == true)

    observations = Self.told().observations
    let read = try #require(observations.firstIndex { $0.isRead })
    observations[read].beganNanoseconds = 1_000_000
    observations[read].endedNanoseconds = 1_000_001
    order = SerialOrder()
    late = order.judge(&observations)
    #expect(late?.observations.count == 2 && late?.reason.contains("was known") == true)

    observations = Self.told().observations
    observations.append(observations[0])
    order = SerialOrder()
    late = order.judge(&observations)
    #expect(late?.observations.count == 2 && late?.reason.contains("one place") == true)
  }

  @Test("a history that is judged in parts is held to what was known in the parts before")
  func parts() throws {
    let all = Self.told().observations
    var order = SerialOrder()
    var first = Array(all[..<30])
    #expect(order.judge(&first) == nil)
    var second = Array(all[30...])
    let read = try #require(second.firstIndex { $0.isRead })
    if case .read(_, let differs) = second[read].matter {
      second[read].matter = .read(commitSequence: 1, differs: differs)
    }
    let late = order.judge(&second)
    #expect(late?.reason.contains("was known") == true)
  }
}
