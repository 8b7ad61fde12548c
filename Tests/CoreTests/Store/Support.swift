// What the store's tests share: directories that go away, engines on real files, calls that wait.

internal import Dispatch
internal import Glibc
internal import TallyLocking
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

/// A directory of one test, removed with what an engine leaves in it.
final class TemporaryDirectory: Sendable {
  let path: String

  /// - Parameter inMemory: where no test of durability needs a disk, so that a sync costs nothing.
  init(inMemory: Bool = false) throws {
    let parent = unsafe inMemory && access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/tally-test-XXXXXX".utf8CString)
    let isMade = unsafe template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return false }
      return unsafe mkdtemp(base) != nil
    }
    try #require(isMade)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in ["tally.db", "tally.db-wal", "tally.db-shm", "tally.db-journal", "daemon.lock"] {
      unsafe unlink(path + "/" + name)
    }
    unsafe rmdir(path)
  }

  /// Writes over the database file, as a failing disk would.
  func overwrite(at offset: Int64, with bytes: [UInt8]) throws {
    let descriptor = unsafe Glibc.open(databasePath, O_WRONLY)
    defer { close(descriptor) }
    let count = unsafe pwrite(descriptor, bytes, bytes.count, Int(offset))
    try #require(count == bytes.count)
  }

  var databasePath: String { path + "/" + DataDirectory.databaseName }

  /// The file by itself, while no engine has it open.
  func connection() throws -> Connection {
    try Connection(path: databasePath, options: ConnectionOptions(readOnly: false))
  }
}

/// 2026-01-15T12:00:00Z, where the clocks of these tests stand.
let noon: Int64 = 1_768_478_400_000_000
let second: Int64 = 1_000_000
let dollar: Int64 = 1_000_000

func open(
  _ directory: TemporaryDirectory, clock: any TimeSource = TestClock(wallMicros: noon),
  faults: EngineFaults = EngineFaults(), readerCount: Int = 2,
  onFatal: @escaping @Sendable (StoreError) -> Void = { _ in },
  onEvent: @escaping @Sendable (StoreEvent) -> Void = { _ in },
  configure: (inout EngineConfiguration) -> Void = { _ in }
) throws(StoreError) -> SQLiteEngine {
  var configuration = EngineConfiguration(directory: directory.path, onFatal: onFatal)
  configuration.onEvent = onEvent
  configuration.clock = clock
  configuration.faults = faults
  configuration.readerCount = readerCount
  // The tests' directories may be on tmpfs; and nothing happens behind a test's back.
  configuration.allowsAnyFileSystem = true
  configuration.tickMillis = 3_600_000
  configure(&configuration)
  return try SQLiteEngine.open(configuration)
}

/// The statements that `body` made the engine run, each with its number of runs: BEGIN, COMMIT and the
/// head's row are among them.
func statements(_ engine: SQLiteEngine, of body: () throws -> Void) rethrows -> [String: Int64] {
  let before = engine.statements.runCounts
  try body()
  return engine.statements.runCounts.merging(before) { $0 - $1 }.filter { $0.value != 0 }
}

/// A value that a completion hands to the thread that waits for it.
final class Slot<Value: Sendable>: Sendable {
  private let monitor = Monitor<Value?>(nil)

  func put(_ value: Value) {
    monitor.withLock { $0 = value }
    monitor.broadcast()
  }

  /// What is there already; nil when nothing is.
  var value: Value? { monitor.withLock { $0 } }

  func wait() throws -> Value {
    let deadline = MonotonicClock.nanoseconds + Patience.nanoseconds
    let value = monitor.wait(deadlineNanoseconds: deadline, until: { $0 != nil }, then: { $0 })
    return try #require(value ?? nil)
  }
}

extension SQLiteEngine {
  /// Submits a batch and waits for its outcomes.
  func decide(_ commands: [Command], userId: String = "", deadlineNanoseconds: UInt64? = nil) throws
    -> [Outcome]
  {
    let slot = Slot<[Outcome]>()
    submit(
      Submission(
        commands: commands, sharer: userId, deadlineNanoseconds: deadlineNanoseconds, byteCount: 100),
      group: nil
    ) { slot.put($0) }
    return try slot.wait()
  }

  func decide(_ command: Command) throws -> Outcome { try #require(try decide([command]).first) }

  /// Expects the command to be applied.
  @discardableResult
  func must(_ command: Command, sourceLocation: SourceLocation = #_sourceLocation) throws -> Receipt {
    let outcome = try decide(command)
    return try #require(outcome.receipt, "\(outcome)", sourceLocation: sourceLocation)
  }

  /// Expects the command to be refused.
  func refusal(_ command: Command, sourceLocation: SourceLocation = #_sourceLocation) throws -> Refusal {
    let outcome = try decide(command)
    return try #require(outcome.refusal, "\(outcome)", sourceLocation: sourceLocation)
  }

  func available(_ userId: String) throws -> Int64 { try balance(userId: userId).value.availableMicros }
}

extension Outcome {
  var receipt: Receipt? {
    guard case .applied(let receipt) = self else { return nil }
    return receipt
  }
}

func key(_ text: String, digest: UInt8 = 1) -> Idempotency {
  Idempotency(key: text, digest: Digest(bytes: [UInt8](repeating: digest, count: 32)))
}

func purchase(
  _ userId: String, _ amountMicros: Int64, _ name: String, payment: String? = nil, digest: UInt8 = 1
) -> Command {
  .addPurchase(
    .init(
      userId: userId, paymentId: payment ?? "pay-\(userId)-\(name)", amountMicros: amountMicros,
      idempotency: key(name, digest: digest)))
}

func consume(_ userId: String, _ amountMicros: Int64, _ name: String, digest: UInt8 = 1) -> Command {
  .consume(.init(userId: userId, amountMicros: amountMicros, idempotency: key(name, digest: digest)))
}

func promo(
  _ userId: String, _ amountMicros: Int64, _ name: String, effectiveAt: Int64? = nil, expiresAt: Int64? = nil
) -> Command {
  .grantPromo(
    .init(
      userId: userId, amountMicros: amountMicros, effectiveAtMicros: effectiveAt, expiresAtMicros: expiresAt,
      idempotency: key(name)))
}

func reserve(_ userId: String, _ amountMicros: Int64, _ name: String, seconds: Int64 = 60) -> Command {
  .reserve(
    .init(userId: userId, amountMicros: amountMicros, ttlMillis: seconds * 1_000, idempotency: key(name)))
}

func capture(_ holdId: Int64, _ amountMicros: Int64? = nil, _ name: String, acting: String? = nil) -> Command
{
  .capture(.init(holdId: holdId, amountMicros: amountMicros, actingUserId: acting, idempotency: key(name)))
}

func release(_ holdId: Int64, _ name: String, acting: String? = nil) -> Command {
  .release(.init(holdId: holdId, actingUserId: acting, idempotency: key(name)))
}

func extend(_ holdId: Int64, _ name: String, seconds: Int64 = 60) -> Command {
  .extend(.init(holdId: holdId, ttlMillis: seconds * 1_000, idempotency: key(name)))
}

func grant(
  _ userId: String, _ planId: String, _ name: String, amountMicros: Int64? = nil, period: PeriodName? = nil
) -> Command {
  .grantPlan(
    .init(
      userId: userId, planId: planId, period: period, amountMicros: amountMicros, idempotency: key(name)))
}

func plan(_ id: String, _ creditMicros: Int64, expiry: GrantExpiry = .never) -> Plan {
  Plan(id: id, displayName: id, monthlyCreditMicros: creditMicros, grantExpiry: expiry)
}

/// A thread of a test, with a body that blocks.
@safe final class Thread: Sendable {
  private let done = Slot<Bool>()

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  init(_ body: @escaping @Sendable () -> Void) throws {
    let done = done
    let box = unsafe Unmanaged.passRetained(
      Body {
        body()
        done.put(true)
      })
    var thread = pthread_t()
    let code = unsafe pthread_create(&thread, nil, threadMain, box.toOpaque())
    try #require(code == 0)
    pthread_detach(thread)
  }

  /// Called by the new thread.
  static func enter(_ argument: UnsafeMutableRawPointer) {
    unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
  }

  func join() throws { _ = try done.wait() }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let argument = unsafe argument { unsafe Thread.enter(argument) }
  return nil
}

/// What a store has told, in order.
final class Events: Sendable {
  private let events = Monitor<[StoreEvent]>([])

  func add(_ event: StoreEvent) { events.withLock { $0.append(event) } }

  var all: [StoreEvent] { events.withLock { $0 } }
}

extension SQLiteEngine {
  func limitPages(to pages: Int) throws {
    try perform { (_, store) throws(StorageFailure) in
      try store.storing { () throws(SQLiteError) in
        _ = try store.connection.value("PRAGMA max_page_count = \(pages)")
      }
    }
  }

  /// What the timer does.
  func tick(writesOff: Bool = true) throws {
    try writer.perform { (committer) throws(StorageFailure) in
      _ = committer.tick(isIdle: true, writesOff: writesOff)
    }
  }

  var pendingCount: Int { writer.pendingCount }
}

extension FileSystem {
  /// Whether a directory is on tmpfs.
  static func isInMemory(_ path: String) -> Bool {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    return magic(ofOpenFile: descriptor) == 0x0102_1994
  }
}

extension SQLiteEngine {
  /// What `verify` finds wrong.
  func findings() throws -> [String] {
    var findings: [String] = []
    _ = try verify(enums: VerifyTests.enums) { if $0.isDone { findings += $0.findings } }
    return findings
  }

  func logFrames() throws -> Int {
    try perform { (_, store) throws(StorageFailure) in store.connection.logFrames }
  }
}

extension TemporaryDirectory {
  /// Permission bits of a file in it, or of itself.
  func mode(of name: String) -> mode_t? {
    var facts = stat()
    guard unsafe stat(path + "/" + name, &facts) == 0 else { return nil }
    return facts.st_mode & 0o777
  }

  /// Copies a stored database in, before an engine is opened.
  func install(fixture name: String) throws {
    let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let bytes = try Self.read(folder.joined(separator: "/") + "/Fixtures/" + name)
    let descriptor = unsafe Glibc.open(databasePath, O_WRONLY | O_CREAT, 0o600)
    defer { close(descriptor) }
    let count = unsafe write(descriptor, bytes, bytes.count)
    try #require(count == bytes.count)
  }

  private static func read(_ path: String) throws -> [UInt8] {
    let descriptor = unsafe Glibc.open(path, O_RDONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
      try #require(count >= 0)
      if count == 0 { return bytes }
      bytes += buffer.prefix(count)
    }
  }
}
