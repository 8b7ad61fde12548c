// The engine's answers about events and alert rules.
//
// Owner: any thread.

public import TallyCore
internal import TallySQLite

extension SQLiteEngine {
  public func events(_ filter: EventFilter) throws(Refusal) -> Snapshot<Page<AccountEvent>> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.id(userId: filter.userId) else {
        return Page(rows: [], nextBefore: nil)
      }
      return try reader.tables.events.page(account: account, filter)
    }
  }

  public func events(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<Slice<AccountEvent>> {
    try read { (reader, _) throws(SQLiteError) in
      Slice(
        rows: try reader.tables.events.stretch(filter), filter,
        lastSequence: try reader.tables.events.lastEventId())
    }
  }

  public func topUp(userId: String) throws(Refusal) -> Snapshot<TopUp?> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.id(userId: userId) else { return nil }
      return try reader.tables.topUps.topUp(account: account)
    }
  }

  public func topUpIntents(_ filter: TopUpIntentFilter) throws(Refusal) -> Snapshot<Page<TopUpIntent>> {
    try read { (reader, _) throws(SQLiteError) in
      guard let userId = filter.userId else {
        return try reader.tables.topUpIntents.page(account: nil, filter)
      }
      guard let account = try reader.tables.accounts.id(userId: userId) else {
        return Page(rows: [], nextBefore: nil)
      }
      return try reader.tables.topUpIntents.page(account: account, filter)
    }
  }

  public func alertRules(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<AlertRulePage> {
    try read { (reader, _) throws(SQLiteError) in
      try reader.tables.alertRules.page(afterId: afterId, limit: limit)
    }
  }
}
