// Durable debits, batches, holds, runs and balance reads, on a ledger in which each account has credit.

extension Bench {
  mutating func runLedger(_ suites: Set<Suite>) throws(BenchError) {
    let servers = try startLedgers(withPlan: suites.contains(.run))
    for _ in 0..<rounds {
      if !suites.isDisjoint(with: [.consume, .hold, .run]) { try measureConsumes(servers, suites) }
      for server in servers where suites.contains(.hold) && server.subject == .tally {
        try measure(Case.hold, Load(workload: "hold", connections: 64), on: server)
      }
      if suites.contains(.run) {
        try measure(Case.run, Load(workload: "run", connections: 64), onProducts: servers)
      }
      for server in servers where suites.contains(.batch) && server.subject == .tally {
        let load = Load(workload: "batch", connections: 2, items: Self.batchItems)
        try measure(Case.batch, load, on: server)
      }
      for server in servers where suites.contains(.balance) && server.subject != .floor {
        try measure(Case.balance, Load(workload: "balance", connections: 64), on: server)
      }
    }
    for server in servers { try server.stop() }
  }

  /// With a plan, each account has a quota that BeginRun counts against.
  private mutating func startLedgers(withPlan: Bool) throws(BenchError) -> [RunningServer] {
    var servers: [RunningServer] = []
    if subjects.contains(.tally) { servers.append(try launcher.tally()) }
    if subjects.contains(.floor) { servers.append(try launcher.floorConsume()) }
    if subjects.contains(.postgres) { servers.append(try launcher.postgres()) }
    if subjects.contains(.redis) { servers.append(try launcher.redis()) }
    for server in servers where server.subject != .floor {
      try seed(server)
    }
    if withPlan {
      let parts = [Dataset.Part("seed-plan"), Dataset.Part("seed-settings", accounts: Self.accounts)]
      for server in servers where server.hasProduct { try make(parts, on: server) }
    }
    return servers
  }

  /// Gives each account its credit. The C floor does that by itself.
  func seed(_ server: RunningServer) throws(BenchError) {
    try generator.run(
      Load(target: server.target, workload: "seed", accounts: Self.accounts), socket: server.socket)
  }

  /// The consume cases; without the suite `consume`, only the ones that holds and runs are compared to.
  private mutating func measureConsumes(_ servers: [RunningServer], _ suites: Set<Suite>) throws(BenchError) {
    let callers = suites.contains(.consume) ? Self.callers : [64]
    for count in callers {
      for keys in ["ordered", "random"] {
        let load = Load(workload: "consume", connections: count, accounts: Self.accounts, keys: keys)
        try measureConsume(Case.consume(count, keys), load, servers)
      }
    }
    guard suites.contains(.consume) else { return }
    try measureConsume(Case.hot, Load(workload: "consume", connections: 64, accounts: 1), servers)
  }

  private mutating func measureConsume(_ name: String, _ load: Load, _ servers: [RunningServer])
    throws(BenchError)
  {
    for server in servers { try measureForms(name, load, on: server) }
  }
}
