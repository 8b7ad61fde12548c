// Watchers of the ledger while it is written at full speed: all rows reach all of them, once and in order,
// wherever they join, or they are told where to go on.
//
// TALLY_SEED sets the seed of the places at which they join.

import Glibc
import TallyClient
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

@testable import TTRPC

extension FaultTests {
  @Suite("Watchers")
  struct WatchTests {
    private typealias Credits = TallystickV1.CreditService

    static let userCount = 40
    static let writerCount = 6
    static let watcherCount = 36
    static let rowCount: Int64 = 80_000

    private static let seed = unsafe getenv("TALLY_SEED").flatMap { UInt64(unsafe String(cString: $0)) } ?? 1

    /// What the writers have written so far.
    private final class Progress: Sendable {
      private let last = Lock<Int64>(0)
      var lastSequence: Int64 { last.withLock { $0 } }
      func note(_ sequence: Int64) { last.withLock { $0 = max($0, sequence) } }
      var isOver: Bool { lastSequence >= WatchTests.rowCount }
    }

    private static func user(_ number: Int) -> String { "user-\(number)" }

    private static func fund(_ client: TallyClient) async throws {
      for number in 0..<userCount {
        var request = TallystickV1.AddPurchaseRequest()
        request.userId = user(number)
        request.paymentId = "payment-\(number)"
        request.amountMicros = 1_000_000_000
        _ = try await client.call(Credits.addPurchase, request)
      }
    }

    /// Single calls and batches in turn, until there are rows enough.
    private static func write(_ writer: Int, _ client: TallyClient, _ progress: Progress) async throws {
      var random = SeededRandom(seed: seed, stream: UInt64(writer))
      while !progress.isOver {
        let count = Int.random(in: 1...300, using: &random)
        var batch = TallystickV1.BatchConsumeRequest()
        batch.items = (0..<count).map { _ in
          var item = TallystickV1.ConsumeRequest()
          item.userId = user(Int.random(in: 0..<userCount, using: &random))
          item.amountMicros = 1
          return item
        }
        if count % 2 == 0 {
          let response = try await client.call(Credits.batchConsume, batch)
          guard case .applied(let last) = response.results.last?.result else { continue }
          progress.note(last.transaction?.sequence ?? 0)
        } else {
          let response = try await client.call(Credits.consume, batch.items[0])
          progress.note(response.transaction?.sequence ?? 0)
        }
      }
    }

    /// One watcher, which reads as fast or as slowly as it is told to, and goes on wherever it was ended.
    private struct Follower {
      var users: Set<String>
      /// Reads only a first message, until the ledger has come far beyond it.
      var isSlow: Bool
      /// More than is kept for it, with what the buffers take.
      private static let slowRowCount: Int64 = 50_000
      /// Where it began.
      let firstSequence: Int64
      private(set) var rows: [Int64] = []
      private(set) var nextSequence: Int64
      private(set) var endCount = 0
      private let socket: String

      init(_ socket: String, from: Int64, users: Set<String>, isSlow: Bool) {
        self.socket = socket
        self.users = users
        self.isSlow = isSlow
        firstSequence = from
        nextSequence = from
      }

      /// Until it has all rows of a ledger that has come to its end.
      mutating func follow(_ progress: Progress, until last: @Sendable () -> Int64?) async throws {
        while try await !follows(progress, until: last) { endCount += 1 }
      }

      /// - Returns: false when the call was ended before.
      private mutating func follows(_ progress: Progress, until last: @Sendable () -> Int64?) async throws
        -> Bool
      {
        let peer = try Intruder(socket)
        var request = TallystickV1.WatchTransactionsRequest()
        request.fromSequence = nextSequence
        request.userIds = users.sorted()
        try await peer.send(Intruder.call(1, Credits.watchTransactions, request.encode()))
        var (hasBegun, isEnded) = (false, false)
        let stallEnd = nextSequence + Self.slowRowCount
        try await eventually("all rows have come, or the call is ended") {
          let isResting = isSlow && hasBegun && !progress.isOver && progress.lastSequence < stallEnd
          if !isResting { peer.receive() }
          for frame in peer.takeFrames() {
            hasBegun = true
            if frame.type == FrameType.data {
              try take(frame.payload)
            } else {
              isEnded = true
              try #require(try Intruder.reason(frame.payload) == "LAGGED")
              let resume = try Intruder.details(frame.payload)["resume_sequence"].flatMap { Int64($0) }
              // Nothing that was not sent is left out.
              #expect(resume == nextSequence || !users.isEmpty && (resume ?? 0) >= nextSequence)
            }
          }
          return isEnded || nextSequence > last() ?? Int64.max
        }
        return !isEnded
      }

      private mutating func take(_ payload: [UInt8]) throws {
        let message = try TallystickV1.WatchTransactionsResponse.decode(payload)
        for row in message.transactions {
          try #require(row.sequence >= nextSequence && row.sequence > rows.last ?? 0, "a row comes twice")
          try #require(users.isEmpty || users.contains(row.userId))
          rows.append(row.sequence)
        }
        try #require(message.nextSequence >= nextSequence && message.nextSequence > rows.last ?? 0)
        nextSequence = message.nextSequence
      }
    }

    @Test("each row comes once and in order, to watchers that join anywhere, or lags with the right place")
    func hammer() async throws {
      let daemon = try await Daemon.start(try Workplace())
      let socket = daemon.workplace.socket
      let clients = (0..<Self.writerCount).map { _ in daemon.client() }
      try await Self.fund(clients[0])
      let (progress, last) = (Progress(), Lock<Int64?>(nil))
      var followers: [Follower] = []
      try await withThrowingTaskGroup(of: Void.self) { writers in
        for (writer, client) in clients.enumerated() {
          writers.addTask { try await Self.write(writer, client, progress) }
        }
        followers = try await withThrowingTaskGroup(of: Follower.self) { group in
          for number in 0..<Self.watcherCount {
            group.addTask {
              var follower = try await Self.join(number, socket, progress)
              try await follower.follow(progress) { last.withLock { $0 } }
              return follower
            }
          }
          try await writers.waitForAll()
          let info = try await clients[0].call(TallystickV1.AdminService.getServerInfo, .init())
          last.withLock { $0 = info.ledgerSequence }
          return try await group.reduce(into: []) { $0.append($1) }
        }
      }
      try await Self.check(followers, clients[0], through: try #require(last.withLock { $0 }))
      for client in clients { client.close() }
      try await daemon.verify()
      daemon.kill()
    }

    /// Once the ledger has come so far, at a place of what is there.
    private static func join(_ number: Int, _ socket: String, _ progress: Progress) async throws -> Follower {
      var random = SeededRandom(seed: seed, stream: 1_000 + UInt64(number))
      let start = Int64.random(in: 0..<rowCount * 3 / 4, using: &random)
      try await eventually("the ledger has \(start) rows") { progress.lastSequence >= start }
      // Some at the end, where those that are slow lag.
      let end = progress.lastSequence + 1
      let from = number % 8 == 0 ? end : Int64.random(in: 1...end, using: &random)
      var users: Set<String> = []
      if number % 3 == 1 {
        for _ in 0..<Int.random(in: 1...5, using: &random) {
          users.insert(user(Int.random(in: 0..<userCount, using: &random)))
        }
      }
      return Follower(socket, from: from, users: users, isSlow: number % 4 == 0)
    }

    private static func check(
      _ followers: [Follower], _ client: TallyClient, through last: Int64
    ) async throws {
      var owners: [Int64: String] = [:]
      for number in 0..<userCount {
        var request = TallystickV1.ListTransactionsRequest()
        request.userId = user(number)
        request.limit = 1_000
        repeat {
          let page = try await client.call(Credits.listTransactions, request)
          for row in page.transactions { owners[row.sequence] = row.userId }
          request.cursor = page.nextCursor
        } while !request.cursor.isEmpty
      }
      #expect(Int64(owners.count) == last)
      for follower in followers {
        let wanted = (follower.firstSequence..<last + 1).filter { sequence in
          follower.users.isEmpty || follower.users.contains(owners[sequence] ?? "")
        }
        #expect(follower.rows == wanted, "from \(follower.firstSequence)")
      }
      #expect(followers.count { !$0.rows.isEmpty } > followers.count / 2)
      #expect(followers.contains { $0.isSlow && $0.endCount > 0 }, "nobody has lagged")
    }

    private static func consume(_ client: TallyClient, _ users: [String]) async throws {
      var batch = TallystickV1.BatchConsumeRequest()
      batch.items = users.map { user in
        var item = TallystickV1.ConsumeRequest()
        (item.userId, item.amountMicros) = (user, 1)
        return item
      }
      _ = try await client.call(Credits.batchConsume, batch)
    }

    @Test("a peer that does not read is ended with LAGGED, and one that reads then goes on where it says")
    func lagging() async throws {
      let daemon = try await Daemon.start(try Workplace())
      let client = daemon.client()
      try await Self.fund(client)
      let peer = try Intruder(daemon.workplace.socket)
      var request = TallystickV1.WatchTransactionsRequest()
      request.fromSequence = 1
      try await peer.send(Intruder.call(1, Credits.watchTransactions, request.encode()))
      var sequences: [Int64] = []
      var resume: Int64?
      func receive() throws {
        peer.receive()
        for frame in peer.takeFrames() {
          guard frame.type == FrameType.data else {
            #expect(try Intruder.reason(frame.payload) == "LAGGED")
            resume = try Intruder.details(frame.payload)["resume_sequence"].flatMap { Int64($0) }
            continue
          }
          let message = try TallystickV1.WatchTransactionsResponse.decode(frame.payload)
          sequences += message.transactions.map(\.sequence)
        }
      }
      // The second row that is written after all before it were read is one that it does not look up itself.
      for number in 0..<2 {
        let count = sequences.count
        try await Self.consume(client, [Self.user(number)])
        try await eventually("its rows come") {
          try receive()
          return sequences.count >= max(count, Self.userCount) + 1
        }
      }
      // More than the buffers of the socket and of the connection take, and than is kept beside them.
      for number in 0..<12 {
        try await Self.consume(client, (0..<8_192).map { _ in Self.user(number) })
      }
      try await eventually("it is told that it lags") {
        try receive()
        return resume != nil
      }
      #expect(sequences == Array(1..<(resume ?? 1)))
      #expect(sequences.count < Self.userCount + 12 * 8_192)
      let last = try await client.call(TallystickV1.AdminService.getServerInfo, .init()).ledgerSequence
      var follower = Follower(daemon.workplace.socket, from: resume ?? 0, users: [], isSlow: false)
      try await follower.follow(Progress()) { last }
      #expect(follower.rows == Array((resume ?? 0)...last))
      client.close()
      daemon.kill()
    }
  }
}
