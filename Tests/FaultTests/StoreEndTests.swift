// How `tally serve` ends when its disk or its memory fails, and how it goes on when it need not end: the
// statuses and the words of docs/OPERATIONS.md, of the program itself, with the failing disk of the store's
// tests preloaded beneath it.
//
// TALLY_FAULT_POINTS says at how many of the calls of a start each kind of call fails; 0 is at each of them.

import CTallyFaultyDisk
import Glibc
import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  /// A sanitized library cannot be loaded before the program that brings the sanitizer.
  @Suite("Ends of the store", .enabled(if: !Programs.isSanitized, "a sanitizer has to come first"))
  struct StoreEndTests {
    /// Calls of one kind that fail.
    struct Fault: Sendable, CustomStringConvertible {
      var call: Int
      var error: Int32
      var name: String
      var skip = 0
      var count = Int32.max

      init(_ name: String, _ call: Int, _ error: Int32) {
        self.name = name
        self.call = call
        self.error = error
      }

      var description: String { "\(name), \(unsafe String(cString: strerror(error)))" }

      static let all = [
        Fault("read", FAULTY_DISK_CALL_READ, EIO), Fault("write", FAULTY_DISK_CALL_WRITE, EIO),
        Fault("write", FAULTY_DISK_CALL_WRITE, ENOSPC), Fault("sync", FAULTY_DISK_CALL_SYNC, EIO),
        Fault("truncate", FAULTY_DISK_CALL_TRUNCATE, EIO), Fault("open", FAULTY_DISK_CALL_OPEN, EMFILE),
        Fault("open", FAULTY_DISK_CALL_OPEN, EACCES), Fault("lock", FAULTY_DISK_CALL_LOCK, ENOLCK),
        Fault("unlock", FAULTY_DISK_CALL_UNLOCK, ENOLCK), Fault("look", FAULTY_DISK_CALL_LOOK, EIO),
        Fault("map", FAULTY_DISK_CALL_MAP, ENOMEM), Fault("list", FAULTY_DISK_CALL_LIST, EIO),
      ]

      /// - Parameter trigger: it comes about while there is this file.
      func options(_ workplace: Workplace, trigger: String = "-") -> DaemonOptions {
        DaemonOptions(
          prelude: """
            mkdir -p -m 700 '\(workplace.database)'
            export TALLY_FAULTY_DISK='\(call) \(skip) \(count) \(error) \(workplace.database) \(trigger)'
            export LD_PRELOAD='\(Programs.faults)'
            """)
      }
    }

    private static func consume(_ client: TallyClient, _ key: String) async throws -> Bool {
      var request = TallystickV1.ConsumeRequest()
      (request.userId, request.amountMicros, request.idempotencyKey) = ("u", 1, key)
      return try await client.call(TallystickV1.CreditService.consume, request).replayed
    }

    private static func fund(_ client: TallyClient) async throws {
      var request = TallystickV1.AddPurchaseRequest()
      (request.userId, request.amountMicros, request.idempotencyKey) = ("u", 100, "p")
      request.paymentId = "pay"
      _ = try await client.call(TallystickV1.CreditService.addPurchase, request)
    }

    private static func available(_ client: TallyClient) async throws -> Int64 {
      var request = TallystickV1.GetBalanceRequest()
      request.userId = "u"
      return try await client.call(TallystickV1.CreditService.getBalance, request).balance?.availableMicros
        ?? -1
    }

    private static func amounts(_ client: TallyClient, _ limit: Int32) async throws -> [Int64] {
      var request = TallystickV1.ListTransactionsRequest()
      (request.userId, request.limit) = ("u", limit)
      let reply = try await client.call(TallystickV1.CreditService.listTransactions, request)
      return reply.transactions.map(\.amountMicros)
    }

    /// What is there after a start without faults.
    private static func prove(_ workplace: Workplace, keys: [String], consumed: ClosedRange<Int64>)
      async throws
    {
      let daemon = try await Daemon.start(workplace)
      let client = daemon.client()
      #expect(consumed.contains(100 - (try await available(client))))
      for key in keys { _ = try await consume(client, key) }
      #expect(try await available(client) == 100 - Int64(keys.count))
      client.close()
      try await daemon.verify()
      try await daemon.stop()
    }

    // MARK: while it serves

    /// A server whose calls of one kind fail from `begin` on, until `end`.
    private struct Failing {
      let workplace: Workplace
      let daemon: Daemon
      let client: TallyClient
      private let trigger: String

      init(_ name: String, _ error: Int32, on workplace: Workplace) async throws {
        let fault = try #require(Fault.all.first { $0.name == name && $0.error == error })
        trigger = "\(workplace.path)/trigger"
        daemon = try await Daemon.start(workplace, fault.options(workplace, trigger: trigger))
        client = daemon.client()
        self.workplace = workplace
      }

      func begin() throws { try Files.make(trigger) }
      func end() { _ = unsafe unlink(trigger) }
    }

    @Test(
      "a commit whose write or sync fails ends it with 80, and the log says so", arguments: ["write", "sync"])
    func failedCommit(name: String) async throws {
      let failing = try await Failing(name, EIO, on: try Workplace())
      let client = failing.client
      try await Self.fund(client)
      _ = try await Self.consume(client, "before")
      try failing.begin()
      do {
        _ = try await Self.consume(client, "failing")
        Issue.record("a commit that failed is acknowledged")
      } catch let error as TallyError {
        #expect(error.reason == "OUTCOME_UNKNOWN" || error.isOfGoneServer, "\(error)")
      }
      client.close()
      #expect(try await failing.daemon.child.waitForEnd() == 80)
      let log = Files.text(failing.workplace.log)
      #expect(
        log.contains("the store cannot go on") && log.contains("disk I/O error"), "\(log.suffix(2_000))")
      try await Self.prove(failing.workplace, keys: ["before", "failing"], consumed: 1...2)
    }

    @Test(
      "a disk without room refuses writes with DISK_FULL and ends nothing; with room they are taken again")
    func fullDisk() async throws {
      let failing = try await Failing("write", ENOSPC, on: try Workplace())
      let client = failing.client
      try await Self.fund(client)
      try failing.begin()
      for _ in 0..<3 {
        do {
          _ = try await Self.consume(client, "c")
          Issue.record("a write is acknowledged that found no room")
        } catch let error as TallyError {
          #expect(["DISK_FULL", "READ_ONLY"].contains(error.reason), "\(error)")
        }
      }
      #expect(try await Self.available(client) == 100)
      failing.end()
      try await eventually("a write is taken") { (try? await Self.consume(client, "c")) != nil }
      #expect(try await Self.available(client) == 99)
      client.close()
      try await failing.daemon.stop()
      try await Self.prove(failing.workplace, keys: ["c"], consumed: 1...1)
    }

    @Test("a read that fails is refused, never wrong, and ends nothing")
    func failedRead() async throws {
      let workplace = try Workplace()
      let first = try await Daemon.start(workplace)
      let funding = first.client()
      try await Self.fund(funding)
      funding.close()
      try await first.stop()
      let failing = try await Failing("read", EIO, on: workplace)
      let client = failing.client
      try failing.begin()
      var refusals = 0
      for limit in Int32(1)...20 {
        do { #expect(try await Self.amounts(client, limit) == [100]) } catch let error as TallyError {
          refusals += 1
          #expect(error.reason == "READ_ONLY", "\(error)")
        }
      }
      #expect(refusals > 0)
      failing.end()
      try await eventually("a read succeeds") { (try? await Self.available(client)) == 100 }
      client.close()
      try await failing.daemon.stop()
      try await Self.prove(workplace, keys: ["c"], consumed: 0...0)
    }

    @Test("a sync that fails as it stops in order ends it with 80 as well")
    func failedStop() async throws {
      let failing = try await Failing("sync", EIO, on: try Workplace())
      try await Self.fund(failing.client)
      failing.client.close()
      try failing.begin()
      failing.daemon.child.signal(SIGTERM)
      #expect(try await failing.daemon.child.waitForEnd() == 80)
      let log = Files.text(failing.workplace.log)
      #expect(log.contains("disk I/O error"), "\(log.suffix(2_000))")
      try await Self.prove(failing.workplace, keys: ["c"], consumed: 0...0)
    }

    // MARK: while it starts

    /// What each fault from the first call on ends a start with, in an empty directory and on a ledger; nil
    /// where it says the same as another, or nothing fails.
    private static let statuses: [(name: String, error: Int32, new: Int32?, old: Int32?, words: String)] = [
      ("read", EIO, nil, 71, "disk I/O error"), ("write", EIO, 71, 71, "disk I/O error"),
      ("write", ENOSPC, 71, nil, "full"), ("sync", EIO, 80, 80, "cannot sync"),
      ("truncate", EIO, 71, 71, "disk I/O error"), ("open", EMFILE, 73, 73, "Too many open files"),
      ("open", EACCES, 73, 73, "Permission denied"), ("lock", ENOLCK, 73, 73, "cannot lock"),
      ("unlock", ENOLCK, 71, 71, "disk I/O error"), ("look", EIO, 73, 73, "cannot examine"),
      ("map", ENOMEM, 71, 71, "disk I/O error"), ("list", EIO, 73, nil, "cannot list"),
    ]

    private static func start(_ fault: Fault, _ workplace: Workplace) async throws -> Int32? {
      _ = unsafe unlink(workplace.log)
      let daemon = try Daemon.launch(workplace, fault.options(workplace))
      try await eventually("an end, or a server") {
        let isServing = await daemon.isServing()
        return isServing || !daemon.child.isRunning
      }
      if let status = daemon.child.status { return status }
      daemon.kill()
      return nil
    }

    private static func ledger() async throws -> Workplace {
      let workplace = try Workplace()
      let daemon = try await Daemon.start(workplace)
      let client = daemon.client()
      try await fund(client)
      _ = try await consume(client, "c")
      client.close()
      daemon.kill()
      return workplace
    }

    @Test("a start that meets a fault for good ends with the status and the words that are documented for it")
    func failedStart() async throws {
      let old = try await Self.ledger()
      for (name, error, newStatus, oldStatus, words) in Self.statuses {
        let fault = try #require(Fault.all.first { $0.name == name && $0.error == error })
        for (workplace, status) in [(try Workplace(), newStatus), (old, oldStatus)] {
          guard let status else { continue }
          let found = try await Self.start(fault, workplace)
          let log = Files.text(workplace.log)
          #expect(found == status, "\(fault): \(log.suffix(500))")
          #expect(log.contains(words), "\(fault): \(log.suffix(500))")
        }
      }
      try await Self.prove(old, keys: ["c"], consumed: 1...1)
    }

    @Test("wherever a call of a start fails, it ends with 71, 73 or 80, or serves, and the next one has all")
    func everyStart() async throws {
      let old = try await Self.ledger()
      let limit = Setting.number("TALLY_FAULT_POINTS", default: 1)
      var random = SeededRandom(seed: UInt64(Setting.number("TALLY_SEED", default: 1)))
      var startCount = 0
      for var fault in Fault.all {
        var skip = limit == 0 ? 0 : Int.random(in: 0..<8, using: &random)
        // A start makes some hundred calls of a kind.
        for _ in 0..<(limit == 0 ? Int.max : limit) {
          (fault.skip, fault.count) = (skip, 1)
          let status = try await Self.start(fault, old)
          startCount += 1
          if let status {
            #expect([71, 73, 80].contains(status), "\(fault) \(skip): \(Files.text(old.log).suffix(500))")
          } else if limit == 0 && skip >= 200 {
            break
          }
          skip += limit == 0 ? 1 : Int.random(in: 1..<(200 / limit + 2), using: &random)
        }
      }
      print("\(startCount) starts")
      try await Self.prove(old, keys: ["c"], consumed: 1...1)
    }

    @Test("a start without memory for SQLite's setup, or soon after it, ends with 71 and says so")
    func noMemory() async throws {
      let old = try await Self.ledger()
      let limit = Setting.number("TALLY_FAULT_POINTS", default: 6)
      for skip in 0..<(limit == 0 ? 200 : limit) {
        _ = unsafe unlink(old.log)
        let options = DaemonOptions(
          prelude: """
            export TALLY_FAULTY_MEMORY='\(skip) \(Int32.max)'
            export LD_PRELOAD='\(Programs.faults)'
            """)
        let status = try await Daemon.launch(old, options).child.waitForEnd()
        let log = Files.text(old.log)
        #expect(status == 71, "\(skip): \(log.suffix(500))")
        #expect(
          log.contains("out of memory") || log.contains("SQLite cannot be configured"), "\(skip): \(log)")
      }
      try await Self.prove(old, keys: ["c"], consumed: 1...1)
    }
  }
}
