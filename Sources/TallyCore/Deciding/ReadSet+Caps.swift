// Caps and what is counted for them, as a batch's decisions see them.
//
// Owner: the writer's queue.

extension ReadSet {
  /// Those that the user was given, beside the plan's.
  /// - Parameter spender: empty for the account itself.
  func ownCaps(of account: Account, spender: String) throws(Refusal) -> [Cap] {
    if account.ownCapCount == 0 { return [] }
    let key = CapKey(account: account.id, spender: spender)
    if let caps = writes.caps[key] { return caps }
    return try load { (it) throws(StorageFailure) in try it.caps(key) }
  }
}
