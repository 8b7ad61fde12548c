// Ids have one spelling each.

import TallyCore
internal import TallySQLiteStore
import Testing

@Suite("Identifiers")
struct IdentifiersTests {
  @Test("what is formatted parses back", arguments: [1, 9, 10, 1_234_567, Int64.max])
  func roundTrip(sequence: Int64) {
    #expect(Identifiers.transactionSequence(Identifiers.transaction(sequence)) == sequence)
    #expect(Identifiers.holdSequence(Identifiers.hold(sequence)) == sequence)
  }

  @Test(
    "any other spelling is refused",
    arguments: [
      "", "txn", "txn-", "txn-0", "txn-01", "txn-+1", "txn--1", "txn- 1", "txn-1 ", " txn-1", "TXN-1",
      "txn-1.0", "txn-1e3", "txn-٣", "hold-1", "1", "txn-9223372036854775808",
      "txn-99999999999999999999", "txn-1\u{0}",
    ])
  func refused(text: String) {
    #expect(Identifiers.transactionSequence(text) == nil)
  }

  @Test("a transaction's id names no hold")
  func kindsDiffer() {
    #expect(Identifiers.holdSequence("txn-1") == nil)
    #expect(Identifiers.hold(7) == "hold-7")
    #expect(Identifiers.transaction(7) == "txn-7")
  }
}
