// One run of an engine of which something fails: what was sent, what was answered, and the proof that what is
// stored afterwards is what was answered.
//
// Invariants:
// 1. All of the engine's work is done on the run's thread, so that the same run asks the system, and SQLite
//    for memory, in the same order each time; checkpoints of a log that grows under load are the exception.
// 2. What is found wrong is kept as text; whoever made the run reports it.
//
// Owner: the thread that made it.

internal import TallySQLite

@testable internal import TallyCore
@testable internal import TallySQLiteStore

/// What may fail.
protocol Faults: AnyObject {
  /// From the next call but `skip` on, `count` fail. Counts anew.
  func begin(skip: Int32, count: Int32)
  /// No more do.
  func end()
  /// Calls since `begin`, whether they failed or not, and those that did.
  var callCount: Int { get }
  var failureCount: Int { get }
  /// The engine is about to end, or has ended.
  func willEnd(_ run: FaultRun)
}

final class FaultRun {
  /// What is known of a command.
  enum Fate: Equatable {
    case there, notThere, unknown
  }

  let directory: TemporaryDirectory
  private let faults: any Faults
  private let skip: Int32
  private let count: Int32
  private(set) var engine: SQLiteEngine?
  private(set) var fates: [[Fate]]
  private(set) var problems: [String] = []
  /// Whoever called or started the engine was told of a failure.
  private(set) var wasTold = false
  private var fatal = Slot<StoreError>()
  private var holdId: Int64?

  /// Reasons with which a failing disk or memory may refuse a write, and a read.
  private static let writeReasons: Set<Reason> = [.readOnly, .diskFull, .outcomeUnknown, .shuttingDown]
  static let readReasons: Set<Reason> = [.readOnly, .shuttingDown]
  /// Why a start, a stop or a harness's call may fail: statuses 71, 73 and 80, after each of which the
  /// program is started again. None speaks of damage, after which it is not.
  private static let codes: [StoreError.Code] = [
    .inputOutput, .diskFull, .directory, .outcomeUnknown, .lockedOut,
  ]

  /// - Parameters:
  ///   - sent: calls of the script that the directory's database has.
  ///   - skip: calls that pass once the faults have begun; then `count` fail.
  init(_ directory: TemporaryDirectory, _ faults: any Faults, sent: Range<Int>, skip: Int32, count: Int32) {
    self.directory = directory
    self.faults = faults
    self.skip = skip
    self.count = count
    fates = FaultScript.calls.enumerated().map { index, call in
      call(0).map { _ in sent.contains(index) ? .there : .notThere }
    }
  }

  func note(_ problem: String) { problems.append(problem) }

  func beginFaults() { faults.begin(skip: skip, count: count) }

  // MARK: what is done to the engine

  static func configuration(_ directory: TemporaryDirectory) -> EngineConfiguration {
    var configuration = EngineConfiguration(directory: directory.path)
    configuration.clock = TestClock(wallMicros: noon + 1_000 * second)
    configuration.allowsAnyFileSystem = true
    configuration.tickMillis = 3_600_000
    configuration.readerCount = 1
    configuration.logLockMillis = 0
    return configuration
  }

  /// - Parameter limits: when the log is copied.
  func open(limits: CheckpointLimits = .standard) {
    var configuration = Self.configuration(directory)
    let fatal = Slot<StoreError>()
    self.fatal = fatal
    configuration.onFatal = { fatal.put($0) }
    configuration.checkpointLimits = limits
    // The index of keys is written with almost each commit, and its marks with every eighth.
    configuration.keyIndexLimits = KeyIndexLimits(roundRows: 64, idleRows: 8, slicePairs: 16)
    attempt("start") { () throws(StoreError) in engine = try SQLiteEngine.open(configuration) }
  }

  /// Carries something out of which the starter, or a harness, is told.
  /// - Returns: nil when it succeeded.
  @discardableResult
  func attempt(_ what: String, _ body: () throws(StoreError) -> Void) -> StoreError? {
    do {
      try body()
      return nil
    } catch {
      wasTold = true
      if !Self.codes.contains(error.code) { note("\(what) says \(error.code): \(error)") }
      return error
    }
  }

  /// Sends some calls of the script.
  func send(_ range: Range<Int> = FaultScript.calls.indices) {
    for index in range { send(call: index) }
  }

  func send(call index: Int) {
    guard let engine else { return }
    let commands = FaultScript.calls[index](holdId)
    if commands.isEmpty { return }
    let outcomes = engine.carryOut(commands)
    if outcomes.count != commands.count { note("call \(index): \(outcomes.count) outcomes") }
    if index == FaultScript.reserving { holdId = outcomes.first?.receipt?.hold?.id ?? holdId }
    for (place, outcome) in outcomes.enumerated() {
      fates[index][place] = fate(outcome, fates[index][place], "call \(index)")
    }
  }

  /// - Parameter fate: of the command, before it was sent.
  private func fate(_ outcome: Outcome, _ fate: Fate, _ name: String) -> Fate {
    if let refusal = outcome.refusal {
      wasTold = wasTold || Self.writeReasons.contains(refusal.reason)
      // Others say what they say because an earlier call was not carried out.
      if refusal.reason == .corrupt || !wasTold { note("\(name) is refused: \(refusal)") }
      return refusal.reason == .outcomeUnknown && fate == .notThere ? .unknown : fate
    }
    guard let isRepeat = outcome.isRepeat else {
      note("\(name) is answered \(outcome)")
      return fate
    }
    if fate != .unknown && isRepeat != (fate == .there) {
      note("\(name) is \(isRepeat ? "a repetition" : "carried out"), and was \(fate)")
    }
    return .there
  }

  func tick() { attempt("tick") { () throws(StoreError) in try engine?.tickNow() } }

  /// Waits for what the engine does by itself.
  func settle() {
    attempt("settle") { () throws(StoreError) in
      try engine?.perform { (_, _) throws(StorageFailure) in }
    }
  }

  var isDraining: Bool { engine?.state().mode == .draining }

  func close() {
    guard let engine else { return }
    checkState(engine)
    faults.willEnd(self)
    attempt("stop") { () throws(StoreError) in try engine.close() }
    self.engine = nil
  }

  /// A commit whose outcome nobody knows ends the process, and says so.
  private func checkState(_ engine: SQLiteEngine) {
    guard isDraining else { return }
    guard let code = fatal.value?.code else { return note("drains, and nobody was told") }
    if code != .outcomeUnknown && code != .lockedOut { note("ends for \(code)") }
  }

  // MARK: replacing, for harnesses

  /// - Parameter range: calls that are undone by it.
  func replace(_ what: String, undoing range: Range<Int>, _ body: (SQLiteEngine) throws(StoreError) -> Void) {
    guard let engine else { return }
    let error = attempt(what) { () throws(StoreError) in try body(engine) }
    if range.contains(FaultScript.reserving) && error == nil { holdId = nil }
    for index in range {
      for place in fates[index].indices where fates[index][place] == .there {
        if error == nil { fates[index][place] = .notThere }
        if error?.code == .outcomeUnknown { fates[index][place] = .unknown }
      }
    }
  }

  // MARK: reading

  /// Reads everything while something fails, and again when nothing does: what was answered is the same.
  func read() {
    guard let engine else { return }
    var failing = lines(engine)
    faults.end()
    var whole = lines(engine)
    if failing == [Self.ended] { return }
    // Searches and diffs have a reader of their own.
    if whole == [Self.ended] || whole.contains(where: Self.isRefused) {
      // The last line is the state, which is another one: a start commits.
      failing.removeLast()
      whole = linesOfNext().dropLast()
    }
    if failing.count != whole.count { note("\(failing.count) lines, not \(whole.count)") }
    for (line, right) in zip(failing, whole) { compare(line, right) }
  }

  /// An engine whose reader could not give back a lock tells nothing more and ends; the next one tells what
  /// is right.
  private func linesOfNext() -> [String] {
    tick()
    if !isDraining { note("reads are refused, and it goes on") }
    close()
    open()
    guard let engine else { return [Self.ended] }
    return lines(engine)
  }

  /// - Parameters:
  ///   - line: as it was read when something failed.
  ///   - right: as it is.
  func compare(_ line: String, _ right: String) {
    if line.isExactly(right) { return }
    wasTold = true
    if !Self.isRefused(line) { note("read\n  \(line)\ninstead of\n  \(right)") }
  }

  private static func isRefused(_ line: String) -> Bool {
    readReasons.contains { line.hasSuffix(": \($0.rawValue)") }
  }

  private static let ended = "ended"

  private func lines(_ engine: SQLiteEngine) -> [String] {
    do { return try EngineDump(of: engine, users: FaultScript.users).lines } catch {
      wasTold = true
      if let refusal = error as? Refusal, Self.readReasons.contains(refusal.reason) {
      } else {
        note("\(error)")
      }
      return [Self.ended]
    }
  }

  // MARK: verifying

  /// How findings speak of what could not be read.
  private static let failures = [
    "stopped, and the rest", "disk I/O error", "unable to get the page", "out of memory", "locking protocol",
    "database is locked", "the store cannot be read at the moment",
  ]

  func verify(_ body: ((VerifyProgress) -> Void) throws(StoreError) -> Bool) {
    var findings: [String] = []
    var isSound = true
    let error = attempt("verify") { () throws(StoreError) in
      isSound = try body { if $0.isDone { findings += $0.findings } }
    }
    // What cannot be read is said to be so; everything that can be read is sound.
    for finding in findings where !Self.failures.contains(where: { finding.contains($0) }) {
      note("verify: \(finding)")
    }
    if error == nil && !isSound { wasTold = true }
  }

  // MARK: the proof

  /// Opens what is stored in a directory and sends everything again. The faults have ended.
  /// - Parameter verifies: whether all of it is verified, too, which takes longer than all else together.
  func check(_ directory: TemporaryDirectory, _ name: String, verifies: Bool = true) {
    do {
      let engine = try SQLiteEngine.open(Self.configuration(directory))
      defer { attempt("the end of the proof") { () throws(StoreError) in try engine.close() } }
      var holdId: Int64?
      for (index, call) in FaultScript.calls.enumerated() {
        let outcomes = engine.carryOut(call(holdId))
        if index == FaultScript.reserving { holdId = outcomes.first?.receipt?.hold?.id }
        for (place, outcome) in outcomes.enumerated() {
          _ = fate(outcome, fates[index][place], "\(name): call \(index)")
          if let refusal = outcome.refusal { note("\(name): call \(index) is refused: \(refusal)") }
        }
      }
      for (userId, micros) in FaultScript.balances {
        let found = try engine.available(userId)
        if found != micros { note("\(name): \(userId) has \(found), not \(micros)") }
      }
      if verifies { problems += try engine.findings().map { "\(name): \($0)" } }
    } catch {
      note("\(name) cannot be served: \(error)")
    }
  }
}

extension SQLiteEngine {
  /// Decides the commands of one call, on the calling thread.
  func carryOut(_ commands: [Command]) -> [Outcome] {
    let slot = Slot<[Outcome]>()
    var submission = Submission(commands: commands, sharer: "", byteCount: 100)
    submission.lead = { work in
      work()
      return true
    }
    submit(submission, group: nil) { slot.put($0) }
    // On another thread when a checkpoint is under way.
    return (try? slot.wait()) ?? []
  }

  /// What the timer does, on the calling thread.
  func tickNow() throws(StoreError) {
    try writer.perform { (committer) throws(StorageFailure) in _ = committer.tick(isIdle: true) }
  }
}
