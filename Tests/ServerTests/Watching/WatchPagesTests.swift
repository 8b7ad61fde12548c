// WatchPages: changes of pages as they are committed. What it shares with WatchTransactions is proven there.

import TTRPC
import TallyCore
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyServer

@Suite("WatchPages") struct WatchPagesTests {
  private typealias Kind = TallystickV1.PageUpdateKind

  /// A call, and what it has brought so far.
  private final class Call {
    private let stream: ClientStream
    private(set) var updates: [TallystickV1.PageUpdate] = []
    private(set) var next: Int64 = 0

    init(_ live: LiveServer, from: Int64 = 0, users: [String] = [], actingUser: String? = nil) throws {
      var request = TallystickV1.WatchPagesRequest()
      (request.fromUpdate, request.userIds) = (from, users)
      stream = try live.connection.stream(
        .serverStream, Pages.watchPages.service, Pages.watchPages.method, request.encode(),
        metadata: actingUser.map { [MetadataPair(key: "tally-acting-user", value: $0)] } ?? [])
    }

    func read() async throws {
      do {
        guard let payload = try await stream.next() else { throw NoFailure() }
        let message = try TallystickV1.WatchPagesResponse.decode(payload)
        updates += message.updates
        #expect(message.nextUpdate >= max(next, (updates.last?.updateNumber ?? 0) + 1))
        next = message.nextUpdate
      } catch let error as CallError { throw Failed(error.status) }
    }

    func read(updates count: Int) async throws { while updates.count < count { try await read() } }

    func reason() async throws -> String? {
      do { while true { try await read() } } catch let failed as Failed { return failed.reason }
    }

    func cancel() { stream.cancel() }
  }

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
      let call = try Call(live)
      try await call.read()
      #expect(call.next == 2 && call.updates == [])
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
      try await call.read(updates: 13)
      let kinds: [Kind] = [
        .created, .saved, .published, .unpublished, .deleted, .undeleted, .slugChanged, .scheduled,
        .scheduleCancelled, .scheduled, .published, .deleted, .purged,
      ]
      #expect(call.updates.map(\.kind) == kinds)
      #expect(call.updates.map(\.updateNumber) == Array(2...14))
      #expect(call.updates.map(\.pageId) == [String](repeating: "p", count: 13))
      #expect(call.updates.map { $0.page?.version } == [1] + [Int64?](repeating: 2, count: 11) + [nil])
      #expect(call.updates[2].page?.publishedVersion == 2 && call.updates[3].page?.publishedVersion == 0)
      #expect(call.updates[6].page?.slug == "s" && call.updates[9].page?.scheduledVersion == 1)
      #expect(call.updates[10].page?.publishedVersion == 1 && call.updates[10].page?.scheduledVersion == 0)
      #expect(call.updates.allSatisfy { $0.userId == "u1" && $0.page?.sections ?? [] == [] })
      let commits = call.updates.map(\.commitSequence)
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
      let (all, own) = (try Call(live, from: 1), try Call(live, from: 1, users: ["u2"], actingUser: "u2"))
      let later = try Call(live, from: 5, users: ["u1"])
      try await all.read(updates: 4)
      try await own.read(updates: 1)
      try await later.read(updates: 2)
      #expect(all.updates.map(\.pageId) == ["b", "theirs", "a", "gone"])
      #expect(all.updates.map(\.kind) == [.created, .created, .saved, .purged])
      #expect(all.updates.map(\.updateNumber) == [2, 4, 7, 9])
      #expect(all.updates[2].page?.title == "title 3" && all.updates[3].page == nil)
      #expect(later.updates.map(\.pageId) == ["a", "gone"] && own.updates.map(\.pageId) == ["theirs"])
      // The id is free for another user, and what became of the first one's page is still known.
      try await live.makePage("gone", user: "u2")
      try await live.save("theirs", from: 1, title: "new", [])
      try await all.read(updates: 6)
      try await own.read(updates: 3)
      #expect(all.updates.suffix(2).map(\.pageId) == ["gone", "theirs"] && all.next == 12)
      #expect(own.updates.map(\.updateNumber) == [4, 10, 11])
      for call in [all, own, later] { call.cancel() }
      let again = try Call(live, from: 1)
      try await again.read(updates: 5)
      #expect(again.updates.map(\.updateNumber) == [2, 7, 9, 10, 11])
      #expect(again.updates.map(\.userId) == ["u1", "u1", "u1", "u2", "u2"])
      again.cancel()
    }
  }

  @Test("what makes no sense, and what is another user's, is refused")
  func refused() async throws {
    try await LiveServer.run { live in
      let calls: [(call: Call, reason: String)] = [
        (try Call(live, from: -1), "INVALID_FIELD"), (try Call(live, from: 2), "INVALID_FIELD"),
        (try Call(live, users: [""]), "INVALID_FIELD"), (try Call(live, actingUser: "a"), "ACTING_USER"),
        (try Call(live, users: ["b"], actingUser: "a"), "ACTING_USER"),
      ]
      for (call, expected) in calls {
        let reason = try await call.reason()
        #expect(reason == expected)
      }
    }
  }

  @Test("a reset ends those who watch, and numbers begin anew")
  func replaced() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p")
      let call = try Call(live, from: 1)
      try await call.read(updates: 1)
      _ = try await live.call(TallystickTestingV1.TestControl.reset) { _ in }
      #expect(try await call.reason() == "CANCELLED")
      try await live.makePage("q")
      let again = try Call(live, from: 1)
      try await again.read(updates: 1)
      #expect(again.updates.map(\.updateNumber) == [1])
      again.cancel()
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
