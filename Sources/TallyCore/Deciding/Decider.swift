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

  /// nil also when it cannot be read: whoever needs it is told so by what is decided.
  func owner(ofHold id: Int64) -> String? {
    do { return try records.hold(id: id)?.userId } catch { return nil }
  }

  /// The same.
  func owner(ofRun runId: String) -> String? {
    do { return try records.run(runId: runId)?.run.userId } catch { return nil }
  }

  /// The same.
  func owner(ofRow sequence: Int64) -> String? {
    do { return try records.row(sequence)?.userId } catch { return nil }
  }

  /// The same.
  func owner(ofPayment paymentId: String) -> String? {
    do { return try records.purchase(paymentId: paymentId).map { try records.entry($0) }?.userId } catch {
      return nil
    }
  }
}
