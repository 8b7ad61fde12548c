// Peers that mean harm, beside callers that work: the server's memory stays bounded, the callers go on, and
// afterwards everything is as before.

import CTallyProcess
import Glibc
import TallyClient
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Hostile peers of the program")
  struct HostileTests {
    /// What an attack may add to the server's memory, in bytes.
    static let memoryBytes = 256 << 20

    /// Runs an attack beside callers; proves that they go on during it and after it.
    static func beside(
      flags: [String] = [], prelude: String = "", _ attack: (Daemon) async throws -> Void
    ) async throws {
      let workplace = try Workplace()
      let options = DaemonOptions(flags: flags, prelude: prelude)
      let daemon = try await Daemon.start(workplace, options)
      let oracle = Oracle(accountCount: 100)
      var workload = Workload(seed: 5)
      workload.callerCount = 8
      workload.connectionCount = 4
      await workload.fund(oracle, daemon)
      let before = daemon.child.residentBytes
      let isOver = Lock(false)
      let callers = Task { [workload] in
        await workload.run(oracle, daemon, round: 0) { isOver.withLock { $0 } }
      }
      var failure: (any Error)?
      do {
        // All callers have their connections before anybody takes the rest.
        let funded = oracle.acknowledgedCount
        try await eventually("callers are there") { oracle.acknowledgedCount > funded + 200 }
        try await attack(daemon)
        let growth = daemon.child.residentBytes - before
        #expect(growth < memoryBytes, "\(growth) bytes more")
        let during = oracle.acknowledgedCount
        try await eventually("callers go on") { oracle.acknowledgedCount > during + 200 }
      } catch { failure = error }
      isOver.withLock { $0 = true }
      await callers.value
      if let failure { throw failure }
      let client = daemon.client()
      try await oracle.checkBalances(client)
      client.close()
      oracle.checkHistory()
      #expect(oracle.violations == [], "\(oracle.summary)")
      try await daemon.stop()
    }

    private typealias Credits = TallystickV1.CreditService

    private static func crowd(_ count: Int, _ daemon: Daemon) throws -> [Intruder] {
      try (0..<count).map { _ in try Intruder(daemon.workplace.socket) }
    }

    private static func balanceOf(_ user: String, stream: UInt32) -> [UInt8] {
      var request = TallystickV1.GetBalanceRequest()
      request.userId = user
      return Intruder.call(stream, Credits.getBalance, request.encode())
    }

    @Test("half frames, of 200 peers: each is cut off")
    func halfFrames() async throws {
      try await Self.beside(flags: ["--half-frame-seconds", "1"]) { daemon in
        let peers = try Self.crowd(200, daemon)
        for (index, peer) in peers.enumerated() {
          let frame = Self.balanceOf("u1", stream: 1)
          // Cut in the header, at its end, and in the body.
          try await peer.send(Array(frame.prefix(1 + index % (frame.count - 1))))
        }
        for peer in peers { try await peer.waitUntilClosed() }
      }
    }

    @Test("one byte a write: the call is answered")
    func byteAtATime() async throws {
      try await Self.beside { daemon in
        let peer = try Intruder(daemon.workplace.socket)
        for byte in Self.balanceOf("u1", stream: 1) { try await peer.send([byte]) }
        #expect(try await peer.answers(1) == [nil])
      }
    }

    @Test("peers that ask for much and never read are cut off")
    func neverReading() async throws {
      try await Self.beside(flags: ["--max-in-flight", "64", "--stalled-write-seconds", "1"]) { daemon in
        let peers = try Self.crowd(16, daemon)
        var request = TallystickV1.BatchGetBalancesRequest()
        request.userIds = (0..<200).map { "someone-with-a-rather-long-name-\($0)" }
        let payload = request.encode()
        // Whole frames, one after the other, for as long as the socket takes them.
        var streams = [UInt32](repeating: 1, count: peers.count)
        var rests = [ArraySlice<UInt8>](repeating: [], count: peers.count)
        try await eventually("all are cut off") {
          for (index, peer) in peers.enumerated() where !peer.isClosed {
            if rests[index].isEmpty {
              rests[index] = Intruder.call(streams[index], Credits.batchGetBalances, payload)[...]
              streams[index] += 2
            }
            rests[index].removeFirst(peer.sendSome(rests[index]))
          }
          return peers.allSatisfy(\.isClosed)
        }
        #expect(streams.allSatisfy { $0 > 3 })
      }
    }

    /// What 64 peers that never read may add, as docs/OPERATIONS.md has it: the bytes for all peers, and a
    /// MiB for each connection's calls under way.
    static let unreadMemoryBytes = (256 + 64) << 20

    @Test(
      "64 peers that never read their large replies: memory stays under its total, others go on",
      arguments: [false, true])
    func unreadPages(areWrites: Bool) async throws {
      try await Self.beside { daemon in
        let client = daemon.client()
        var create = TallystickV1.CreatePageRequest()
        create.userId = "u1"
        create.pageId = "large"
        create.sections = (0..<15).map { _ in
          var section = TallystickV1.SectionInput()
          section.kind = "text"
          section.content = String(repeating: "x", count: 65_000)
          return section
        }
        _ = try await client.call(TallystickV1.PageService.createPage, create)
        // The writes of one user may fill that user's share of the queue: others have theirs.
        create.userId = "u2"
        create.pageId = "other"
        _ = try await client.call(TallystickV1.PageService.createPage, create)
        var request = TallystickV1.GetPageRequest()
        request.pageId = "large"
        var publish = TallystickV1.PublishRequest()
        publish.pageId = "large"
        var other = publish
        other.pageId = "other"
        let frames = (0..<1_000 as Range<UInt32>).flatMap {
          areWrites
            ? Intruder.call(2 * $0 + 1, TallystickV1.PageService.publish, publish.encode())
            : Intruder.call(2 * $0 + 1, TallystickV1.PageService.getPage, request.encode())
        }
        let before = daemon.child.highestResidentBytes
        var peers = try Self.crowd(64, daemon)
        for peer in peers { try await peer.send(frames) }
        // Each waits for a few calls of every peer: by then all of them have what they may have.
        for _ in 0..<32 {
          if areWrites {
            _ = try await client.call(TallystickV1.PageService.publish, other)
          } else {
            _ = try await client.call(TallystickV1.PageService.getPage, request)
          }
        }
        client.close()
        let growth = daemon.child.highestResidentBytes - before
        #expect(growth < Self.unreadMemoryBytes, "\(growth) bytes more")
        peers = []
        try await eventually("the memory is given back") {
          daemon.child.residentBytes - before < Self.memoryBytes / 2
        }
      }
    }

    @Test("10,000 calls in flight on one connection are each answered, or refused at once")
    func manyInFlight() async throws {
      try await Self.beside { daemon in
        let peer = try Intruder(daemon.workplace.socket)
        var bytes: [UInt8] = []
        for number in 0..<10_000 {
          var request = TallystickV1.ConsumeRequest()
          request.userId = "nobody"
          request.amountMicros = 1
          request.idempotencyKey = "h\(number)"
          bytes += Intruder.call(UInt32(2 * number + 1), Credits.consume, request.encode())
        }
        try await peer.send(bytes, reading: true)
        let answers = try await peer.answers(10_000)
        #expect(answers.count == 10_000)
        let reasons = Set(answers)
        #expect(reasons.contains("INSUFFICIENT_CREDITS"))
        #expect(
          reasons.isSubset(of: ["INSUFFICIENT_CREDITS", "TOO_MANY_IN_FLIGHT", "QUEUE_FULL"]), "\(reasons)")
      }
    }

    /// Small messages that would become large ones.
    private static func bombs() -> [(name: String, method: String, payload: [UInt8])] {
      let mebibyte = 1 << 20
      // Field 1, a submessage of no bytes: half a million items of a batch.
      let empties = [[UInt8]](repeating: [0x0A, 0x00], count: mebibyte / 2).flatMap { $0 }
      // Field 30, a number: half a million fields that nobody knows.
      let unknowns = [[UInt8]](repeating: [0xF0, 0x01, 0x01], count: mebibyte / 3).flatMap { $0 }
      // Field 6, entries of a map.
      let entries = [[UInt8]](repeating: [0x32, 0x00], count: mebibyte / 2).flatMap { $0 }
      return [
        ("empty items", "BatchConsume", empties), ("empty grants", "BatchGrantPlan", empties),
        ("unknown fields", "Consume", unknowns), ("empty entries", "Consume", entries),
        ("empty users", "BatchGetBalances", empties),
        ("groups", "Consume", [UInt8](repeating: 0x0B, count: mebibyte)),
      ]
    }

    @Test("messages that would grow in decoding are refused")
    func bombs() async throws {
      try await Self.beside { daemon in
        for (name, method, payload) in Self.bombs() {
          let peers = try Self.crowd(8, daemon)
          for peer in peers {
            for stream in [1, 3] as [UInt32] {
              try await peer.send(
                Intruder.call(stream, Credits.consume.service, method, payload), reading: true)
            }
          }
          for peer in peers {
            let answers = try await peer.answers(2)
            #expect(answers.allSatisfy { $0 != nil }, "\(name): \(answers)")
          }
        }
      }
    }

    @Test("what is too long, no text, no message or no frame is answered or cut off")
    func garbage() async throws {
      try await Self.beside { daemon in
        let peer = try Intruder(daemon.workplace.socket)
        // Longer than the limit: thrown away as it comes, and the connection goes on.
        let length = 5 << 20
        try await peer.send(Intruder.header(length: length, stream: 1, type: 1), reading: true)
        try await peer.send([UInt8](repeating: 7, count: length), reading: true)
        #expect(try await peer.answers(1) == ["MESSAGE_TOO_LARGE"])
        // user_id with bytes that are no UTF-8; then one with a NUL.
        for (stream, text) in [(3, [0xFF, 0xFE]), (5, [0x41, 0x00])] as [(UInt32, [UInt8])] {
          try await peer.send(Intruder.call(stream, Credits.getBalance, [0x0A, 0x02] + text))
          #expect(try await peer.answers(1) == ["INVALID_FIELD"])
        }
        try await peer.send(Intruder.header(length: 3, stream: 7, type: 1) + [0xFF, 0xFF, 0xFF])
        #expect(try await peer.answers(1) != [nil])
        var random = SeededRandom(seed: 6)
        let noise = try Self.crowd(100, daemon)
        for peer in noise {
          _ = peer.sendSome((0..<4_096).map { _ in UInt8.random(in: 0...255, using: &random) }[...])
        }
        for peer in noise { peer.receive() }
      }
    }

    @Test("when descriptors run out the callers that are there go on, and newcomers come in later")
    func descriptors() async throws {
      try await Self.beside(prelude: "ulimit -n 128") { daemon in
        var peers = try Self.crowd(150, daemon)
        for peer in peers { _ = peer.sendSome(Self.balanceOf("u1", stream: 1)[...]) }
        #expect(try await peers[0].answers(1) == [nil])
        peers = []
        let late = try Intruder(daemon.workplace.socket)
        try await late.send(Self.balanceOf("u1", stream: 1))
        #expect(try await late.answers(1) == [nil])
      }
    }

    @Test("more connections than the limit are closed as they come")
    func connections() async throws {
      try await Self.beside(flags: ["--max-connections", "64"]) { daemon in
        let peers = try Self.crowd(300, daemon)
        try await eventually("those over the limit are closed") {
          for peer in peers { peer.receive() }
          return peers.filter(\.isClosed).count >= 300 - 64
        }
      }
    }
  }
}
