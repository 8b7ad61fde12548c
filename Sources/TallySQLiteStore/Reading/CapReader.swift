// How much of a user's caps is used, as a snapshot has it.
//
// Invariants:
// 1. Statements are few, however many caps, holds and runs there are; facts are read only where something is
//    not counted yet.

internal import TallyCore
internal import TallySQLite

extension Reader {
  /// - Parameters:
  ///   - account: an empty one for a user that is not known.
  ///   - plan: the user's.
  /// - Returns: a refusal when the plan's zone is not known to this machine.
  func caps(
    of account: Account, plan: Plan?, zones: ZoneStore, nowMicros: Int64
  ) -> Result<CapReading<ReadCapRecords>, Refusal> {
    do {
      let zone = try zones.zone(named: plan?.quotaTimeZone ?? Plan.defaultTimeZone)
      return .success(
        CapReading(
          ReadCapRecords(tables: tables, account: account, nowMicros: nowMicros), plan: plan, zone: zone,
          nowMicros: nowMicros))
    } catch {
      return .failure(error)
    }
  }
}

/// The facts about an account, as a snapshot has them.
struct ReadCapRecords: CapRecords {
  var tables: Tables
  var account: Account
  var nowMicros: Int64

  func ownCaps(spender: String) throws(SQLiteError) -> [Cap] {
    if account.ownCapCount == 0 { return [] }
    return try tables.caps.caps(CapKey(account: account.id, spender: spender))
  }

  func counters(spender: String) throws(SQLiteError) -> CapCounters? {
    guard account.isCapCounted else { return nil }
    return try tables.capCounters.counters(CapKey(account: account.id, spender: spender))
  }

  func facts(spender: String, fromMicros: Int64, hasRuns: Bool) throws(SQLiteError) -> [CapFact] {
    if account.id == 0 { return [] }
    let query = CapFactQuery(
      account: account.id, spender: spender, fromMicros: fromMicros, hasRuns: hasRuns)
    return try tables.capFacts.facts(query).all
  }

  func expired() throws(SQLiteError) -> [CapFact] {
    guard account.hasExpiredHolds(atMicros: nowMicros) else { return [] }
    var facts: [CapFact] = []
    for hold in try tables.holds.expired(account: account.id, nowMicros: nowMicros) {
      var fact = CapFact(spender: hold.spender, micros: -hold.amountMicros, atMicros: hold.createdAtMicros)
      let attempt = max(1, hold.attempt)
      if !hold.runId.isEmpty, let run = try tables.runs.run(runId: hold.runId, attempt: attempt)?.run,
        run.holdId == hold.id
      {
        (fact.model, fact.type) = (ExactText(run.model), ExactText(run.type))
      }
      facts.append(fact)
    }
    return facts
  }

  func underWay() throws(SQLiteError) -> [CapFact] {
    if account.id == 0 { return [] }
    return try tables.runs.underWay(account: account.id, nowMicros: nowMicros).facts
  }
}
