// The server with a fault built in, for the tests that must see it fail. Never installed.
//
// Usage: TallyFaultyServer DATABASE SOCKET FAULT COUNT [WALL TRIGGER]
//
// `WALL` is where the wall clock stands still, in microseconds. Then the fault comes about once there is a
// file `TRIGGER`, rather than at the COUNTth commit.
//
// Owner: the main thread; the faults run on the writer's queue.

internal import CTallyProcess
internal import Glibc
internal import Logging
internal import TTRPC
internal import TallyCore
internal import TallyLocking
internal import TallySQLiteStore
internal import TallyServer

/// What goes wrong.
enum Fault: String {
  /// Answers before the commit, and dies before the COUNTth one, as if killed in between.
  case answersBeforeCommit = "answers-before-commit"
  /// Answers as it should, and dies before the COUNTth commit.
  case killedBeforeCommit = "killed-before-commit"
  /// Asks SQLite for a durability that does not sync every commit.
  case synchronousNormal = "synchronous-normal"
  /// Instead of the COUNTth commit, the sync fails.
  case failedSync = "failed-sync"
  /// The COUNTth commit is durable, and an error is reported all the same.
  case failedAfterCommit = "failed-after-commit"
  /// The wall clock is off by up to COUNT seconds to either side, differently at each look.
  case wanderingClock = "wandering-clock"

  /// - Parameter trigger: a file; nil: it comes about at the COUNTth commit.
  func faults(count: Int, trigger: String?) -> EngineFaults {
    let commits = Lock(0)
    /// Whether this is the one.
    let isDue: @Sendable () -> Bool = {
      if let trigger { return unsafe access(trigger, F_OK) == 0 }
      return commits.withLock { commits in
        commits += 1
        return commits == count
      }
    }
    var faults = EngineFaults()
    switch self {
    case .answersBeforeCommit:
      faults.answersBeforeCommit = true
      faults.beforeCommit = { _ in if isDue() { kill(getpid(), SIGKILL) } }
    case .killedBeforeCommit: faults.beforeCommit = { _ in if isDue() { kill(getpid(), SIGKILL) } }
    case .synchronousNormal: faults.synchronous = "NORMAL"
    case .failedSync:
      faults.beforeCommit = { _ throws(StoreFault) in if isDue() { throw .failedSync } }
    case .failedAfterCommit:
      faults.afterCommit = { _ throws(StoreFault) in if isDue() { throw .failedSync } }
    case .wanderingClock: break
    }
    return faults
  }
}

/// A wall clock that goes fast, by ten days in a second, and jumps to and fro about that at each look.
final class WanderingClock: TimeSource {
  private static let speed: Int64 = 864_000

  private let system = SystemClock()
  private let startMicros: Int64
  private let rangeMicros: Int64

  init(rangeSeconds: Int) {
    startMicros = system.wallMicros
    rangeMicros = Int64(rangeSeconds) * 1_000_000
  }

  var wallMicros: Int64 {
    let now = system.wallMicros
    return now + (now - startMicros) * Self.speed + Int64.random(in: -rangeMicros...rangeMicros)
  }

  var monotonicNanoseconds: UInt64 { system.monotonicNanoseconds }
}

/// How it ends, with a word on standard error.
func end(_ status: Int32, _ message: String) -> Never {
  let bytes = Array("TallyFaultyServer: \(message)\n".utf8)
  _ = unsafe bytes.withUnsafeBytes { unsafe cprocess_write_all(STDERR_FILENO, $0.baseAddress, $0.count) }
  _exit(status)
}

let arguments = CommandLine.arguments
guard [5, 7].contains(arguments.count), let fault = Fault(rawValue: arguments[3]),
  let count = Int(arguments[4])
else {
  end(64, "DATABASE SOCKET FAULT COUNT [WALL TRIGGER]")
}
let signals = cprocess_signals_open()
var ends: [Int32] = [0, 0]
guard signals >= 0, unsafe pipe(&ends) == 0 else { end(71, "no descriptors") }
let (fatalInput, fatalOutput) = (ends[0], ends[1])

var engine = EngineConfiguration(directory: arguments[1]) { _ in close(fatalOutput) }
engine.faults = fault.faults(count: count, trigger: arguments.count == 7 ? arguments[6] : nil)
if case .wanderingClock = fault { engine.clock = WanderingClock(rangeSeconds: count) }
if arguments.count == 7 {
  engine.clock = TestClock(wallMicros: Int64(arguments[5]) ?? 0)
  // Whoever drives the clock foresees every row: none is written in a slice, ahead of the command that needs
  // it.
  engine.settledRows = 1 << 20
}
let options = TallyServerOptions(
  server: ServerOptions(path: arguments[2]), engine: engine, version: "faulty")
do {
  let server = try TallyServer(
    options: options, logger: Logger(label: "faulty") { _ in SwiftLogNoOpLogHandler() }
  ) { (configuration) throws(StoreError) in try SQLiteEngine.open(configuration) }
  try server.start()
  let descriptors = [signals, fatalInput]
  let place = unsafe descriptors.withUnsafeBufferPointer { unsafe cprocess_wait($0.baseAddress, 2, -1) }
  if place == 1 {
    // As the program does: the replies leave, nothing is closed.
    cprocess_sleep_nanoseconds(100_000_000)
    end(80, "the last commit's outcome is unknown")
  }
  try await server.shutdown()
} catch {
  end(70, "\(error)")
}
