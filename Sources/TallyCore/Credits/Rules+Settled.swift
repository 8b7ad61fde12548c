// What a reader sees of an account on which something is due that is not written yet.
//
// Invariants:
// 1. It is what the next write of the user would find: the same settling, carried out on a copy.
// 2. Most accounts need none of it: what has expired is left out of a balance without settling anything.

extension Rules {
  /// An account with all that is due at a time written off, as a write at that time would find it. Rows and
  /// lots that it would make are numbered from the user's last row on.
  /// - Parameters:
  ///   - expiredHolds: all `open` holds of the user with `expiresAtMicros <= nowMicros`.
  ///   - dueGrant: what is due of the user's subscription.
  /// - Throws: `corrupt` when its balance is not that of its lots, or a hold pins what its lot does not have.
  public static func settled(
    _ account: Account, expiredHolds: [Hold], at nowMicros: Int64, dueGrant: DueGrant? = nil
  ) throws(Refusal) -> Account {
    guard account.isSound else { throw Refusal(.corrupt, "the account's balance is not that of its lots") }
    var context = DecisionContext(
      nowMicros: nowMicros, nextSequence: account.head + 1, account: account, expiredHolds: expiredHolds)
    context.dueGrant = dueGrant
    // A reader is not told by which type of row a lot's credit goes to what is short of it.
    for lot in account.lots where lot.shortMicros > 0 {
      context.origins[lot.id] = LotOrigin(type: .purchase, lot: lot)
    }
    return try Draft(settling: context).account
  }

  /// An account as its client sees it at a time, whether or not what is due was written off.
  /// - Parameters:
  ///   - expiredHolds: all `open` holds of the user with `expiresAtMicros <= nowMicros`.
  ///   - nowMicros: not before the time that the account's last row tells of.
  ///   - dueGrant: what is due of the user's subscription.
  public static func balance(
    of account: Account, expiredHolds: [Hold], at nowMicros: Int64, dueGrant: DueGrant? = nil
  ) -> Balance {
    guard dueGrant?.grant != nil || account.needsSettling(expiredHolds, atMicros: nowMicros) else {
      return unsettledBalance(of: account, expiredHolds: expiredHolds, at: nowMicros)
    }
    do {
      let settled = try settled(
        account, expiredHolds: expiredHolds, at: nowMicros, dueGrant: dueGrant)
      var balance = unsettledBalance(of: settled, expiredHolds: [], at: nowMicros)
      balance.version = account.version
      return balance
    } catch {
      // Of a damaged account what is there is told; whoever writes on it is refused.
      return unsettledBalance(of: account, expiredHolds: expiredHolds, at: nowMicros)
    }
  }
}

extension Account {
  /// Whether more is due at a time than to leave out what has expired: credit that rolls over when it
  /// expires, that pays what is owed when it becomes effective, or that a hold gives back to a lot of which
  /// something is short or owed for.
  package func needsSettling(_ expiredHolds: [Hold], atMicros nowMicros: Int64) -> Bool {
    if !expiredHolds.isEmpty, !owed.isEmpty || lots.contains(where: { $0.shortMicros > 0 }) { return true }
    return lots.contains { lot in
      if lot.rollover != nil, lot.isExpired(atMicros: nowMicros) { return true }
      guard !owed.isEmpty, let effective = lot.effectiveAtMicros else { return false }
      return effective <= nowMicros && lot.unpinnedMicros > 0
    }
  }
}
