// What the engine does when SQLite, the disk or the process fails under it.

internal import Foundation
internal import TallyLocking
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Store faults")
struct FaultTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Throws once when it is armed.
  final class Trap: Sendable {
    private let armed = Monitor<StoreFault?>(nil)
    private let once: Bool

    init(once: Bool = true) { self.once = once }

    func arm(_ fault: StoreFault?) { armed.withLock { $0 = fault } }

    func spring() throws(StoreFault) {
      let fault = armed.withLock { armed -> StoreFault? in
        defer { if once { armed = nil } }
        return armed
      }
      if let fault { throw fault }
    }
  }

  private func isSound() throws -> Bool {
    try Verifier.verify(file: directory.databasePath) { #expect($0.findings == []) }
  }

  @Test("a failed commit is of unknown outcome, tells the program, and nothing is decided after it")
  func failedCommit() throws {
    let trap = Trap()
    var faults = EngineFaults()
    faults.beforeCommit = { _ throws(StoreFault) in try trap.spring() }
    let fatal = Slot<StoreError>()
    var engine = try open(directory, faults: faults) { fatal.put($0) }
    try engine.must(purchase("u1", 5, "p"))
    trap.arm(.failedSync)
    let outcomes = try engine.decide([consume("u1", 1, "a"), consume("u1", 9, "b")])
    #expect(outcomes.map { $0.refusal?.reason } == [.outcomeUnknown, .outcomeUnknown])
    #expect(try fatal.wait().code == .outcomeUnknown)
    #expect(try engine.refusal(consume("u1", 1, "c")).reason == .shuttingDown)
    #expect(engine.state().mode == .draining)
    // Reads go on with what was committed.
    #expect(try engine.available("u1") == 5)
    try engine.close()
    engine = try open(directory)
    #expect(try engine.available("u1") == 5)
    try engine.must(consume("u1", 1, "a"))
    try engine.close()
    #expect(try isSound())
  }

  @Test("a commit that succeeded and reported an error is found after the restart, and replays")
  func lostReply() throws {
    let trap = Trap()
    var faults = EngineFaults()
    faults.afterCommit = { _ throws(StoreFault) in try trap.spring() }
    var engine = try open(directory, faults: faults)
    try engine.must(purchase("u1", 5, "p"))
    trap.arm(.failedSync)
    #expect(try engine.refusal(consume("u1", 1, "a")).reason == .outcomeUnknown)
    try engine.close()
    engine = try open(directory)
    #expect(try engine.must(consume("u1", 1, "a")).replayed)
    #expect(try engine.available("u1") == 4)
    try engine.close()
    #expect(try isSound())
  }

  @Test(
    "a command that cannot be written is refused alone; the others go on as if it had not been",
    arguments: [StoreFault.outOfMemory, .failedRead])
  func failingItem(fault: StoreFault) throws {
    var faults = EngineFaults()
    faults.afterWriting { (command) throws(StoreFault) in
      if case .consume(let consume) = command, consume.idempotency.key == "bad" { throw fault }
    }
    let engine = try open(directory, faults: faults)
    let outcomes = try engine.decide([
      purchase("u1", 10, "p"), consume("u1", 1, "a"), consume("u2", 1, "x"), consume("u1", 2, "bad"),
      purchase("u2", 3, "p"), consume("u1", 3, "b"), reserve("u1", 2, "r"),
    ])
    let reasons = outcomes.map { $0.refusal?.reason }
    #expect(reasons == [nil, nil, .insufficientCredits, .readOnly, nil, nil, nil])
    #expect(outcomes.compactMap { $0.receipt?.transaction.sequence } == [1, 2, 3, 4, 5])
    // Each in a commit of its own, and each at a place of its own.
    let places = outcomes.compactMap { $0.receipt?.transaction.commit ?? $0.refusal?.commit }
    #expect(places.map(\.sequence) == [1, 2, 2, 2, 3, 4, 5])
    #expect(Set(places).count == outcomes.count)
    #expect(try engine.available("u1") == 4)
    #expect(engine.state().mode == .serving)
    try engine.close()
    #expect(try isSound())
  }

  @Test("a disk that is full while a batch is written refuses all of it")
  func diskFullInBatch() throws {
    let trap = Trap()
    var faults = EngineFaults()
    faults.afterWriting { _ throws(StoreFault) in try trap.spring() }
    let engine = try open(directory, faults: faults)
    try engine.must(purchase("u1", 10, "p"))
    trap.arm(.diskFull)
    let outcomes = try engine.decide([consume("u1", 1, "a"), consume("u1", 2, "b")])
    #expect(outcomes.map { $0.refusal?.reason } == [.diskFull, .diskFull])
    #expect(engine.state().mode == .readOnly)
    #expect(try engine.available("u1") == 10)
    try engine.close()
    #expect(try isSound())
  }

  /// A batch one of whose commands cannot be written, so that each gets a commit of its own.
  private func faultsOfBadCommand() -> EngineFaults {
    var faults = EngineFaults()
    faults.afterWriting { (command) throws(StoreFault) in
      if case .consume(let consume) = command, consume.idempotency.key == "bad" { throw .failedRead }
    }
    return faults
  }

  @Test("nothing is decided after a commit of unknown outcome, in the commits of single commands neither")
  func unknownAlone() throws {
    let trap = Trap()
    var faults = faultsOfBadCommand()
    faults.afterCommit = { _ throws(StoreFault) in try trap.spring() }
    let fatal = Slot<StoreError>()
    var engine = try open(directory, faults: faults) { fatal.put($0) }
    try engine.must(purchase("u1", 9, "p"))
    trap.arm(.failedSync)
    let outcomes = try engine.decide([consume("u1", 1, "a"), consume("u1", 1, "bad"), consume("u1", 1, "b")])
    #expect(outcomes.map { $0.refusal?.reason } == [.outcomeUnknown, .shuttingDown, .shuttingDown])
    #expect(try fatal.wait().code == .outcomeUnknown)
    try engine.close()
    engine = try open(directory)
    #expect(try engine.available("u1") == 8)
    try engine.close()
    #expect(try isSound())
  }

  @Test("a disk that is full for one of single commands refuses that one, and says that it was tried")
  func diskFullAlone() throws {
    let trap = Trap()
    var faults = faultsOfBadCommand()
    faults.beforeCommit = { _ throws(StoreFault) in try trap.spring() }
    let engine = try open(directory, faults: faults)
    try engine.must(purchase("u1", 9, "p"))
    trap.arm(.diskFull)
    let outcomes = try engine.decide([consume("u1", 1, "a"), consume("u1", 1, "bad"), consume("u1", 2, "b")])
    #expect(outcomes.map { $0.refusal?.reason } == [.diskFull, .readOnly, nil])
    #expect(outcomes.compactMap { $0.refusal }.allSatisfy { $0.commit != nil })
    #expect(try engine.available("u1") == 7)
    try engine.close()
    #expect(try isSound())
  }

  @Test("a store writes and commits inside its transaction only")
  func outsideTransaction() throws {
    let engine = try open(directory)
    try engine.perform { (committer, store) throws(StorageFailure) in
      // As SQLite does when a read in it fails.
      try store.begin()
      try store.rollback()
      #expect(throws: StorageFailure.self) { try store.commit() }
      let writes = WriteSet(nowMicros: 0, books: committer.books, trailing: 0)
      #expect(throws: StorageFailure.self) { try store.write(writes) }
    }
    try engine.close()
  }

  @Test("a command that needs what cannot be read is refused alone, and the engine goes on")
  func unreadable() throws {
    var engine = try open(directory)
    try engine.must(purchase("u1", 9, "p"))
    let content = String(repeating: "A", count: 60_000)
    let page = PageContent(sections: [PageSection(sectionId: "s", kind: "text", content: content)])
    let create = PageCommand.Create(
      userId: "u1", pageId: "page", content: page, author: "", maximumReplyByteCount: 1 << 20)
    #expect(try engine.decide([.page(.create(create))]).allSatisfy { $0.refusal == nil })
    try engine.close()
    try breakPages(holding: UInt8(ascii: "A"))
    let fatal = Slot<StoreError>()
    engine = try open(directory, onFatal: { fatal.put($0) })
    let target = PageTarget(pageId: "page", actingUserId: nil, maximumReplyByteCount: 1 << 20)
    let save = PageCommand.Save(
      target: target, expectedVersion: 1, content: PageContent(title: "new"), author: "")
    for key in ["a", "b"] {
      let outcomes = try engine.decide([
        consume("u1", 1, key), .page(.save(save)), consume("u1", 1, key + key),
      ])
      #expect(outcomes.map { $0.refusal?.reason } == [nil, .corrupt, nil])
      // Alone it is no different.
      #expect(try engine.decide([.page(.save(save))]).map { $0.refusal?.reason } == [.corrupt])
    }
    #expect(try engine.available("u1") == 5)
    #expect(engine.state().mode == .serving && fatal.value == nil)
    try engine.close()
  }

  /// Makes the chain of overflow pages that hold nothing but a byte lead nowhere.
  private func breakPages(holding byte: UInt8) throws {
    let path = directory.path + "/tally.db"
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    var count = 0
    for start in stride(from: 0, to: bytes.count, by: 4_096) {
      guard bytes[(start + 4)..<(start + 4_096)].allSatisfy({ $0 == byte }) else { continue }
      for index in start..<(start + 4) { bytes[index] = 0xff }
      count += 1
    }
    try #require(count > 0)
    try Data(bytes).write(to: URL(filePath: path))
  }

  @Test("a new account whose first item fails leaves nothing behind")
  func failingFirstItem() throws {
    var faults = EngineFaults()
    faults.afterWriting { (command) throws(StoreFault) in
      if case .addPurchase(let purchase) = command, purchase.userId == "bad" { throw .outOfMemory }
    }
    let engine = try open(directory, faults: faults)
    let outcomes = try engine.decide([
      purchase("bad", 1, "p"), purchase("u1", 1, "p"), purchase("bad", 1, "q"),
    ])
    #expect(outcomes.map { $0.refusal?.reason } == [.readOnly, nil, .readOnly])
    #expect(try engine.balance(userId: "bad").value == Balance(userId: "bad"))
    #expect(try engine.balances(userIds: ["bad", "u1"]).value.map(\.version) == [0, 1])
    try engine.close()
    #expect(try isSound())
  }

  @Test("a full disk refuses, keeps what it has, and comes back by itself")
  func fullDisk() throws {
    let trap = Trap(once: false)
    var faults = EngineFaults()
    faults.beforeCommit = { _ throws(StoreFault) in try trap.spring() }
    var configuration = EngineConfiguration(directory: directory.path)
    configuration.allowsAnyFileSystem = true
    configuration.faults = faults
    configuration.tickMillis = 10
    let events = Events()
    configuration.onEvent = events.add
    let engine = try SQLiteEngine.open(configuration)
    try engine.must(purchase("u1", 5, "p"))
    trap.arm(.diskFull)
    #expect(try engine.refusal(consume("u1", 1, "a")).reason == .diskFull)
    #expect(engine.state().mode == .readOnly)
    #expect(engine.admission()?.reason == .readOnly)
    #expect(try engine.refusal(consume("u1", 1, "a")).reason == .readOnly)
    #expect(try engine.available("u1") == 5)
    trap.arm(nil)
    try waitUntil { engine.state().mode == .serving }
    #expect(events.all == [.readOnly(.diskFull), .writable(.diskFull)])
    try engine.must(consume("u1", 1, "a"))
    try engine.close()
    #expect(try isSound())
  }

  @Test("a database at its page limit fails for real, whatever SQLite does to the transaction")
  func pageLimit() throws {
    let engine = try open(directory)
    try engine.must(purchase("u1", 1_000_000, "p"))
    try engine.limitPages(to: 40)
    var applied: [String] = []
    var number = 0
    while engine.state().mode == .serving {
      let keys = (0..<50).map { "key-\(number)-\($0)" }
      let outcomes = try engine.decide(keys.map { consume("u1", 1, $0) })
      for (key, outcome) in zip(keys, outcomes) {
        if outcome.receipt != nil {
          applied.append(key)
        } else {
          #expect(outcome.refusal?.reason == .diskFull)
        }
      }
      number += 1
    }
    #expect(engine.state().mode == .readOnly)
    #expect(try engine.available("u1") == 1_000_000 - Int64(applied.count))
    try engine.limitPages(to: 1_000_000)
    try engine.tick()
    #expect(engine.state().mode == .serving)
    for key in applied { #expect(try engine.must(consume("u1", 1, key)).replayed) }
    try engine.close()
    #expect(try isSound())
  }

  @Test("a checkpoint that fails loses nothing")
  func failedCheckpoint() throws {
    let trap = Trap(once: false)
    var faults = EngineFaults()
    faults.atCheckpoint = { () throws(StoreFault) in try trap.spring() }
    var engine = try open(directory, faults: faults)
    trap.arm(.failedRead)
    for number in 0..<100 { try engine.must(purchase("u1", 1, "p\(number)")) }
    #expect { try engine.close() } throws: { ($0 as? StoreError)?.code == .inputOutput }
    engine = try open(directory)
    #expect(try engine.available("u1") == 100)
    try engine.close()
    #expect(try isSound())
  }

  @Test("the canaries sing: less than full durability is refused at the start, an early answer is seen")
  func canaries() throws {
    var faults = EngineFaults()
    faults.synchronous = "NORMAL"
    #expect { try open(directory, faults: faults) } throws: { ($0 as? StoreError)?.code == .notDurable }
    faults = EngineFaults()
    faults.answersBeforeCommit = true
    faults.beforeCommit = { _ throws(StoreFault) in throw .failedSync }
    let engine = try open(directory, faults: faults)
    // It said that it was applied, and nobody knows.
    let outcome = engine.apply(purchase("u", 1, "p"))
    #expect(outcome.receipt != nil)
    #expect(try engine.refusal(consume("u", 1, "c")).reason == .shuttingDown)
    #expect(try engine.balance(userId: "u").value.postedMicros == 0)
    try engine.close()
  }

  @Test("one daemon at a time; links, strangers and unfit file systems are refused")
  func directories() throws {
    let engine = try open(directory)
    #expect { try open(directory) } throws: { ($0 as? StoreError)?.code == .alreadyRunning }
    try engine.must(purchase("u", 1, "p"))
    #expect(directory.mode(of: "") == 0o700)
    for name in ["tally.db", "tally.db-wal", "tally.db-shm", "daemon.lock"] {
      #expect(directory.mode(of: name) == 0o600, "\(name)")
    }
    try engine.close()
    try open(directory).close()
    var configuration = EngineConfiguration(directory: directory.path + "/no/such")
    #expect { try SQLiteEngine.open(configuration) } throws: { ($0 as? StoreError)?.code == .directory }
    if FileSystem.isInMemory("/dev/shm") {
      let memory = try TemporaryDirectory(inMemory: true)
      configuration = EngineConfiguration(directory: memory.path)
      #expect { try SQLiteEngine.open(configuration) } throws: { ($0 as? StoreError)?.code == .fileSystem }
      // A start that is refused leaves no directory behind.
      configuration = EngineConfiguration(directory: memory.path + "/new")
      #expect { try SQLiteEngine.open(configuration) } throws: { ($0 as? StoreError)?.code == .fileSystem }
      #expect(!FileManager.default.fileExists(atPath: memory.path + "/new"))
    }
  }
}
