// Pages that are published on a schedule, over a real socket and with a driven clock.

import TTRPC
import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Publishing on a schedule") struct PageScheduleTests {
  private typealias Control = TallystickTestingV1.TestControl

  private static let start: Int64 = 4_105_072_800_000_000

  private func setClock(_ live: LiveServer, _ micros: Int64) async throws {
    _ = try await live.call(Control.setClock) { $0.nowMicros = Self.start + micros }
  }

  @discardableResult
  private func schedule(
    _ live: LiveServer, _ version: Int64, at micros: Int64
  ) async throws -> TallystickV1.PageChange {
    let response = try await live.call(Pages.schedulePublish) {
      $0.pageId = "p"
      $0.version = version
      $0.atMicros = Self.start + micros
    }
    return try #require(response.change)
  }

  private func published(_ live: LiveServer) async throws -> Int64 {
    try await live.page("p").publishedVersion
  }

  /// A page of two versions.
  private func prepare(_ live: LiveServer) async throws {
    try await setClock(live, 0)
    try await live.makePage("p", title: "one", [section("a", "1")])
    try await live.save("p", from: 1, title: "two", [section("a", "2")])
  }

  @Test("at its microsecond a version is shown by every read, kept ones too, before anything is written")
  func border() async throws {
    try await LiveServer.run { live in
      try await prepare(live)
      _ = try await live.call(Pages.publish) {
        $0.pageId = "p"
        $0.version = 2
      }
      // Kept from now on.
      #expect(try await live.page("p", published: true).title == "two")
      let change = try await schedule(live, 1, at: 100)
      #expect(change.page?.scheduledVersion == 1 && change.page?.scheduledAtMicros == Self.start + 100)
      #expect(change.page?.publishedVersion == 2 && !change.replayed)
      #expect(try await schedule(live, 1, at: 100).replayed)
      for _ in 0..<2 { #expect(try await live.page("p", published: true).title == "two") }
      try await setClock(live, 99)
      #expect(try await live.page("p", published: true).title == "two")
      let commit = live.server.engineForTesting.state().commitSequence
      try await setClock(live, 100)
      for _ in 0..<2 {
        let page = try await live.page("p", published: true)
        #expect(page.title == "one" && page.publishedVersion == 1 && page.scheduledVersion == 0)
      }
      let list = try await live.call(Pages.listPages) { $0.userId = "u1" }
      #expect(list.pages.first?.publishedVersion == 1 && list.pages.first?.scheduledAtMicros == 0)
      #expect(live.server.engineForTesting.state().commitSequence == commit)
      // The sweep writes it, and changes nothing that is seen.
      try live.server.sqliteEngine.sweep()
      #expect(live.server.engineForTesting.state().commitSequence == commit + 1)
      #expect(try await live.page("p", published: true).title == "one")
      try live.server.sqliteEngine.sweep()
      #expect(live.server.engineForTesting.state().commitSequence == commit + 1)
    }
  }

  @Test("a later schedule replaces one, a change keeps it, and it is taken away")
  func replaced() async throws {
    try await LiveServer.run { live in
      try await prepare(live)
      try await schedule(live, 1, at: 100)
      try await schedule(live, 0, at: 200)
      try await live.save("p", from: 2, title: "three", [])
      #expect(try await live.page("p").scheduledVersion == 2)
      _ = try await live.call(Pages.publish) { $0.pageId = "p" }
      _ = try await live.call(Pages.unpublish) { $0.pageId = "p" }
      try await setClock(live, 199)
      #expect(try await published(live) == 0)
      try await setClock(live, 200)
      #expect(try await published(live) == 2)
      try await schedule(live, 3, at: 300)
      for replayed in [false, true] {
        let response = try await live.call(Pages.cancelScheduledPublish) { $0.pageId = "p" }
        #expect(response.change?.replayed == replayed && response.change?.page?.scheduledVersion == 0)
      }
      try await setClock(live, 400)
      #expect(try await published(live) == 2)
      // A time that has come publishes at once.
      let late = try await schedule(live, 3, at: 300)
      #expect(late.page?.publishedVersion == 3 && late.page?.scheduledVersion == 0 && !late.replayed)
      #expect(try await schedule(live, 3, at: 300).replayed)
    }
  }

  @Test(
    "a deleted page's schedule goes on; a purged one's is gone; a change of a due page writes what was due")
  func life() async throws {
    try await LiveServer.run { live in
      try await prepare(live)
      try await schedule(live, 1, at: 100)
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      try await setClock(live, 150)
      let back = try await live.call(Pages.undeletePage) { $0.pageId = "p" }
      #expect(back.change?.page?.publishedVersion == 1 && back.change?.page?.scheduledVersion == 0)
      #expect(try await live.page("p", published: true).title == "one")
      try await schedule(live, 2, at: 200)
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      _ = try await live.call(Pages.purgePage) { $0.pageId = "p" }
      try await live.makePage("p", title: "another")
      try await setClock(live, 300)
      try live.server.sqliteEngine.sweep()
      #expect(try await published(live) == 0)
    }
  }

  @Test(
    "media that were deleted leave a page that is published by its schedule, before the sweep has written it")
  func media() async throws {
    try await LiveServer.run { live in
      try await setClock(live, 0)
      try await live.makeMedia("m")
      try await live.makePage("p", title: "one", [section("a", "1", first: "m")])
      try await live.save("p", from: 1, title: "two", [])
      try await schedule(live, 1, at: 100)
      try await setClock(live, 100)
      // Kept.
      #expect(try await live.page("p", published: true).sections.first?.firstImage?.mediaId == "m")
      _ = try await live.call(Pages.deleteMedia) { $0.mediaId = "m" }
      #expect(try await live.page("p", published: true).sections.first?.firstImage == nil)
    }
  }

  @Test("a version that is not there, and a time out of range, are refused")
  func refused() async throws {
    try await LiveServer.run { live in
      try await prepare(live)
      for (version, atMicros, reason) in [
        (Int64(3), Self.start, "VERSION_NOT_FOUND"), (-1, Self.start, "INVALID_FIELD"),
        (1, 0, "INVALID_FIELD"),
        (1, Int64.max, "INVALID_FIELD"),
      ] {
        let failed = try await live.reason(Pages.schedulePublish) {
          $0.pageId = "p"
          $0.version = version
          $0.atMicros = atMicros
        }
        #expect(failed == reason)
      }
    }
  }

  @Test("a time is taken at its border; a deleted page, and another user's, is not found")
  func borders() async throws {
    try await LiveServer.run { live in
      try await prepare(live)
      try await live.expect(
        [
          .number("at_micros", 1...Limits.timeMicros) { $0.atMicros = $1 },
          .atLeast("version", 0) { $0.version = $1 },
        ], of: Pages.schedulePublish
      ) { ($0.pageId, $0.atMicros) = ("p", Self.start + 100) }
      for acting in ["u1", "u2"] {
        let scheduled = try await live.reason(Pages.schedulePublish, actingUser: acting) {
          ($0.pageId, $0.version, $0.atMicros) = ("p", 1, Self.start + 200)
        }
        #expect(scheduled == (acting == "u1" ? nil : "PAGE_NOT_FOUND"))
        let cancelled = try await live.reason(Pages.cancelScheduledPublish, actingUser: acting) {
          $0.pageId = "p"
        }
        #expect(cancelled == (acting == "u1" ? nil : "PAGE_NOT_FOUND"))
      }
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      let late = try await live.reason(Pages.schedulePublish) {
        ($0.pageId, $0.atMicros) = ("p", Self.start + 300)
      }
      #expect(late == "PAGE_NOT_FOUND")
      #expect(try await live.reason(Pages.cancelScheduledPublish) { $0.pageId = "p" } == "PAGE_NOT_FOUND")
    }
  }
}
