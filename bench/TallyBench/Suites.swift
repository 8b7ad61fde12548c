// What is measured, and in which order.
//
// Invariants:
// 1. Each round measures every subject of every case once, one after the other, so that a noisy machine
//    affects all of them alike.

/// A part of the benchmark that `--only` can choose.
enum Suite: String, CaseIterable {
  case echo
  case consume
  case batch
  case hold
  case balance
  case caps
  case money
  case run
  case page
  case search
  case stats
  case users
  case clients
  case start
  case harness
  case memory
}

/// The names of the cases.
enum Case {
  static let echoFree = "echo, one caller"
  static let echoPinned = "echo, one caller, one core"
  static let echoMany = "echo, 64 callers"
  static let hot = "consume, 64 callers, one hot account"
  static let batch = "BatchConsume of 8,192, 2 callers"
  static let hold = "hold + capture, 64 callers"
  static let balance = "balance read, 64 callers"
  static let balanceAt = "balance at a past time, 64 callers"
  static let refund = "refund, 64 callers"
  static let reverse = "reversal of a purchase, 64 callers"
  /// What these three are compared to, on the same ledger.
  static let longConsume = "consume on that ledger, 64 callers"
  static let longBalance = "balance read on that ledger, 64 callers"
  /// What caps cost: none, those of a plan that the accounts are not under, and four of each account with two
  /// of each spender.
  static let caps = ["no caps", "caps of another plan", "4 caps of the user, 2 of the spender"].map {
    "consume by a spender, 64 callers, \($0)"
  }
  static let run = "BeginRun + FinishRun, 64 callers"
  static let pageMany = "page detail, 64 callers"
  static let page = "page detail"
  static let save = "page update, all sections"
  static let searchWord = "search by a word"
  static let searchPrefix = "search by the beginning of a word"
  static let searchPhrase = "search by a phrase"
  static let searchMany = "search by a word, 64 callers"
  static let saveText = "page update, 2 KB of text"
  static let saveSettings = "page update, 2 KB of settings"
  static let usage = "month's usage of 1,000 users"
  static let check = "credit check"
  static let spend = "credit consumption"

  /// A client on one connection, with `depth` calls in flight.
  static func client(_ workload: String, _ depth: Int) -> String {
    "\(workload) by one connection, \(depth) in flight"
  }

  static func users(_ count: Int) -> String { "admin list of \(count) users" }

  static let grouped = "cold, by spender and tag"

  /// `user` is large or small, `cache` is cold, hot or `grouped`.
  static func stats(_ user: String, _ zone: String, _ cache: String) -> String {
    "stats, \(user) user, \(zone), \(cache)"
  }

  static func consume(_ callers: Int, _ keys: String) -> String {
    "consume, \(callers) caller\(callers == 1 ? "" : "s"), \(keys) keys"
  }
}

/// The names of the figures.
enum Figure {
  static let start = "start to first reply, ms"
  static let ephemeral = "ephemeral start to first reply, ms"
  static let reset = "harness: reset, p50, ms"
  static let saveSnapshot = "harness: save of 1,000 users, p50, ms"
  static let restoreSnapshot = "harness: restore of 1,000 users, p50, ms"
  static let idleResident = "idle memory, resident, MB"
  static let idleProportional = "idle memory, proportional, MB"
  static let loadedResident = "loaded memory, resident, MB"
  static let loadedProportional = "loaded memory, proportional, MB"
  static let size = "stripped binary, MB"
}

/// Runs the suites and records their samples.
struct Bench {
  static let callers = [1, 8, 64]
  static let accounts = 1000
  static let batchItems = 8192
  static let loadedRows = 1_000_000
  static let bytesPerMegabyte = 1_048_576.0

  var places: Places
  var rounds: Int
  var generator: LoadGenerator
  /// The subjects that were asked for and whose programs are installed.
  var subjects: Set<Subject>
  var launcher: Launcher
  var book = Book()

  init(
    places: Places, rounds: Int, seconds: Double, warmup: Double, subjects: Set<Subject>, largeRuns: Int
  ) {
    self.places = places
    self.rounds = rounds
    self.subjects = subjects
    generator = LoadGenerator(
      command: [places.program("CTallyLoadGenerator")], seconds: seconds, warmup: warmup)
    launcher = Launcher(places: places)
    book.largeRuns = largeRuns
  }

  mutating func run(_ suites: Set<Suite>) throws(BenchError) {
    if suites.contains(.echo) { try runEcho() }
    if !suites.isDisjoint(with: [.consume, .batch, .hold, .balance, .run]) { try runLedger(suites) }
    if suites.contains(.caps) { try runCaps() }
    if suites.contains(.money) { try runMoney() }
    if !suites.isDisjoint(with: [.page, .stats, .users]) { try runProduct(suites) }
    if suites.contains(.search) { try runSearch() }
    if suites.contains(.clients) { try runClients() }
    if suites.contains(.start) { try runStart() }
    if suites.contains(.harness) { try runHarness() }
    if suites.contains(.memory) { try runMemory() }
  }

  /// Records one sample and prints a line of progress.
  mutating func measure(
    _ name: String, _ load: Load, on server: RunningServer, as subject: Subject? = nil,
    by client: LoadGenerator? = nil
  ) throws(BenchError) {
    let subject = subject ?? server.subject
    var load = load
    load.target = server.target
    let sample = try (client ?? generator).run(load, socket: server.socket)
    book.record(sample, name, subject)
    let rate = Format.rate(sample.perSecond)
    Progress.line("\(name) | \(subject.rawValue): \(rate)/s, p50 \(Format.micros(sample.p50Micros)) us")
  }

  /// Records one sample; on PostgreSQL a second one, with the statements that an object mapper sends.
  mutating func measureForms(_ name: String, _ load: Load, on server: RunningServer) throws(BenchError) {
    try measure(name, load, on: server)
    guard server.subject == .postgres, subjects.contains(.postgresORM) else { return }
    var other = load
    other.isORM = true
    try measure(name, other, on: server, as: .postgresORM)
  }

  /// Records samples of every server that has users, runs and pages.
  mutating func measure(_ name: String, _ load: Load, onProducts servers: [RunningServer])
    throws(BenchError)
  {
    for server in servers where server.hasProduct { try measureForms(name, load, on: server) }
  }
}
