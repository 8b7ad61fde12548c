// One run of the load generator: its arguments and its report.

/// The load generator's arguments; it has defaults for those that are nil.
struct Load {
  var target = "ttrpc"
  var workload: String
  var connections = 1
  var depth = 1
  var accounts: Int?
  var keys: String?
  var items: Int?
  /// Number of the first account.
  var first: Int?
  /// The number of runs to make, or the least number that statistics must report.
  var runs: Int?
  var zone: String?
  /// As an object mapper sends it.
  var isORM = false
  /// Its share of the time that a figure gets.
  var share = 1.0
  /// The number of operations after which it ends; nil ends it after a time.
  var operations: Int?
  /// How far back past times lie, in seconds.
  var history: Int?
  var core: Int?

  func arguments(socket: String, seconds: Double, warmup: Double) -> [String] {
    var list = ["--target", target, "--workload", workload, "--socket", socket]
    list += ["--connections", "\(connections)", "--depth", "\(depth)"]
    list += ["--seconds", "\(seconds * share)", "--warmup", "\(warmup * share)"]
    if let accounts { list += ["--accounts", "\(accounts)"] }
    if let keys { list += ["--keys", keys] }
    if let items { list += ["--items", "\(items)"] }
    if let first { list += ["--first", "\(first)"] }
    if let runs { list += ["--runs", "\(runs)"] }
    if let zone { list += ["--zone", zone] }
    if isORM { list += ["--form", "orm"] }
    if let operations { list += ["--operations", "\(operations)"] }
    if let history { list += ["--history", "\(history)"] }
    if let core { list += ["--cpu", "\(core)"] }
    return list
  }
}

/// The measured part of one run.
struct Sample {
  var perSecond: Double
  var p50Micros: Double
  var p99Micros: Double
  var maximumMicros: Double
}

/// The numbers of a flat JSON object, by name, as our own C programs print them: without escapes. Nested
/// objects are skipped.
struct FlatJSON {
  private var numbers: [Substring: Double] = [:]

  init(_ text: String) {
    for part in text.split(whereSeparator: { "{},\n".contains($0) }) {
      let pair = part.split(separator: ":", maxSplits: 1)
      guard pair.count == 2, let value = Double(pair[1]) else { continue }
      numbers[pair[0].drop { $0 == "\"" }.prefix { $0 != "\"" }] = value
    }
  }

  func number(_ name: String) throws(BenchError) -> Double {
    guard let value = numbers[name[...]] else { throw BenchError("a report without \(name)") }
    return value
  }
}

/// Runs the load generator, or a client's program that takes the same arguments and prints the same report.
/// If any operation fails, the run fails.
struct LoadGenerator {
  var command: [String]
  var seconds: Double
  var warmup: Double

  @discardableResult
  func run(_ load: Load, socket: String) throws(BenchError) -> Sample {
    let arguments = load.arguments(socket: socket, seconds: seconds, warmup: warmup)
    let text = try Tool.run(command + arguments)
    let report = FlatJSON(text)
    guard try report.number("errors") == 0, try report.number("operations") > 0 else {
      throw BenchError("\(arguments.joined(separator: " ")):\n\(text)")
    }
    return Sample(
      perSecond: try report.number("per_second"), p50Micros: try report.number("p50_micros"),
      p99Micros: try report.number("p99_micros"), maximumMicros: try report.number("max_micros"))
  }

  /// The milliseconds from a server's fork to its first reply. The server is stopped afterwards.
  func start(_ server: [String], socket: String?) throws(BenchError) -> Double {
    let place = socket.map { ["--socket", $0] } ?? ["--ephemeral"]
    let report = FlatJSON(try Tool.run(command + ["start"] + place + ["--"] + server))
    return try report.number("first_reply_micros") / 1000
  }
}
