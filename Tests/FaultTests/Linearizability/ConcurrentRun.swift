// Rounds of load from several processes on a server that is killed, or whose store fails, between them; each
// round is judged once the next start has told what became of the calls that nobody knows about.
//
// Invariants:
// 1. The wall clock stands still in a round and moves on between two, so that the model knows the time of
//    every decision.
// 2. What is judged is what callers were told, in the order that they were told.
//
// Owner: the test.

import Glibc
import TallyClient
import TallyLoad
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyModel
@testable import TallyServer

struct ConcurrentRun {
  /// How a round ends.
  enum End: CaseIterable { case kill, failedSync, failedAfterCommit }

  /// Workers of a round, each a process of its own.
  static let workerCount = 3
  static let userCount = 24
  /// Rounds with the same users.
  private static let roundsOfACast = 3
  private static let startMicros: Int64 = 1_767_225_600_000_000

  let workplace: Workplace
  let seed: UInt64
  /// Of a round.
  let operations: Int
  private let fault: String?
  private(set) var order = SerialOrder()
  private(set) var operationCount = 0
  private(set) var endCounts: [End: Int] = [:]
  private(set) var counts: [String: Int] = [:]
  private(set) var unknownCount = 0
  /// Where time went.
  private(set) var loadTime = Duration.zero
  private(set) var judgeTime = Duration.zero
  private var round = 0
  private var wallMicros = ConcurrentRun.startMicros
  private var random: SeededRandom
  /// The round that is not judged yet.
  private var last: HistoryReader?

  /// - Parameter fault: built into the server in all rounds, for a canary; nil: how rounds end changes.
  init(seed: UInt64, operations: Int, fault: String? = nil) throws {
    workplace = try Workplace()
    (self.seed, self.operations, self.fault) = (seed, operations, fault)
    random = SeededRandom(seed: seed)
  }

  private var cast: Cast { Cast(name: "\(round / Self.roundsOfACast)", userCount: Self.userCount) }

  /// - Returns: what no order explains, as small as it is within a round.
  mutating func next() async throws -> String? {
    let end = End.allCases[Int(random.next() % 3)]
    let trigger = "\(workplace.path)/trigger.\(round)"
    let daemon = try await Daemon.start(workplace, options(end, trigger: trigger))
    var reader = HistoryReader(wallMicros: wallMicros)
    let client = daemon.client()
    defer { client.close() }
    if round == 0 { try await putRules(client) }
    if let violation = try await settle(&reader, client) { return violation }
    if round % Self.roundsOfACast == 0 {
      var recorder = Recorder(name: "setup", client: client)
      for call in (round == 0 ? Cast.plans : []) + cast.setup {
        try #require(await recorder.make(call), "\(recorder.counts)")
      }
      for record in recorder.records { try reader.add(record) }
    }
    let began = ContinuousClock.now
    let records = try await load(daemon, end, trigger: trigger)
    loadTime += began.duration(to: .now)
    let judging = ContinuousClock.now
    for record in records { try reader.add(record) }
    judgeTime += judging.duration(to: .now)
    (last, unknownCount) = (reader, unknownCount + reader.unknown.count)
    endCounts[end, default: 0] += 1
    round += 1
    wallMicros += [1_000_000, 7_200_000_000, 90_000_000_000][Int(random.next() % 3)]
    return nil
  }

  /// The last round, and what is wrong with the store in the end.
  mutating func finish() async throws -> String? {
    let last = try await Daemon.start(workplace, options(.kill, trigger: "\(workplace.path)/never"))
    var reader = HistoryReader(wallMicros: wallMicros)
    let client = last.client()
    let violation = try await settle(&reader, client)
    client.close()
    last.kill()
    if violation != nil { return violation }
    self.last = reader
    if let violation = judge() { return violation }
    let daemon = try await Daemon.start(workplace)
    try await daemon.verify()
    try await daemon.stop()
    try await workplace.verifyFile()
    return nil
  }

  private func options(_ end: End, trigger: String) -> DaemonOptions {
    let ofEnd = end == .failedAfterCommit ? "failed-after-commit" : "failed-sync"
    return .faulty(fault ?? ofEnd, wallMicros: wallMicros, trigger: trigger)
  }

  /// The lines of the model's events.
  private func putRules(_ client: TallyClient) async throws {
    func put(_ id: String, _ set: (inout TallystickV1.AlertRule) -> Void) async throws {
      var request = TallystickV1.PutAlertRuleRequest()
      var rule = TallystickV1.AlertRule()
      (rule.ruleId, rule.scope) = (id, .everyUser(true))
      set(&rule)
      request.rule = rule
      _ = try await client.call(TallystickV1.UsageService.putAlertRule, request)
    }
    for line in LedgerModel.balanceLines {
      try await put("below \(line)") { $0.condition = .balanceBelowMicros(line) }
    }
    for line in LedgerModel.owedLines {
      try await put("owed \(line)") { $0.condition = .owedAboveMicros(line) }
    }
    for line in LedgerModel.capLines {
      try await put("cap \(line)") { $0.condition = .capAtPercent(Int32(line)) }
    }
  }

  // MARK: load

  private mutating func load(_ daemon: Daemon, _ end: End, trigger: String) async throws -> [CallRecord] {
    let outputs = (0..<Self.workerCount).map { "\(workplace.path)/round.\(round).\($0)" }
    let workers = try outputs.enumerated().map { number, output in
      try Child(
        [
          Programs.loadWorker, workplace.socket, output,
          "\(round / Self.roundsOfACast)/\(round)/\(number)", "\(Self.userCount)",
          "\(seed &+ UInt64(1_000 * round + number))", "16", "\(operations / Self.workerCount)",
          "\(wallMicros)",
        ], log: workplace.log)
    }
    try await eventually("the end of the load is near") {
      let log = Files.text(workplace.log).suffix(2_000)
      try #require(daemon.child.isRunning, "the server ended: \(log)")
      return zip(workers, outputs).allSatisfy { !$0.isRunning || Files.isThere("\($1).last") }
    }
    try await Task.sleep(for: .milliseconds(Int(random.next() % 60)))
    switch end {
    case .kill where fault == nil: daemon.kill()
    case .kill, .failedSync, .failedAfterCommit:
      let file = unsafe creat(trigger, 0o600)
      try #require(file >= 0)
      close(file)
    }
    var records: [CallRecord] = []
    for (worker, output) in zip(workers, outputs) {
      let status = try await worker.waitForEnd()
      try #require(status == 0, "a worker ended with \(status): \(Files.text(workplace.log).suffix(2_000))")
      records += CallRecord.all(in: Files.bytes(output))
      _ = unsafe unlink(output)
      _ = unsafe unlink("\(output).last")
    }
    // Where the load was over before the fault came about, too.
    daemon.kill()
    return records
  }

  // MARK: judging

  /// Sends again what nobody knows about, and judges the round before.
  private mutating func settle(_ reader: inout HistoryReader, _ client: TallyClient) async throws -> String? {
    guard var last else { return nil }
    for record in last.unknown {
      var recorder = Recorder(name: record.caller, client: client)
      try #require(await recorder.make(Outgoing(again: record)), "\(recorder.counts)")
      for var retry in recorder.records {
        retry.beganNanoseconds = record.beganNanoseconds
        try reader.add(retry)
      }
    }
    last.take(reader.replays)
    self.last = last
    return judge()
  }

  private mutating func judge() -> String? {
    guard let last else { return nil }
    let began = ContinuousClock.now
    defer { judgeTime += began.duration(to: .now) }
    let before = order.world
    operationCount += last.operationCount
    counts.merge(last.counts, uniquingKeysWith: +)
    var observations = last.observations
    if let violation = order.judge(&observations) {
      let smallest = SerialOrder.smallest(violation, world: before)
      return "TALLY_SEED=\(seed), round \(round - 1): \(smallest)"
    }
    for replay in last.replays {
      guard let told = replay.row else { continue }
      let row = order.world.ledger.row(told.sequence).map { TallystickV1.Transaction($0) }
      if let difference = difference("replayed row", told.placeless, row ?? .init()) {
        return "TALLY_SEED=\(seed), round \(round - 1): \(difference)"
      }
    }
    return nil
  }
}
