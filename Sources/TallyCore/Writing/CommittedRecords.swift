// The records of the last commit that the process keeps in memory, for deciding.

struct CommittedRecords: RecordCache {
  let state: CommittedState
  let plans: ExactCache<Plan>

  func account(userId: String) -> Account? { state.account(userId: userId)?.account }

  func plan(id: String) -> Plan? { plans.find(group: id)?.value }

  func keep(_ plan: Plan, commitSequence: Int64) {
    plans.offer(
      Snapshot(plan, commitSequence: commitSequence), group: plan.id, byteCount: plan.cachedByteCount)
  }
}

extension Plan {
  /// What it costs in the cache: its values, its texts, and its place there.
  var cachedByteCount: Int {
    prices.reduce(256 + 2 * id.utf8.count + displayName.utf8.count + timeZone.utf8.count) {
      $0 + MemoryLayout<ModelPrice>.stride + $1.model.utf8.count
    }
  }
}
