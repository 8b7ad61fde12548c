// Refunds, reversals and balances at a past time, on a long ledger.
//
// Invariants:
// 1. The debit that is refunded and the purchase that is reversed are made just before, and are not timed.
// 2. Past times lie anywhere in the ledger's life so far.

extension Bench {
  mutating func runMoney() throws(BenchError) {
    guard subjects.contains(.tally) else { return }
    let server = try launcher.tally()
    let clock = ContinuousClock()
    let began = clock.now
    try seed(server)
    try lengthen(server)
    for _ in 0..<rounds {
      try measure(Case.refund, Load(workload: "refund", connections: 64), on: server)
      try measure(Case.reverse, Load(workload: "reverse", connections: 64), on: server)
      try measure(Case.longConsume, Load(workload: "consume", connections: 64), on: server)
      var past = Load(workload: "balance-at", connections: 64)
      past.history = Int((clock.now - began).components.seconds)
      try measure(Case.balanceAt, past, on: server)
      try measure(Case.longBalance, Load(workload: "balance", connections: 64), on: server)
    }
    try server.stop()
  }

  /// Debits until the ledger has `loadedRows` rows more.
  func lengthen(_ server: RunningServer) throws(BenchError) {
    let batches = (Self.loadedRows + Self.batchItems - 1) / Self.batchItems
    try generator.run(
      Load(workload: "batch", accounts: Self.accounts, items: Self.batchItems, operations: batches),
      socket: server.socket)
  }
}
