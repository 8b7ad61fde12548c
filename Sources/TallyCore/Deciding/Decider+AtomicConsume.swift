// Several debits as one: all of them or none.
//
// Invariants:
// 1. They are decided in order on a copy of what the batch has decided so far, each with a place of its own.
//    The copy takes the batch's place when all were accepted; else it is dropped.
// 2. The first that is refused carries its reason, and the others that they were aborted. What was done
//    before this request is done: an item that replays it says so in both cases.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: CreditCommand.AtomicConsume) throws(Refusal) -> Decided<[Outcome<Receipt>]> {
    let copy = records.copy()
    let decider = Decider(records: copy)
    var receipts: [Receipt] = []
    receipts.reserveCapacity(it.items.count)
    var refused: (index: Int, refusal: Refusal)?
    for (index, item) in it.items.enumerated() {
      do throws(Refusal) {
        var decided = try decider.decide(try item.get())
        _ = copy.add(&decided.effects, isReplay: decided.isReplay, pageByteCount: 0)
        receipts.append(decided.reply)
      } catch {
        // Whatever else is missing is asked for in the same go.
        if copy.isMissingRecords { continue }
        refused = (index, error)
        break
      }
    }
    try records.take(gapOf: copy)
    if let refused { return try abort(it, refused.index, refused.refusal) }
    guard copy.writes.hasWritten(since: records.writes) else {
      return Decided(replay: receipts.map { .success($0) })
    }
    var effects = Effects()
    effects.set { $0.whole = copy.writes }
    return Decided(receipts.map { .success($0) }, effects)
  }

  private func abort(
    _ it: CreditCommand.AtomicConsume, _ refusedIndex: Int, _ refusal: Refusal
  ) throws(Refusal) -> Decided<[Outcome<Receipt>]> {
    let place = records.writes.restingPlace
    var refusal = refusal
    // The key's first use may be in the batch itself: then there is no row of it.
    if let named = refusal.details["transaction_id"].flatMap(Identifiers.transactionSequence),
      named >= records.nextSequence
    {
      refusal.details["transaction_id"] = nil
    }
    let aborted = Refusal(
      .batchAborted, "item \(refusedIndex) was refused, so nothing of the batch was applied",
      details: ["refused_index": String(refusedIndex)], commit: place)
    let outcomes = try records.all(it.items.enumerated()) { (index, item) throws(Refusal) in
      if index == refusedIndex { return Outcome<Receipt>.failure(refusal.placed(at: place)) }
      return try replay(item).map { .success($0) } ?? .failure(aborted)
    }
    return Decided(outcomes)
  }

  /// What an item's key did before; nil when it did nothing, or something else.
  private func replay(_ item: Outcome<CreditCommand.Consume>) throws(Refusal) -> Receipt? {
    guard case .success(let consume) = item else { return nil }
    let account = try records.account(userId: consume.userId)
    guard let match = try records.key(consume.idempotency.key, of: account),
      match.digest == consume.idempotency.digest
    else { return nil }
    return try replay(try records.entry(match.sequence)).reply
  }
}
