// Pages, statistics and lists of users, on a data set of 10,000 users and over a million runs.
//
// Invariants:
// 1. For cold statistics a run of the user is recorded before each read, so that no cache answers; recording
//    it is not timed. PostgreSQL has no such cache, so it only reads.
// 2. A read that takes longer than the time of a figure is one sample of that round.

extension Bench {
  mutating func runProduct(_ suites: Set<Suite>) throws(BenchError) {
    var servers: [RunningServer] = []
    if subjects.contains(.tally) { servers.append(try launcher.tally()) }
    if subjects.contains(.postgres) { servers.append(try launcher.postgres()) }
    for server in servers { try make(Dataset.parts(largeRuns: book.largeRuns), on: server) }
    for server in servers where server.subject == .postgres { try Launcher.analyze(server) }
    for _ in 0..<rounds {
      if suites.contains(.page) { try measurePages(servers) }
      if suites.contains(.stats) { try measureStats(servers) }
      if suites.contains(.users) { try measureUsers(servers) }
    }
    for server in servers { try server.stop() }
  }

  private static func alone(_ workload: String, first: Int, accounts: Int, items: Int? = nil) -> Load {
    var load = Load(workload: workload, accounts: accounts, items: items)
    load.first = first
    load.share = 0.5
    return load
  }

  private mutating func measurePages(_ servers: [RunningServer]) throws(BenchError) {
    let page = Self.alone("page", first: Dataset.firstPage, accounts: Dataset.hotPages)
    var many = page
    many.connections = 64
    many.share = 1
    try measure(Case.pageMany, many, onProducts: servers)
    try measure(Case.page, page, onProducts: servers)
    let save = Self.alone("save", first: Dataset.firstPage, accounts: Dataset.pages)
    try measure(Case.save, save, onProducts: servers)
  }

  private mutating func measureStats(_ servers: [RunningServer]) throws(BenchError) {
    let users = [
      (name: "large", number: Dataset.largeUser, runs: book.largeRuns),
      (name: "small", number: Dataset.smallUser, runs: Dataset.smallRuns),
    ]
    for user in users {
      for zone in Dataset.zones {
        var load = Self.alone("stats", first: user.number, accounts: 1)
        load.runs = user.runs
        load.zone = zone
        for server in servers {
          let isTally = server.subject == .tally
          load.workload = isTally ? "stats-cold" : "stats"
          try measureForms(Case.stats(user.name, zone, "cold"), load, on: server)
          guard isTally else { continue }
          load.workload = "stats"
          try measure(Case.stats(user.name, zone, "hot"), load, on: server)
          load.workload = "stats-groups"
          try measure(Case.stats(user.name, zone, Case.grouped), load, on: server)
        }
      }
    }
  }

  private mutating func measureUsers(_ servers: [RunningServer]) throws(BenchError) {
    let (first, users) = (Dataset.firstUser, Dataset.users)
    for count in [50, 100] {
      let load = Self.alone("users", first: first, accounts: users, items: count)
      try measure(Case.users(count), load, onProducts: servers)
    }
    let usage = Self.alone("usage", first: first, accounts: users, items: 1000)
    try measure(Case.usage, usage, onProducts: servers)
    try measure(Case.check, Self.alone("check", first: first, accounts: users), onProducts: servers)
    try measure(Case.spend, Self.alone("consume", first: first, accounts: users), onProducts: servers)
  }
}
