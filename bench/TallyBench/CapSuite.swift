// What caps cost a debit: on servers of their own, side by side.
//
// Invariants:
// 1. No limit is ever reached, and all accounts are counted before anything is timed, by the warm-up.

extension Bench {
  mutating func runCaps() throws(BenchError) {
    guard subjects.contains(.tally) else { return }
    var servers: [RunningServer] = []
    for plan in [[], ["other", "--no-default"], ["own", "--default"]] {
      let server = try launcher.tally()
      try seed(server)
      if !plan.isEmpty { try putCaps(plan, on: server) }
      servers.append(server)
    }
    for _ in 0..<rounds {
      for (name, server) in zip(Case.caps, servers) {
        let load = Load(workload: "consume-spender", connections: 64, accounts: Self.accounts)
        try measure(name, load, on: server)
      }
    }
    for server in servers { try server.stop() }
  }

  private func putCaps(_ plan: [String], on server: RunningServer) throws(BenchError) {
    let caps = [
      "--cap", "month=money,month,1000000000", "--cap", "week=money,week,1000000000",
      "--cap", "recent=money,24h,1000000000", "--cap", "runs=generations,day,1000000000",
      "--spender-cap", "day=money,day,1000000000", "--spender-cap", "burst=money,1h,1000000000",
    ]
    try Tool.run(
      [launcher.places.program("tally"), "plans", "put", "--socket", server.socket] + plan
        + ["--credit", "1", "--expires", "never"] + caps)
  }
}
