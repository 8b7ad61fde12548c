// A server that is killed again and again under load, and the oracle that watches.
//
// Invariants:
// 1. After each start, before new load: every unknown call is settled by a retry with its key, the last
//    acknowledged calls are found unchanged, and all accounts have, and have used, what the oracle says.
//
// Owner: the test.

import Glibc
import TallyTestSupport
import Testing

/// Numbers that the environment may give.
enum Setting {
  static func number(_ name: String, default standard: Int) -> Int {
    guard let value = unsafe getenv(name) else { return standard }
    return Int(unsafe String(cString: value)) ?? standard
  }
}

struct KillRun {
  let workplace: Workplace
  let oracle: Oracle
  var workload: Workload
  var options = DaemonOptions()
  /// How long the load goes on before the kill, in microseconds.
  var loadMicros: ClosedRange<Int64> = 100_000...900_000
  /// The kill waits for so many acknowledged calls, however long they take.
  var leastAcknowledged = 100
  /// One start in so many is killed as well.
  var startKillEvery: UInt64 = 5

  private(set) var kills = 0
  private var random: SeededRandom
  /// Of the last start, to aim at the next.
  private var startDuration: Duration = .milliseconds(100)

  init(seed: UInt64, accountCount: Int) throws {
    workplace = try Workplace()
    oracle = Oracle(accountCount: accountCount)
    workload = Workload(seed: seed)
    random = SeededRandom(seed: seed)
  }

  /// Starts the server, at times only after it was killed while it started, and proves what it has.
  mutating func start() async throws -> Daemon {
    while kills > 0 && random.next() % startKillEvery == 0 {
      let daemon = try Daemon.launch(workplace, options)
      let part = Double.random(in: 0...1.2, using: &random)
      try await Task.sleep(for: startDuration * part)
      daemon.kill()
      kills += 1
    }
    let begin = ContinuousClock.now
    let daemon = try await Daemon.start(workplace, options)
    startDuration = begin.duration(to: .now)
    let client = daemon.client()
    defer { client.close() }
    try await oracle.settleUnknown(client)
    await oracle.checkRecent(client)
    try await oracle.checkBalances(client)
    try await oracle.checkUsage(client)
    return daemon
  }

  /// Gives every account credit; kills the server some time into the load that follows.
  mutating func round() async throws {
    let isFirst = kills == 0
    let daemon = try await start()
    if isFirst { await workload.fund(oracle, daemon) }
    let load = Duration.microseconds(Int64.random(in: loadMicros, using: &random))
    let due = oracle.acknowledgedCount + leastAcknowledged
    let killer = Task { [oracle] in
      try? await Task.sleep(for: load)
      while oracle.acknowledgedCount < due && !Task.isCancelled { try? await Task.sleep(for: Patience.pause) }
      daemon.kill()
    }
    await workload.run(oracle, daemon, round: kills)
    // When the server has died by itself, the kill need not wait.
    killer.cancel()
    await killer.value
    kills += 1
  }

  /// The last proofs: balances, every run and version, every row of the busy accounts, the ledger online and
  /// on the file, and the history by arithmetic.
  mutating func finish() async throws {
    let daemon = try await start()
    try await oracle.checkEverything(daemon)
    let client = daemon.client()
    try await oracle.checkLedger(client)
    client.close()
    try await daemon.verify()
    try await daemon.stop()
    try await workplace.verifyFile()
    oracle.checkHistory()
  }
}
