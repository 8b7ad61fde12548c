// What every commit builds on and carries on: where the ledger stands, and the last numbers given out.
//
// Invariants:
// 1. Numbers only rise while the process runs.

package struct Books: Equatable {
  package var head = LedgerHead()
  package var system = SystemBalances()
  /// Over all runs that have ended.
  package var runTotal = RunSums()
  package var lastAccountId: Int64 = 0
  package var lastRunId: Int64 = 0
  package var lastLabelId: Int64 = 0
  package var lastPageId: Int64 = 0
  package var lastMediaId: Int64 = 0
  /// All of it: see PriceBook.
  package var prices = PriceBook()
  /// The plan of users whose settings name none.
  package var defaultPlanId: String?
  /// Ids of plans that have caps.
  package var cappedPlans: Set<ExactText> = []
  package var lastEventId: Int64 = 0
  package var lastPageUpdate: Int64 = 0
  package var lastIntentId: Int64 = 0
  /// nil: there are no rules.
  package var alerts: AlertBook?
  package var expiries = ExpiryCursors()

  package init(
    head: LedgerHead = LedgerHead(), system: SystemBalances = SystemBalances(), runTotal: RunSums = RunSums(),
    lastAccountId: Int64 = 0, lastRunId: Int64 = 0, lastLabelId: Int64 = 0, lastPageId: Int64 = 0,
    lastMediaId: Int64 = 0
  ) {
    self.head = head
    self.system = system
    self.runTotal = runTotal
    self.lastAccountId = lastAccountId
    self.lastRunId = lastRunId
    self.lastLabelId = lastLabelId
    self.lastPageId = lastPageId
    self.lastMediaId = lastMediaId
  }
}
