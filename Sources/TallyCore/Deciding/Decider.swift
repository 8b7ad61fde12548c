// Decides what becomes of a command: for each one function, in the file of its product.
//
// Invariants:
// 1. The order of checks is fixed, top to bottom in each function: the named object exists; the key or the
//    natural key replays or conflicts; then the rules. The first that fails is the answer.
// 2. A replay answers what is stored: the row, the balance after it, and the commit at which that was
//    decided. The hold or the run in it is as it is now.
// 3. Deciding changes nothing. What a command changes is in the effects of its decision.
//
// Owner: the writer's queue.

public struct Decider {
  let records: ReadSet

  @usableFromInline
  package init(records: ReadSet) { self.records = records }

  /// None also when it cannot be read: whoever needs it is told so by what is decided.
  func owner(ofHold id: Int64) -> [String] {
    owner { () throws(Refusal) in try records.hold(id: id)?.userId }
  }

  /// The same.
  func owner(ofRun runId: String, attempt: Int32?) -> [String] {
    owner { () throws(Refusal) in try records.run(runId: runId, attempt: attempt)?.run.userId }
  }

  /// The same.
  func owner(ofRow sequence: Int64) -> [String] {
    owner { () throws(Refusal) in try records.row(sequence)?.userId }
  }

  /// The same.
  func owner(ofPayment paymentId: String) -> [String] {
    owner { () throws(Refusal) in
      guard let sequence = try records.purchase(paymentId: paymentId) else { return nil }
      return try records.entry(sequence).userId
    }
  }

  private func owner(_ lookUp: () throws(Refusal) -> String?) -> [String] {
    do { return try lookUp().map { [$0] } ?? [] } catch { return [] }
  }
}
