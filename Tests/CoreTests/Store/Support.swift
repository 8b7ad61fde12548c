// What the store's tests share: directories that go away, engines on real files, calls that wait.

internal import Dispatch
internal import Glibc
internal import SQLite
internal import Testing

@testable internal import Core

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
    for name in ["tally.db", "tally.db-wal", "tally.db-shm", "daemon.lock"] {
      unsafe unlink(path + "/" + name)
    }
    unsafe rmdir(path)
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
  onFatal: @escaping @Sendable (StoreError) -> Void = { _ in }
) throws(StoreError) -> SQLiteEngine {
  var configuration = EngineConfiguration(directory: directory.path, onFatal: onFatal)
  configuration.clock = clock
  configuration.faults = faults
  configuration.readerCount = readerCount
  // The tests' directories may be on tmpfs; and nothing happens behind a test's back.
  configuration.allowsAnyFileSystem = true
  configuration.tickMillis = 3_600_000
  return try SQLiteEngine.open(configuration)
}

/// A value that a completion hands to the thread that waits for it.
final class Slot<Value: Sendable>: Sendable {
  private let monitor = Monitor<Value?>(nil)

  func put(_ value: Value) {
    monitor.withLock { $0 = value }
    monitor.broadcast()
  }

  /// - Parameter seconds: generous; a test that gets there has failed.
  func wait(seconds: UInt64 = 60) throws -> Value {
    let deadline = SystemClock().monotonicNanoseconds + seconds * 1_000_000_000
    let value = monitor.wait(deadlineNanoseconds: deadline, until: { $0 != nil }, then: { $0 })
    return try #require(value ?? nil)
  }
}

extension SQLiteEngine {
  /// Submits a batch and waits for its outcomes.
  func apply(_ commands: [Command], userId: String = "", deadlineNanoseconds: UInt64? = nil) throws
    -> [Outcome]
  {
    let slot = Slot<[Outcome]>()
    submit(
      Submission(
        commands: commands, userId: userId, deadlineNanoseconds: deadlineNanoseconds, byteCount: 100),
      group: nil
    ) { slot.put($0) }
    return try slot.wait()
  }

  func apply(_ command: Command) throws -> Outcome { try #require(try apply([command]).first) }

  /// Expects the command to be applied.
  @discardableResult
  func must(_ command: Command, sourceLocation: SourceLocation = #_sourceLocation) throws -> Receipt {
    let outcome = try apply(command)
    return try #require(outcome.receipt, "\(outcome)", sourceLocation: sourceLocation)
  }

  /// Expects the command to be refused.
  func refusal(_ command: Command, sourceLocation: SourceLocation = #_sourceLocation) throws -> Refusal {
    let outcome = try apply(command)
    return try #require(outcome.refusal, "\(outcome)", sourceLocation: sourceLocation)
  }

  func available(_ userId: String) throws -> Int64 { try balance(userId: userId).value.availableMicros }
}

extension Outcome {
  var receipt: Receipt? {
    guard case .applied(let receipt) = self else { return nil }
    return receipt
  }

  var refusal: Refusal? {
    guard case .refused(let refusal) = self else { return nil }
    return refusal
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
  _ userId: String, _ planId: String, _ name: String, amountMicros: Int64? = nil, period: Period? = nil
) -> Command {
  .grantPlan(
    .init(
      userId: userId, planId: planId, period: period, amountMicros: amountMicros, idempotency: key(name)))
}

func plan(_ id: String, _ creditMicros: Int64, expiry: GrantExpiry = .never) -> Plan {
  Plan(id: id, displayName: id, monthlyCreditMicros: creditMicros, grantExpiry: expiry)
}
