// Programs that the benchmarks start: servers, which run until they are stopped, and tools, which print
// something and end.
//
// Invariants:
// 1. Each child dies with the benchmark, whatever ends it (PR_SET_PDEATHSIG, by setpriv).
//
// Owner: the main thread.

import Glibc

/// A server under measurement.
final class ServerProcess {
  let pid: pid_t
  private let name: String
  private let logPath: String

  /// Starts `command`, on one core if one is given. Its output goes to `logPath`.
  init(_ name: String, _ command: [String], logPath: String, user: String? = nil, core: Int? = nil)
    throws(BenchError)
  {
    self.name = name
    self.logPath = logPath
    let log = try SystemCall.create(logPath)
    defer { close(log) }
    pid = try SystemCall.spawn(Tool.guarded(command, user: user, core: core), output: log, errors: log)
  }

  /// Waits until something listens at `socket`.
  func waitForSocket(_ socket: String) throws(BenchError) {
    _ = try waitUntilStarted { () throws(BenchError) in SystemCall.exists(socket) ? socket : nil }
  }

  /// Waits for the line that an ephemeral server prints, and returns the socket that it names.
  func waitForLine() throws(BenchError) -> String {
    try waitUntilStarted { () throws(BenchError) in
      let parts = try SystemCall.readFile(logPath).split(separator: "\"socket\":\"", maxSplits: 1)
      return parts.count < 2 ? nil : parts[1].split(separator: "\"").first.map(String.init)
    }
  }

  private func waitUntilStarted(_ place: () throws(BenchError) -> String?) throws(BenchError) -> String {
    let limitMillis: UInt32 = 30_000
    let stepMillis: UInt32 = 5
    for _ in 0..<(limitMillis / stepMillis) {
      if let place = try place() { return place }
      guard SystemCall.isRunning(pid) else { break }
      SystemCall.pause(millis: stepMillis)
    }
    let log = (try? SystemCall.readFile(logPath)) ?? ""
    throw BenchError("\(name) did not start:\n\(log)")
  }

  /// Sends the signal and waits for the end. A server without a handler may die of it.
  func stop(signal: Int32 = SIGTERM) throws(BenchError) {
    kill(pid, signal)
    let status = try SystemCall.wait(pid)
    guard status == 0 || status == 128 + signal else {
      let log = (try? SystemCall.readFile(logPath)) ?? ""
      throw BenchError("\(name) stopped with status \(status):\n\(log)")
    }
  }

  /// The server's memory in bytes: resident, and proportional (shared pages divided by their users).
  func memory() throws(BenchError) -> (resident: Double, proportional: Double) {
    let text = try SystemCall.readFile("/proc/\(pid)/smaps_rollup")
    func kilobytes(_ field: String) -> Double {
      let line = text.split(separator: "\n").first { $0.hasPrefix(field) }
      return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
    }
    return (kilobytes("Rss:") * 1024, kilobytes("Pss:") * 1024)
  }
}

/// Programs that print something and end.
enum Tool {
  /// The command that makes the child die with this process, and run as another user and on one core if
  /// asked.
  static func guarded(_ command: [String], user: String? = nil, core: Int? = nil) -> [String] {
    var whole = ["setpriv", "--pdeathsig", "KILL"]
    if let user { whole += ["--reuid", user, "--regid", user, "--init-groups"] }
    if let core { whole += ["taskset", "--cpu-list", "\(core)"] }
    return whole + command
  }

  /// What the command prints. Throws when it fails; its standard error is passed through.
  @discardableResult
  static func run(_ command: [String], user: String? = nil, core: Int? = nil) throws(BenchError) -> String {
    let ends = try SystemCall.pipe()
    defer { close(ends.read) }
    let whole = guarded(command, user: user, core: core)
    let pid = try SystemCall.spawn(whole, output: ends.write, errors: STDERR_FILENO)
    close(ends.write)
    let text = try SystemCall.readAll(ends.read)
    let status = try SystemCall.wait(pid)
    guard status == 0 else {
      throw BenchError("\(command.joined(separator: " ")) failed with status \(status)")
    }
    return text
  }

  /// The first line that a command prints; `unknown` when it fails, which only affects the description of the
  /// machine.
  static func firstLine(_ command: [String]) -> String {
    let text = (try? run(command)) ?? "unknown"
    return text.split(separator: "\n").first.map(String.init) ?? "unknown"
  }
}
