// Check 6 on a running engine: what is kept in memory is what is stored.
//
// Invariants:
// 1. The store is read first, and its snapshot is published by the time the memory is looked at: what stands
//    there then is of that snapshot or of a later commit, or it is stale.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

extension SQLiteEngine {
  /// Users that one snapshot compares.
  private static let sliceUsers = 500

  func compareCached(_ tally: inout VerifyTally) {
    do {
      try compareAccounts(&tally)
      try compareSettings(&tally)
      try comparePlans(&tally)
      try compareFilter(&tally)
    } catch {
      tally.add("cached values: stopped: \(error.message)")
    }
  }

  private func compareAccounts(_ tally: inout VerifyTally) throws(Refusal) {
    let users = committed.userIds
    for start in stride(from: 0, to: users.count, by: Self.sliceUsers) {
      let slice = Array(users[start..<min(start + Self.sliceUsers, users.count)])
      let stored = try read { (reader, _) throws(SQLiteError) in
        try reader.tables.accounts.accounts(userIds: slice)
      }
      for account in stored.value {
        tally.examined += 1
        guard let kept = committed.account(userId: account.userId)?.account else { continue }
        let isSame = kept.version == account.version ? kept == account : kept.version > account.version
        tally.expect(isSame, "account \(account.id): what is kept in memory is not what is stored")
      }
    }
  }

  /// The filter of the index of keys denies none that is there.
  private func compareFilter(_ tally: inout VerifyTally) throws(Refusal) {
    var after: Int64 = -1
    while true {
      let hashes = try read { (reader, _) throws(SQLiteError) in
        try reader.tables.keys.hashes(after: after, limit: KeyFilterBuilder.sliceRows)
      }.value
      guard let last = hashes.last else { return }
      let isAdmitted: Bool?
      do {
        isAdmitted = try perform { (_, store) throws(StorageFailure) in store.keys.admits(hashes) }
      } catch {
        return tally.add("filter of keys: stopped: \(error.message)")
      }
      guard let isAdmitted else { return }
      tally.examined += Int64(hashes.count)
      tally.expect(isAdmitted, "filter of keys: it denies a key of the index")
      after = Int64(last)
    }
  }

  private func compareSettings(_ tally: inout VerifyTally) throws(Refusal) {
    for userId in caches.settings.groups {
      tally.examined += 1
      let stored = try read { (reader, _) throws(SQLiteError) in
        try reader.tables.settings.settings(userId: userId)
      }
      guard let kept = caches.settings.peek(group: userId), kept.commitSequence <= stored.commitSequence
      else { continue }
      tally.expect(
        kept.value == stored.value, "settings of a user: what is kept in memory is not what is stored")
    }
  }

  private func comparePlans(_ tally: inout VerifyTally) throws(Refusal) {
    for id in caches.plans.groups {
      tally.examined += 1
      let stored = try read { (reader, _) throws(SQLiteError) in try reader.tables.plans.plan(id: id) }
      guard let kept = caches.plans.peek(group: id), kept.commitSequence <= stored.commitSequence
      else { continue }
      tally.expect(kept.value == stored.value, "plan: what is kept in memory is not what is stored")
    }
  }
}
