// Searches of one user's 10,000 pages, and what keeping their words up to date costs a save.
//
// Invariants:
// 1. Both kinds of saves send the same bytes: a text of some 2 KB, and settings as long, one of them new.
//    What is in the settings is not searched. Each kind has pages of its own.

extension Bench {
  static let searchedPages = 10_000

  mutating func runSearch() throws(BenchError) {
    guard subjects.contains(.tally) else { return }
    let server = try launcher.tally()
    try make([Dataset.Part("seed-texts", accounts: Self.searchedPages, depth: 16)], on: server)
    for _ in 0..<rounds {
      for (name, workload) in [
        (Case.searchWord, "search-word"), (Case.searchPrefix, "search-prefix"),
        (Case.searchPhrase, "search-phrase"),
      ] {
        try measure(name, Load(workload: workload), on: server)
      }
      let half = Self.searchedPages / 2
      for (name, workload, first) in [
        (Case.saveText, "save-text", 0), (Case.saveSettings, "save-settings", half),
      ] {
        var load = Load(workload: workload, accounts: half)
        load.first = first
        try measure(name, load, on: server)
      }
      try measure(Case.searchMany, Load(workload: "search-word", connections: 64), on: server)
    }
    try server.stop()
  }
}
