// The data set of the benchmarks of pages, statistics and users: the same on every system.
//
// Invariants:
// 1. The load generator makes it with the same arguments on every system; in PostgreSQL with generate_series.
// 2. The large and the small user are made first, so that the newest users, which the admin's list shows, are
//    ordinary ones.

enum Dataset {
  static let largeUser = 0
  static let smallUser = 1
  static let firstUser = 2
  static let users = 10_000
  /// The newest users have a page each, of 10 sections and 20 uploads.
  static let pages = 1000
  static let firstPage = firstUser + users - pages
  /// The pages that are read over and over.
  static let hotPages = 100
  static let largeRuns = 1_000_000
  static let smallRuns = 10_000
  static let runsOfUsers = 100_000
  static let zones = ["UTC", "America/New_York"]

  /// A part of the data set, which one run of the load generator makes.
  struct Part {
    var workload: String
    var first = 0
    var accounts = 1
    var runs: Int?
    /// Calls in flight, where a connection can have more than one.
    var depth = 1

    init(_ workload: String, first: Int = 0, accounts: Int = 1, runs: Int? = nil, depth: Int = 1) {
      self.workload = workload
      self.first = first
      self.accounts = accounts
      self.runs = runs
      self.depth = depth
    }

    func load(target: String) -> Load {
      var load = Load(target: target, workload: workload, accounts: accounts)
      load.depth = target == "postgres" ? 1 : depth
      load.first = first
      load.runs = runs
      load.items = runs.map { min($0, runsInCall) }
      return load
    }
  }

  /// As many as RecordRuns takes.
  static let runsInCall = 1000

  static func parts(largeRuns: Int) -> [Part] {
    [
      Part("seed", accounts: firstUser + users, depth: 64),
      Part("seed-plan"),
      Part("seed-settings", accounts: firstUser + users, depth: 64),
      Part("seed-runs", first: largeUser, runs: largeRuns, depth: 4),
      Part("seed-runs", first: smallUser, runs: smallRuns, depth: 4),
      Part("seed-runs", first: firstUser, accounts: users, runs: runsOfUsers, depth: 4),
      Part("seed-media", first: firstPage, accounts: pages, depth: 64),
      Part("seed-pages", first: firstPage, accounts: pages, depth: 16),
    ]
  }
}

extension Bench {
  func make(_ parts: [Dataset.Part], on server: RunningServer) throws(BenchError) {
    for part in parts {
      Progress.line("\(part.workload), \(part.runs ?? part.accounts) | \(server.subject.rawValue)")
      try generator.run(part.load(target: server.target), socket: server.socket)
    }
  }
}
