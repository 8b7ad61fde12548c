// Caps: what is stored of them, and whether they leave room.
//
// Invariants:
// 1. Who has no caps pays nothing for those of others.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: CapCommand.Put) throws(Refusal) -> Decided<CapsReceipt> {
    let account = try records.account(userId: it.userId)
    let stored = try records.ownCaps(of: account, spender: it.list.spender)
    if stored == it.list.caps {
      return Decided(CapsReceipt(list: it.list, unchanged: true, commit: records.writes.restingPlace))
    }
    let count = account.ownCapCount + Int64(it.list.caps.count - stored.count)
    guard count <= CapList.maximumOfAUser || it.list.caps.count <= stored.count else {
      throw Refusal(
        .invalidField, "the user would have more than \(CapList.maximumOfAUser) caps, the most allowed",
        details: ["field": "caps", "limit": String(CapList.maximumOfAUser)])
    }
    var effects = Effects()
    var after = owner(account, &effects)
    after.ownCapCount = count
    let effect = CapEffect(key: CapKey(account: after.id, spender: it.list.spender), caps: it.list.caps)
    effects.set {
      $0.caps = effect
      $0.changedAccount = after
    }
    return Decided(
      CapsReceipt(list: it.list, unchanged: false, commit: records.writes.writingPlace), effects)
  }
}
