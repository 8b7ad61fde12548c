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

  public func alertRules(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<AlertRulePage> {
    try read { (reader, _) throws(SQLiteError) in
      try reader.tables.alertRules.page(afterId: afterId, limit: limit)
    }
  }
}
