// What every commit builds on and carries on: where the ledger stands, and the last numbers given out.
//
// Invariants:
// 1. Numbers only rise while the process runs.

struct Books: Equatable {
  var head = LedgerHead()
  var system = SystemBalances()
  /// Over all runs that have ended.
  var runTotal = RunSums()
  var lastAccountId: Int64 = 0
  var lastRunId: Int64 = 0
  var lastLabelId: Int64 = 0
  var lastPageId: Int64 = 0
  var lastMediaId: Int64 = 0
}
