// Disk faults that are followed by a power cut: what was acknowledged is there afterwards, and whole.

internal import Glibc
internal import TallyLocking
internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Disk faults")
struct DiskFaultTests {
  let directory: TemporaryDirectory
  let disk: FaultyDisk

  init() throws {
    directory = try TemporaryDirectory()
    disk = try FaultyDisk(directory)
  }

  /// Opens what a power cut left, and proves all of it.
  private func check(
    _ left: TemporaryDirectory, available micros: Int64, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let engine = try open(left)
    #expect(try engine.available("u1") == micros, sourceLocation: sourceLocation)
    try engine.close()
    try verify(left, sourceLocation: sourceLocation)
  }

  private func verify(_ left: TemporaryDirectory, sourceLocation: SourceLocation = #_sourceLocation) throws {
    var findings: [String] = []
    let isSound = try Verifier.verify(file: left.databasePath) { findings += $0.findings }
    #expect(isSound && findings == [], sourceLocation: sourceLocation)
  }

  /// Commits of enough pages that the log is worth copying.
  private func fill(_ engine: SQLiteEngine, frames: Int, from number: inout Int) throws {
    let goal = try engine.logFrames() + frames
    while try engine.logFrames() < goal {
      let batch = (0..<50).map { purchase("fill-\(number)-\($0)", 1, "p") }
      for outcome in try engine.decide(batch) { _ = try #require(outcome.receipt) }
      number += 1
    }
  }

  @Test(
    "after a failed commit sync the next start has on the disk what recovery takes, whenever the power goes",
    arguments: [FaultyDisk.Written.none, .even, .odd, .all])
  func cutDuringRecovery(written: FaultyDisk.Written) throws {
    let fatal = Slot<StoreError>()
    var engine = try open(directory) { fatal.put($0) }
    for number in 0..<40 { try engine.must(purchase("u\(number)", 5, "p\(number)")) }
    disk.fail(.logSync)
    let batch = (0..<40).map { consume("u\($0)", 1, "c\($0)") }
    #expect(try engine.decide(batch).allSatisfy { $0.refusal?.reason == .outcomeUnknown })
    #expect(try fatal.wait().code == .outcomeUnknown)
    try engine.close()
    let left = try disk.cut(atDatabaseSync: 0, written) {
      engine = try open(directory)
      // Recovery found the commit in the page cache, so it is told to clients.
      #expect(try engine.available("u1") == 4)
    }
    try check(try #require(left, "the start copied nothing"), available: 4)
    // And later, when the start is over.
    try check(try disk.cut(), available: 4)
    try engine.close()
  }

  @Test("a checkpoint whose sync failed ends the process, since a retry would not copy what is lost")
  func failedCheckpointSync() throws {
    let fatal = Slot<StoreError>()
    var engine = try open(directory) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    var number = 0
    try fill(engine, frames: CheckpointLimits.standard.idleFrames + 100, from: &number)
    // A reader's snapshot ends the first copy before the log does, so that nothing is synced.
    do {
      let reader = try Connection(path: directory.databasePath, options: ConnectionOptions(readOnly: true))
      try reader.execute("BEGIN; SELECT count(*) FROM ledger")
      try fill(engine, frames: 100, from: &number)
      try engine.tick()
      try reader.execute("COMMIT")
    }
    #expect(engine.report().checkpoints.contains { $0.mode == "passive" && $0.count == 1 })
    try fill(engine, frames: CheckpointLimits.standard.idleFrames + 100, from: &number)
    try engine.must(consume("u1", 1, "c"))
    disk.fail(.databaseSync)
    try engine.tick()
    #expect(disk.failureCount == 1)
    #expect(engine.state().mode == .draining)
    let error = try fatal.wait()
    #expect(error.code == .outcomeUnknown && error.operation == "checkpoint passive")
    #expect(try engine.refusal(consume("u1", 1, "late")).reason == .shuttingDown)
    // Neither a tick nor the end copies anything more.
    try engine.tick()
    try engine.close()
    try check(try disk.cut(.odd), available: 4)
    engine = try open(directory)
    #expect(try engine.available("u1") == 4)
    try check(try disk.cut(), available: 4)
    try engine.close()
  }

  /// Who copies the log after a sync has failed.
  enum Copier { case nextStart, otherProgram }

  @Test(
    "what such a checkpoint lost is copied again, though another program has the database open all the while",
    arguments: [Copier.nextStart, .otherProgram])
  func failedCheckpointSyncBesideOthers(copier: Copier) throws {
    let fatal = Slot<StoreError>()
    var engine = try open(directory) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    var number = 0
    try fill(engine, frames: CheckpointLimits.standard.idleFrames + 100, from: &number)
    let other = try Connection(
      path: directory.databasePath, options: ConnectionOptions(readOnly: false, checkpointsOnClose: false))
    try other.execute("BEGIN; SELECT count(*) FROM ledger")
    try fill(engine, frames: 100, from: &number)
    try engine.tick()
    try other.execute("COMMIT")
    try fill(engine, frames: CheckpointLimits.standard.idleFrames + 100, from: &number)
    try engine.must(consume("u1", 1, "c"))
    // One that writes just then keeps the process from doing it at its end.
    if copier == .nextStart { try other.execute("BEGIN IMMEDIATE") }
    disk.fail(.databaseSync)
    try engine.tick()
    #expect(try fatal.wait().operation == "checkpoint passive")
    if copier == .nextStart { try other.execute("ROLLBACK") }
    try engine.close()
    if copier == .otherProgram { #expect(try !other.checkpoint(.truncate).isBusy) }
    try check(try disk.cut(), available: 4)
    engine = try open(directory)
    #expect(try LogFile.examine(ofDatabase: directory.databasePath).wholeFrames < 10)
    try check(try disk.cut(), available: 4)
    try engine.close()
  }

  /// What a kill leaves of a database whose log has a few commits.
  private func killed() throws -> TemporaryDirectory {
    let engine = try open(directory)
    for number in 0..<5 { try engine.must(purchase("u1", 1, "p\(number)")) }
    let left = try disk.cut()
    try engine.close()
    return left
  }

  @Test("while a start puts the log back in place, no other program writes or copies it; readers go on")
  func othersAreLockedOut() throws {
    let left = try killed()
    let disk = try FaultyDisk(left)
    let other = try Connection(
      path: left.databasePath,
      options: ConnectionOptions(readOnly: false, checkpointsOnClose: false, busyTimeoutMillis: 0))
    let mode = try other.text("PRAGMA journal_mode")
    try #require(mode == "wal")
    let found = Slot<Bool>()
    var engine: SQLiteEngine?
    try disk.atLogSync {
      var mayWrite = true
      do {
        try other.execute("BEGIN IMMEDIATE; ROLLBACK")
      } catch {
        mayWrite = (error as? SQLiteError)?.kind != .busy
      }
      do {
        let mayCopy = try !other.checkpoint(.passive).isBusy
        let rows = try other.value("SELECT count(*) FROM ledger")
        found.put(!mayWrite && !mayCopy && rows > 0)
      } catch { Issue.record(error) }
    } while: {
      engine = try open(left)
    }
    #expect(found.value == true)
    // And when it has started, they may.
    try other.execute("BEGIN IMMEDIATE; ROLLBACK")
    try #require(engine).close()
  }

  @Test("a start beside another program that does not end its transaction is refused, and writes nothing")
  func startBesideWriter() throws {
    let left = try killed()
    let disk = try FaultyDisk(left)
    let other = try Connection(
      path: left.databasePath, options: ConnectionOptions(readOnly: false, checkpointsOnClose: false))
    try other.execute("BEGIN IMMEDIATE")
    disk.fail(.logSync)
    #expect {
      try open(left, configure: { $0.logLockMillis = 0 })
    } throws: {
      guard let error = $0 as? StoreError else { return false }
      return error.code == .inputOutput && error.message.contains("another program is writing to")
    }
    #expect(disk.failureCount == 0)
    disk.fail(.logSync, count: 0)
    try other.execute("ROLLBACK")
    try check(left, available: 5)
  }

  @Test("a failed sync at the last checkpoint leaves the log to the next start")
  func failedLastCheckpoint() throws {
    var engine = try open(directory)
    try engine.must(purchase("u1", 5, "p"))
    disk.fail(.databaseSync)
    #expect { try engine.close() } throws: { ($0 as? StoreError)?.code == .outcomeUnknown }
    try check(try disk.cut(), available: 5)
    engine = try open(directory)
    try engine.close()
    try check(try disk.cut(), available: 5)
  }

  @Test("a failed sync while a full disk is tried again ends the process")
  func failedRetryOfFullDisk() throws {
    let armed = Monitor(false)
    var faults = EngineFaults()
    faults.beforeCommit = { (_) throws(StoreFault) in if armed.withLock({ $0 }) { throw .diskFull } }
    let fatal = Slot<StoreError>()
    let engine = try open(directory, faults: faults) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    armed.withLock { $0 = true }
    #expect(try engine.refusal(consume("u1", 1, "a")).reason == .diskFull)
    armed.withLock { $0 = false }
    disk.fail(.logSync)
    try engine.tick()
    #expect(engine.state().mode == .draining)
    #expect(try fatal.wait().code == .outcomeUnknown)
    try engine.close()
    try check(directory, available: 5)
  }

  @Test("a failed sync before the commit ends the process, too")
  func failedSyncBeforeCommit() throws {
    var faults = EngineFaults()
    faults.afterWriting { (command) throws(StoreFault) in
      if case .consume = command { throw .failedSync }
    }
    let fatal = Slot<StoreError>()
    let engine = try open(directory, faults: faults) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    #expect(try engine.refusal(consume("u1", 1, "a")).reason == .outcomeUnknown)
    #expect(try fatal.wait().code == .outcomeUnknown && engine.state().mode == .draining)
    try engine.close()
    try check(directory, available: 5)
  }

  @Test("a failed sync while a harness empties the database ends the process")
  func failedReset() throws {
    let fatal = Slot<StoreError>()
    let engine = try open(directory) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    disk.fail(.logSync)
    #expect { try engine.reset() } throws: { ($0 as? StoreError)?.code == .outcomeUnknown }
    #expect(try fatal.wait().code == .outcomeUnknown)
    #expect(engine.state().mode == .draining)
    try engine.close()
  }

  @Test("a start whose sync of the directory failed is refused, and the next one makes the names anew")
  func failedDirectorySync() throws {
    disk.fail(.directorySync)
    #expect { try open(directory) } throws: { ($0 as? StoreError)?.code == .outcomeUnknown }
    #expect(directory.mode(of: "tally.db") == nil && directory.mode(of: "tally.db-wal") == nil)
    let engine = try open(directory)
    try engine.must(purchase("u1", 5, "p"))
    try check(try disk.cut(), available: 5)
    try engine.close()
    disk.fail(.directorySync)
    #expect { try open(directory) } throws: { ($0 as? StoreError)?.code == .outcomeUnknown }
    try check(directory, available: 5)
  }

  @Test("the log's name is on the disk before anything is answered, though SQLite's own sync of it fails")
  func failedSyncOfSQLite() throws {
    for number in 1...2 {
      // The start's own; at the first also the one of the first page's journal, and the start's again.
      disk.fail(.directorySync, skip: number == 1 ? 3 : 1, count: 1_000)
      let failures = disk.failureCount
      let engine = try open(directory)
      try engine.must(purchase("u1", 5, "p\(number)"))
      #expect(disk.failureCount > failures)
      try check(try disk.cut(), available: Int64(5 * number))
      disk.fail(.directorySync, count: 0)
      try engine.close()
    }
  }

  @Test("the journal of the database's first page does not come back with the power")
  func journalOfFirstPage() throws {
    // The first sync after SQLite has removed it.
    disk.fail(.directorySync, skip: 2)
    var engine: SQLiteEngine
    do { engine = try open(directory) } catch {
      #expect(error.code == .outcomeUnknown)
      engine = try open(directory)
    }
    try engine.must(purchase("u1", 5, "p"))
    #expect(disk.failureCount == 1)
    try check(try disk.cut(), available: 5)
    try engine.close()
  }

  @Test("a sync that a signal interrupted is done again")
  func interruptedSync() throws {
    disk.fail(.directorySync, error: EINTR)
    var engine = try open(directory)
    try engine.must(purchase("u1", 5, "p"))
    #expect(disk.failureCount == 1)
    // As a kill leaves it: with a log.
    let left = try disk.cut()
    let other = try FaultyDisk(left)
    other.fail(.logSync, error: EINTR)
    try engine.close()
    engine = try open(left)
    #expect(other.failureCount == 1)
    #expect(try engine.available("u1") == 5)
    try engine.close()
  }

  @Test("a start that fails once succeeds when it is tried again")
  func transientFailure() throws {
    let engine = try open(directory)
    try engine.must(purchase("u1", 5, "p"))
    let left = try disk.cut()
    try engine.close()
    let other = try FaultyDisk(left)
    other.fail(.logSync)
    #expect { try open(left) } throws: { ($0 as? StoreError)?.code == .outcomeUnknown }
    other.fail(.databaseSync)
    #expect { try open(left) } throws: { ($0 as? StoreError)?.code == .outcomeUnknown }
    try check(left, available: 5)
  }

  @Test(
    "an unlock that fails is tried again; one that keeps failing ends the process at once",
    arguments: [false, true])
  func failedUnlock(isAfterCommit: Bool) throws {
    let armed = Monitor(false)
    var faults = EngineFaults()
    faults.beforeCommit = { [disk] (_) throws(StoreFault) in
      if armed.withLock({ $0 }) { disk.fail(.unlock, count: 1_000, error: ENOLCK) }
    }
    let fatal = Slot<StoreError>()
    var engine = try open(directory, faults: faults) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    disk.fail(.unlock, error: ENOLCK)
    try engine.must(consume("u1", 1, "a"))
    #expect(disk.failureCount == 1 && engine.state().mode == .serving)
    if isAfterCommit { armed.withLock { $0 = true } } else { disk.fail(.unlock, count: 1_000, error: ENOLCK) }
    let outcome = try engine.decide(consume("u1", 1, "b"))
    #expect(isAfterCommit ? outcome.receipt != nil : outcome.refusal?.reason == .readOnly)
    #expect(engine.state().mode == .draining)
    #expect(try fatal.wait().code == .lockedOut)
    #expect(try engine.refusal(consume("u1", 1, "c")).reason == .shuttingDown)
    armed.withLock { $0 = false }
    disk.fail(.unlock, count: 0)
    try engine.close()
    engine = try open(directory)
    #expect(try engine.available("u1") == (outcome.receipt == nil ? 4 : 3))
    try engine.close()
  }

  enum Holder { case reader, verification }

  @Test(
    "a reader that cannot let go of its snapshot ends the process: the log would never start over",
    arguments: [Holder.reader, .verification])
  func failedUnlockOfReader(holder: Holder) throws {
    let fatal = Slot<StoreError>()
    let engine = try open(directory, readerCount: 1) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    let filter = TransactionFilter(userId: "u1", limit: 10)
    _ = try engine.transactions(filter)
    // One more attempt would give it back.
    disk.fail(.unlock, count: 3, error: ENOLCK)
    switch holder {
    case .reader: #expect(try engine.transactions(filter).value.rows.count == 1)
    case .verification: #expect(throws: Never.self) { _ = try engine.verify { _ in } }
    }
    #expect(disk.failureCount == 3 && engine.state().mode == .serving)
    try engine.tick()
    #expect(engine.state().mode == .draining && fatal.value?.code == .lockedOut)
    try engine.close()
    try check(directory, available: 5)
  }

  @Test("a writer that is locked out of its own database ends, and refuses without speaking of damage")
  func lockedOut() throws {
    var faults = EngineFaults()
    faults.afterWriting { (command) throws(StoreFault) in
      if case .consume = command { throw .lockedOut }
    }
    let fatal = Slot<StoreError>()
    let engine = try open(directory, faults: faults) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    #expect(try engine.refusal(consume("u1", 1, "a")).reason == .readOnly)
    #expect(try fatal.wait().code == .lockedOut)
    #expect(engine.state().mode == .draining)
    try engine.close()
  }

  @Test("a flipped bit in the log refuses the start and a verification; told to go on, it says what is lost")
  func flippedBit() throws {
    let engine = try open(directory)
    // So many that the middle of the log is among them: a first start writes all tables before.
    for number in 0..<60 { try engine.must(purchase("u1", 1, "p\(number)")) }
    let left = try disk.cut()
    try engine.close()
    let log = left.databasePath + "-wal"
    let state = try LogFile.examine(ofDatabase: left.databasePath)
    #expect(state.firstBadFrame == nil && !state.isDamaged && !state.isUnfinished)
    let offset = 32 + Int(state.wholeFrames / 2) * (24 + 4_096) + 1_000
    let descriptor = unsafe Glibc.open(log, O_RDWR)
    var byte: UInt8 = 0
    try #require(unsafe pread(descriptor, &byte, 1, offset) == 1)
    byte ^= 16
    try #require(unsafe Glibc.pwrite(descriptor, &byte, 1, offset) == 1)
    close(descriptor)
    #expect { try open(left) } throws: {
      guard let error = $0 as? StoreError else { return false }
      return error.code == .logDamaged && error.message.contains("frame \(state.wholeFrames / 2 + 1)")
        && error.message.contains("--accept-log-damage")
    }
    #expect { try Verifier.verify(file: left.databasePath) { _ in } } throws: {
      ($0 as? StoreError)?.code == .logDamaged
    }
    let told = Slot<String>()
    var configuration = EngineConfiguration(directory: left.path)
    configuration.allowsAnyFileSystem = true
    configuration.acceptsLogDamage = true
    configuration.onLogLoss = { told.put($0) }
    let reopened = try SQLiteEngine.open(configuration)
    #expect(try told.wait().contains("damaged at frame"))
    #expect((1..<60).contains(try reopened.available("u1")))
    try reopened.close()
    try verify(left)
  }

  @Test("a verification of a file leaves the log beside it as it is")
  func verificationWritesNothing() throws {
    let engine = try open(directory)
    try engine.must(purchase("u1", 5, "p"))
    let left = try disk.cut()
    try engine.close()
    let before = try LogFile.examine(ofDatabase: left.databasePath)
    #expect(before.wholeFrames > 0)
    try verify(left)
    #expect(try LogFile.examine(ofDatabase: left.databasePath) == before)
    try check(left, available: 5)
    // Without a log nothing is left beside the file.
    #expect(left.mode(of: "tally.db-wal") == nil && left.mode(of: "tally.db-shm") == nil)
  }
}
