// WatchPages: changes of pages as they are committed. What it shares with WatchTransactions is proven there.

import TTRPC
import TallyCore
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyServer

@Suite("WatchPages") struct WatchPagesTests {
  private typealias Kind = TallystickV1.PageUpdateKind

  private typealias Call = FollowingCall<TallystickV1.WatchPagesResponse>

  /// Calls a method that takes nothing but a page's id.
  private func change(_ live: LiveServer, _ method: String) async throws {
    var request = TallystickV1.DeletePageRequest()
    request.pageId = "p"
    _ = try await live.connection.unary(
      Pages.deletePage.service, method, request.encode(), timeoutNanoseconds: Patience.nanoseconds,
      metadata: [])
  }

  private func schedule(_ live: LiveServer, at micros: Int64) async throws {
    _ = try await live.call(Pages.schedulePublish) {
      $0.pageId = "p"
      $0.version = 1
      $0.atMicros = Self.start + micros
    }
  }

  private static let start: Int64 = 4_105_072_800_000_000

  private func setClock(_ live: LiveServer, _ micros: Int64) async throws {
    _ = try await live.call(TallystickTestingV1.TestControl.setClock) { $0.nowMicros = Self.start + micros }
  }

  @Test("each change comes once, in order, with the page as it is with it; what changes nothing does not")
  func kinds() async throws {
    try await LiveServer.run { live in
      try await setClock(live, 0)
      try await live.makePage("before")
      let call = try Call(live.connection)
      try await call.read()
      #expect(call.nextSequence == 2 && call.rows == [])
      try await live.makePage("p", title: "one")
      for _ in 0..<2 { try await live.save("p", from: 1, title: "two", []) }
      for method in ["Publish", "Publish", "Unpublish", "DeletePage", "UndeletePage"] {
        try await change(live, method)
      }
      _ = try await live.call(Pages.setPageSlug) {
        $0.pageId = "p"
        $0.slug = "s"
      }
      try await schedule(live, at: 50)
      try await change(live, "CancelScheduledPublish")
      try await schedule(live, at: 100)
      try await setClock(live, 100)
      // The sweep tells of it.
      try live.server.sqliteEngine.sweep()
      // A time that has come publishes at once; that is so already.
      try await schedule(live, at: 100)
      for method in ["DeletePage", "PurgePage"] { try await change(live, method) }
      try await call.read(rows: 13)
      let kinds: [Kind] = [
        .created, .saved, .published, .unpublished, .deleted, .undeleted, .slugChanged, .scheduled,
        .scheduleCancelled, .scheduled, .published, .deleted, .purged,
      ]
      #expect(call.rows.map(\.kind) == kinds)
      #expect(call.rows.map(\.updateNumber) == Array(2...14))
      #expect(call.rows.map(\.pageId) == [String](repeating: "p", count: 13))
      #expect(call.rows.map { $0.page?.version } == [1] + [Int64?](repeating: 2, count: 11) + [nil])
      #expect(call.rows[2].page?.publishedVersion == 2 && call.rows[3].page?.publishedVersion == 0)
      #expect(call.rows[6].page?.slug == "s" && call.rows[9].page?.scheduledVersion == 1)
      #expect(call.rows[10].page?.publishedVersion == 1 && call.rows[10].page?.scheduledVersion == 0)
      #expect(call.rows.allSatisfy { $0.userId == "u1" && $0.page?.sections ?? [] == [] })
      let commits = call.rows.map(\.commitSequence)
      #expect(commits == commits.sorted() && Set(commits).count == 13)
      call.cancel()
    }
  }

  @Test("from an earlier place each page comes once, as it is by now, and then each change")
  func resumed() async throws {
    try await LiveServer.run { live in
      for page in ["a", "b", "gone"] { try await live.makePage(page, title: "one") }
      try await live.makePage("theirs", user: "u2")
      for version in Int64(1)...3 { try await live.save("a", from: version, title: "title \(version)", []) }
      for method in [Pages.deletePage.method, Pages.purgePage.method] {
        var request = TallystickV1.DeletePageRequest()
        request.pageId = "gone"
        _ = try await live.connection.unary(
          Pages.deletePage.service, method, request.encode(), timeoutNanoseconds: Patience.nanoseconds,
          metadata: [])
      }
      let (all, own) = (
        try Call(live.connection, from: 1),
        try Call(live.connection, from: 1, users: ["u2"], actingUser: "u2")
      )
      let later = try Call(live.connection, from: 5, users: ["u1"])
      try await all.read(rows: 4)
      try await own.read(rows: 1)
      try await later.read(rows: 2)
      #expect(all.rows.map(\.pageId) == ["b", "theirs", "a", "gone"])
      #expect(all.rows.map(\.kind) == [.created, .created, .saved, .purged])
      #expect(all.rows.map(\.updateNumber) == [2, 4, 7, 9])
      #expect(all.rows[2].page?.title == "title 3" && all.rows[3].page == nil)
      #expect(later.rows.map(\.pageId) == ["a", "gone"] && own.rows.map(\.pageId) == ["theirs"])
      // The id is free for another user, and what became of the first one's page is still known.
      try await live.makePage("gone", user: "u2")
      try await live.save("theirs", from: 1, title: "new", [])
      try await all.read(rows: 6)
      try await own.read(rows: 3)
      #expect(all.rows.suffix(2).map(\.pageId) == ["gone", "theirs"] && all.nextSequence == 12)
      #expect(own.rows.map(\.updateNumber) == [4, 10, 11])
      for call in [all, own, later] { call.cancel() }
      let again = try Call(live.connection, from: 1)
      try await again.read(rows: 5)
      #expect(again.rows.map(\.updateNumber) == [2, 7, 9, 10, 11])
      #expect(again.rows.map(\.userId) == ["u1", "u1", "u1", "u2", "u2"])
      again.cancel()
    }
  }

  @Test("what makes no sense, and what is another user's, is refused")
  func refused() async throws {
    try await LiveServer.run { live in
      let calls: [(call: Call, reason: String)] = [
        (try Call(live.connection, from: -1), "INVALID_FIELD"),
        (try Call(live.connection, from: 2), "INVALID_FIELD"),
        (try Call(live.connection, users: [""]), "INVALID_FIELD"),
        (try Call(live.connection, actingUser: "a"), "ACTING_USER"),
        (try Call(live.connection, users: ["b"], actingUser: "a"), "ACTING_USER"),
      ]
      for (call, expected) in calls {
        let reason = try await call.failure().reason
        #expect(reason == expected)
      }
    }
  }

  @Test("a reset ends those who watch, and numbers begin anew")
  func replaced() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p")
      let call = try Call(live.connection, from: 1)
      try await call.read(rows: 1)
      _ = try await live.call(TallystickTestingV1.TestControl.reset) { _ in }
      #expect(try await call.failure().reason == "CANCELLED")
      try await live.makePage("q")
      let again = try Call(live.connection, from: 1)
      try await again.read(rows: 1)
      #expect(again.rows.map(\.updateNumber) == [1])
      again.cancel()
    }
  }

  @Test("what is refused names its field and its limit, at which a call is taken")
  func borders() async throws {
    try await LiveServer.run { live in
      func failure(_ from: Int64, _ users: [String] = []) async throws -> String {
        let failed = try await Call(live.connection, from: from, users: users).failure()
        return "\(failed.reason ?? "") \(failed.details["field"] ?? "") \(failed.details["limit"] ?? "")"
      }
      #expect(try await failure(-1) == "INVALID_FIELD from_update ")
      // There are none yet: the next one is the first.
      #expect(try await failure(2) == "INVALID_FIELD from_update 1")
      let longest = String(repeating: "u", count: Limits.userIdByteCount)
      #expect(try await failure(1, ["a", longest + "u"]) == "INVALID_FIELD user_ids[1] 255")
      let many = (0..<Limits.watchUserCount - 1).map { "u\($0)" } + [longest]
      #expect(try await failure(1, many + ["more"]) == "BATCH_TOO_LARGE user_ids 1000")
      let most = try Call(live.connection, from: 1, users: many)
      #expect(try await most.read())
      #expect(most.nextSequence == 1)
      most.cancel()
    }
  }

  @Test("a stream of pages has the messages of a stream of rows, by number")
  func messages() throws {
    var response = TallystickV1.WatchPagesResponse()
    response.nextUpdate = 77
    #expect(WatchMessage.end(nextSequence: 77) == response.encode())
    var update = PageUpdate(
      kind: .saved, pageId: "p", userId: "u", facts: PageFacts(pageId: "p", userId: "u"), atMicros: 1)
    update.number = 76
    response.updates = [TallystickV1.PageUpdate(update)]
    let made = WatchMessage.make([EncodedRow(update)], nextSequence: 77)
    #expect(try TallystickV1.WatchPagesResponse.decode(made) == response)
  }

  @Test("every kind of change has a name on the wire")
  func names() {
    #expect(PageUpdateKind.allCases.allSatisfy { Kind(rawValue: $0.rawValue).name != nil })
  }
}
