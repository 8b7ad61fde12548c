// The engine's answers about runs.
//
// Owner: any thread.

public import TallyCore
internal import TallySQLite

extension SQLiteEngine {
  public func run(
    runId: String, attempt: Int32?, actingUserId: String?
  ) throws(Refusal) -> Snapshot<Run> {
    let read = try read { (reader, _) throws(SQLiteError) in
      try reader.tables.runs.run(runId: runId, attempt: attempt)
    }
    guard let run = read.value?.run, run.isVisible(actingUserId: actingUserId) else {
      throw Rules.noRun(runId)
    }
    return Snapshot(run, commitSequence: read.commitSequence)
  }

  public func runs(_ filter: RunFilter) throws(Refusal) -> Snapshot<RunPage> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.account(userId: filter.userId) else {
        return RunPage(runs: [], nextBefore: nil)
      }
      return try reader.tables.runs.page(account: account.id, filter)
    }
  }
}
