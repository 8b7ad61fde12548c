// WatchTransactions over a real socket: what it sends, to whom, and how it ends.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import TallyTestSupport
import Testing

@testable import TallyServer

@Suite("WatchTransactions") struct WatchTests {
  @Test("the first message says where the stream begins, and rows follow as they are committed")
  func live() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let watch = try await live.watch()
      #expect(watch.nextSequence == 2 && watch.rows.isEmpty)
      let spent = try await live.consume("u1", 30, key: "k2")
      try await watch.read(rows: 1)
      #expect(watch.rows.first == spent.transaction)
      #expect(watch.nextSequence == 3)
      // A refusal writes no row, and a replay no second one.
      #expect(
        try await live.reason(Credits.consume) { request in
          request.userId = "u1"
          request.amountMicros = 5_000
          request.idempotencyKey = "k3"
        } == "INSUFFICIENT_CREDITS")
      #expect(try await live.consume("u1", 30, key: "k2").replayed)

      try await live.purchase("u2", 5, payment: "p2", key: "k2")
      try await watch.read(rows: 2)
      #expect(watch.sequences == [2, 3])
    }
  }

  @Test("all rows of the past come first, from any of them on, and the rest as they are committed")
  func past() async throws {
    try await LiveServer.run { live in
      let users = ["a", "b", "c"]
      for user in users { try await live.purchase(user, 100_000, payment: user, key: "buy") }
      // More than a slice has, and more than is read after joining.
      try await live.consumeBatch(users, 5_000, prefix: "past")
      for from in [Int64(1), 2, 513, 2_000, 5_003, 5_004] {
        let watch = try await live.watch(from: from)
        try await live.consume("a", 1, key: "then-\(from)")
        let last = live.lastSequence
        try await watch.read(rows: Int(last - from + 1))
        #expect(watch.sequences == Array(from...last), "from \(from)")
        #expect(watch.nextSequence == last + 1)
        watch.cancel()
      }
    }
  }

  @Test("where the server's messages are small a watch's are, of the past and as rows are committed")
  func smallMessages() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 2_048 }) { live in
      try await live.purchase("a", 1_000, payment: "p", key: "p")
      for index in 0..<40 { try await live.consume("a", 1, key: "past\(index)") }
      let all = try await live.watch(from: 1)
      let some = try await live.watch(from: 1, users: ["a"])
      for call in [all, some] { try await call.read(rows: 41) }
      for index in 0..<40 { try await live.consume("a", 1, key: "live\(index)") }
      for call in [all, some] {
        try await call.read(rows: 81)
        #expect(call.sequences == Array(1...81))
      }
    }
  }

  @Test("a row that refers to a purchase has its payment's id, of the past and as it is committed")
  func names() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 1_000, payment: "pi_1", key: "p")
      func reverse(_ event: String) async throws {
        _ = try await live.call(Credits.reversePurchase) {
          ($0.paymentId, $0.amountMicros, $0.eventId, $0.idempotencyKey) = ("pi_1", 100, event, event)
        }
      }
      try await reverse("e1")
      let (all, some) = (try await live.watch(from: 1), try await live.watch(from: 1, users: ["a"]))
      for call in [all, some] { try await call.read(rows: 2) }
      try await reverse("e2")
      for call in [all, some] {
        try await call.read(rows: 3)
        #expect(call.rows.map(\.paymentId) == ["pi_1", "pi_1", "pi_1"])
      }
    }
  }

  @Test("of some users only theirs come, each once however often a user is named")
  func users() async throws {
    try await LiveServer.run { live in
      let users = ["a", "b", "c", "u\u{308}", "\u{fc}"]
      for user in users { try await live.purchase(user, 100_000, payment: user, key: "buy") }
      try await live.consumeBatch(users, 3_000, prefix: "past")
      let all = try await live.watch(from: 1)
      let some = try await live.watch(from: 1, users: ["b", "\u{fc}", "b", "nobody"])
      try await live.consumeBatch(users, 3_000, prefix: "now")
      try await live.purchase("nobody", 1, payment: "n", key: "n")
      try await all.read(rows: Int(live.lastSequence))
      let wanted = all.rows.filter { row in ["b", "\u{fc}", "nobody"].contains { row.userId.isExactly($0) } }
      try await some.read(rows: wanted.count)
      #expect(some.rows == wanted)
      #expect(wanted.count == 2 * 1_201 + 1)
    }
  }

  @Test("a watcher of some users is told how far the ledger has come, so that it need not read it again")
  func position() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 100_000, payment: "a", key: "buy")
      let watch = try await live.watch(users: ["nobody"])
      try await live.consumeBatch(["a"], 100, prefix: "other")
      while watch.nextSequence <= 2 { try await watch.read() }
      #expect(watch.rows.isEmpty && watch.nextSequence == 102)
      // In the past it is told with each stretch that has none of its rows.
      try await live.consumeBatch(["a"], 8_000, prefix: "many")
      let again = try await live.watch(from: 1, users: ["nobody"])
      try await again.read()
      #expect(again.nextSequence == 1 + WatchReads.shortestSpan)
    }
  }

  @Test("a call that acts for a user sees that user's rows only, and has to name the user")
  func actingUser() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 10, payment: "a", key: "buy")
      for users in [[], ["b"], ["a", "b"]] {
        let failure = try await WatchCall(live.connection, users: users, actingUser: "a").failure()
        #expect(failure.reason == "ACTING_USER", "\(users)")
      }
      let watch = try await live.watch(from: 1, users: ["a"], actingUser: "a")
      try await watch.read(rows: 1)
    }
  }

  @Test("fields are checked, and a row that is not there yet is not waited for")
  func fields() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 10, payment: "a", key: "buy")
      func failure(_ from: Int64, _ users: [String] = []) async throws -> Failed {
        try await WatchCall(live.connection, from: from, users: users).failure()
      }
      #expect(try await failure(-1).details["field"] == "from_sequence")
      let early = try await failure(3)
      #expect(early.reason == "INVALID_FIELD" && early.details["limit"] == "2")
      #expect(try await live.watch(from: 2).nextSequence == 2)
      #expect(try await failure(1, [""]).details["field"] == "user_ids[0]")
      let long = String(repeating: "x", count: Limits.userIdByteCount + 1)
      #expect(try await failure(1, ["a", long]).details["field"] == "user_ids[1]")
      let many = (0...Limits.watchUserCount).map { "u\($0)" }
      #expect(try await failure(1, many).reason == "BATCH_TOO_LARGE")
      #expect(try await live.watch(from: 1, users: Array(many.dropLast())).nextSequence == 1)
    }
  }

  @Test("a commit that fails is not told")
  func failedCommit() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 10, payment: "a", key: "buy")
      let watch = try await live.watch()
      try await live.inject(.storeFull) { $0.count = 1 }
      #expect(
        try await live.reason(Credits.consume) { request in
          request.userId = "a"
          request.amountMicros = 1
          request.idempotencyKey = "failed"
        } == "DISK_FULL")
      try live.server.engineForTesting.retryDisk()
      try await live.consume("a", 2, key: "done")
      try await watch.read(rows: 1)
      #expect(watch.rows.map(\.idempotencyKey) == ["done"])
      #expect(watch.rows.map(\.sequence) == [2])
    }
  }

  // MARK: how it ends

  @Test("a shutdown ends every watch, also one that is reading the past, and none holds it up")
  func shutdown() async throws {
    var calls: [WatchCall] = []
    try await LiveServer.run { live in
      try await live.purchase("a", 100_000, payment: "a", key: "buy")
      try await live.consumeBatch(["a"], 8_192, prefix: "past")
      calls = [try await live.watch(), try await live.watch(from: 1, users: ["b"])]
      calls.append(try await live.watch(from: 1))
      // The drain waits for as long as it may.
      try await live.server.shutdown(drainNanoseconds: Patience.nanoseconds)
      for call in calls {
        let failure = try await call.failure()
        #expect(failure.reason == "SHUTTING_DOWN", "\(failure)")
      }
    }
  }

  @Test("another ledger in the place of this one ends every watch", arguments: [false, true])
  func replaced(isRestore: Bool) async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 100_000, payment: "a", key: "buy")
      _ = try await live.call(Control.saveSnapshot) { $0.name = "base" }
      try await live.consumeBatch(["a"], 100, prefix: "past")
      let calls = [try await live.watch(), try await live.watch(from: 50, users: ["a"])]
      if isRestore {
        _ = try await live.call(Control.restoreSnapshot) { $0.name = "base" }
      } else {
        _ = try await live.call(Control.reset) { _ in }
      }
      for call in calls {
        let failure = try await call.failure()
        #expect(failure.code == .cancelled && failure.reason == "CANCELLED")
        // What it has sent is of the ledger before.
        #expect(call.sequences == Array((50...101).prefix(call.sequences.count)))
        #expect(call.rows.allSatisfy { $0.userId == "a" })
      }
      // Where the client would go on is not there any more, and it is told so.
      #expect(try await WatchCall(live.connection, from: 102).failure().reason == "INVALID_FIELD")
      let watch = try await live.watch()
      #expect(watch.nextSequence == (isRestore ? 2 : 1))
      try await live.purchase("b", 10, payment: "b", key: "b")
      try await watch.read(rows: 1)
      #expect(watch.rows.first?.userId == "b")
    }
  }

  @Test("a watch ends with its stream's lifetime, and another goes on where it ended")
  func lifetime() async throws {
    try await LiveServer.run(configure: { $0.server.maximumStreamNanoseconds = 200_000_000 }) { live in
      try await live.purchase("a", 100_000, payment: "a", key: "buy")
      var sequences: [Int64] = []
      var next: Int64 = 1
      var round = 0
      try await eventually("thirty rows come in three calls or more") {
        let watch = try WatchCall(live.connection, from: next)
        if round < 3 { try await live.consumeBatch(["a"], 10, prefix: "\(round)") }
        round += 1
        let failure = try await watch.failure()
        #expect(failure.reason == "STREAM_ENDED", "\(failure)")
        sequences += watch.sequences
        next = max(next, watch.nextSequence)
        return sequences.count >= 31
      }
      #expect(sequences == Array(1...31) && round >= 3)
    }
  }

  @Test("a watch that is left is forgotten")
  func left() async throws {
    try await LiveServer.run { live in
      let token = "t"
      var request = TallystickV1.WatchTransactionsRequest()
      request.userIds = ["a"]
      let stream = try live.connection.stream(
        .serverStream, Credits.watchTransactions.service, Credits.watchTransactions.method, request.encode(),
        metadata: [MetadataPair(key: TallyServer.cancelTokenMetadataKey, value: token)])
      _ = try await stream.next()
      let other = try ClientConnection.connect(path: live.socketPath)
      let lost = try WatchCall(other)
      try #require(try await lost.read())
      #expect(live.server.watch.watcherCount == 2)
      _ = try await live.call(TallystickV1.Control.cancel) { $0.token = token }
      other.close()
      try await eventually("both are forgotten") { live.server.watch.watcherCount == 0 }
      try await live.purchase("a", 1, payment: "a", key: "a")
    }
  }

  @Test("watchers of one connection, and users of all of them, have a limit")
  func limits() async throws {
    try await LiveServer.run { live in
      var calls: [WatchCall] = []
      for _ in 0..<Limits.connectionWatcherCount {
        calls.append(try WatchCall(live.connection, users: ["a"]))
      }
      for call in calls { try #require(try await call.read()) }
      let failure = try await WatchCall(live.connection).failure()
      #expect(failure.reason == "TOO_MANY_IN_FLIGHT")
      #expect(failure.details["limit"] == String(Limits.connectionWatcherCount))
      let other = try ClientConnection.connect(path: live.socketPath)
      defer { other.close() }
      let users = (0..<Limits.watchUserCount).map { "u\($0)" }
      let most = (Limits.watchedUserCount - calls.count) / users.count
      var named: [WatchCall] = []
      for _ in 0..<most { named.append(try WatchCall(other, users: users)) }
      for call in named { try #require(try await call.read()) }
      #expect(try await WatchCall(other, users: users).failure().reason == "TOO_MANY_IN_FLIGHT")
      #expect(try await WatchCall(other).read())
      // What one leaves, another takes.
      calls[0].cancel()
      live.connection.close()
      try await eventually("they are forgotten") { live.server.watch.watcherCount <= most + 1 }
      #expect(try await WatchCall(other, users: users).read())
    }
  }
}
