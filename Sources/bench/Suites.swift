// What is measured, and in which order.
//
// 1. Each round visits every subject of every case once, one after the other, so that what a noisy
//    machine does to one it does to all.

/// A part of the benchmark that `--only` can choose.
enum Suite: String, CaseIterable {
  case echo
  case consume
  case batch
  case hold
  case balance
  case start
  case memory
}

/// The names of the cases in the book.
enum Case {
  static let echoFree = "echo, one caller"
  static let echoPinned = "echo, one caller, one core"
  static let echoMany = "echo, 64 callers"
  static let hot = "consume, 64 callers, one hot account"
  static let batch = "BatchConsume of 8,192, 2 callers"
  static let hold = "hold + capture, 64 callers"
  static let balance = "balance read, 64 callers"

  static func consume(_ callers: Int, _ keys: String) -> String {
    "consume, \(callers) caller\(callers == 1 ? "" : "s"), \(keys) keys"
  }
}

/// The names of the figures in the book.
enum Figure {
  static let start = "start to first reply, ms"
  static let ephemeral = "ephemeral start to first reply, ms"
  static let idleResident = "idle memory, resident, MB"
  static let idleProportional = "idle memory, proportional, MB"
  static let loadedResident = "loaded memory, resident, MB"
  static let loadedProportional = "loaded memory, proportional, MB"
  static let size = "stripped binary, MB"
}

/// Runs the suites and keeps the book.
struct Bench {
  static let callers = [1, 8, 64]
  static let accounts = 1000
  static let batchItems = 8192
  static let loadedRows = 1_000_000
  static let bytesPerMegabyte = 1_048_576.0

  var places: Places
  var rounds: Int
  var generator: LoadGenerator
  /// Subjects that were asked for and are there.
  var subjects: Set<Subject>
  var launcher: Launcher
  var book = Book()

  init(places: Places, rounds: Int, seconds: Double, warmup: Double, subjects: Set<Subject>) {
    self.places = places
    self.rounds = rounds
    self.subjects = subjects
    generator = LoadGenerator(path: places.program("LoadGenerator"), seconds: seconds, warmup: warmup)
    launcher = Launcher(places: places)
  }

  mutating func run(_ suites: Set<Suite>) throws(BenchError) {
    if suites.contains(.echo) { try runEcho() }
    if !suites.isDisjoint(with: [.consume, .batch, .hold, .balance]) { try runLedger(suites) }
    if suites.contains(.start) { try runStart() }
    if suites.contains(.memory) { try runMemory() }
  }

  /// One sample into the book, with a line of progress.
  mutating func measure(_ name: String, _ load: Load, on server: RunningServer, as subject: Subject? = nil)
    throws(BenchError)
  {
    let subject = subject ?? server.subject
    var load = load
    load.target = server.target
    let sample = try generator.run(load, socket: server.socket)
    book.record(sample, name, subject)
    let rate = Format.rate(sample.perSecond)
    Progress.line("\(name) | \(subject.rawValue): \(rate)/s, p50 \(Format.micros(sample.p50Micros)) us")
  }
}
