// SavePage with `autosave`, over a real socket and with a driven clock.

import TTRPC
import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Autosaves of pages") struct PageAutosaveTests {
  private static let start: Int64 = 4_105_072_800_000_000

  private func save(
    _ live: LiveServer, _ title: String, from version: Int64, autosave: Bool = true
  ) async throws -> TallystickV1.PageChange {
    let response = try await live.call(Pages.savePage) {
      $0.pageId = "p"
      $0.expectedVersion = version
      $0.title = title
      $0.autosave = autosave
    }
    return try #require(response.change)
  }

  @Test("an autosave makes a version that says so, until it is saved or published")
  func marked() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", title: "one")
      for replayed in [false, true] {
        let change = try await save(live, "two", from: 1)
        #expect(change.page?.version == 2 && change.page?.autosave == true && change.replayed == replayed)
      }
      #expect(try await live.page("p").autosave)
      // The same content, saved: the same version, and once.
      for replayed in [false, true] {
        let change = try await save(live, "two", from: 2, autosave: false)
        #expect(change.page?.version == 2 && change.page?.autosave == false && change.replayed == replayed)
      }
      // An autosave of what was saved takes nothing back.
      #expect(try await save(live, "two", from: 2).replayed)
      #expect(try await live.page("p").autosave == false)
      for version in Int64(2)...4 { _ = try await save(live, "later \(version)", from: version) }
      _ = try await live.call(Pages.publish) {
        $0.pageId = "p"
        $0.version = 4
      }
      let change = try await live.call(Pages.publish) { $0.pageId = "p" }.change
      #expect(change?.page?.autosave == false && change?.page?.publishedVersion == 5)
      let versions = try await live.call(Pages.listVersions) { $0.pageId = "p" }.versions
      #expect(versions.map(\.version) == [5, 4, 3, 2, 1])
      #expect(versions.map(\.autosave) == [false, false, true, false, false])
      let third = try await live.call(Pages.getVersion) {
        $0.pageId = "p"
        $0.version = 3
      }
      #expect(third.page?.autosave == true)
    }
  }

  @Test("one that was thinned is not found by any call, and what was made from it conflicts")
  func thinned() async throws {
    try await LiveServer.run { live in
      _ = try await live.call(TallystickTestingV1.TestControl.setClock) { $0.nowMicros = Self.start }
      try await live.makePage("p", title: "one")
      for version in Int64(1)...3 { _ = try await save(live, "later \(version)", from: version) }
      _ = try await live.call(TallystickTestingV1.TestControl.advanceClock) { $0.millis = 3_600_001 }
      try live.server.sqliteEngine.sweep()
      let versions = try await live.call(Pages.listVersions) { $0.pageId = "p" }.versions
      #expect(versions.map(\.version) == [4, 1])
      let gone = "VERSION_NOT_FOUND"
      let version = try await live.reason(Pages.getVersion) {
        $0.pageId = "p"
        $0.version = 2
      }
      let difference = try await live.reason(Pages.diffVersions) {
        $0.pageId = "p"
        $0.fromVersion = 2
      }
      let restored = try await live.reason(Pages.restoreVersion) {
        $0.pageId = "p"
        $0.version = 2
        $0.expectedVersion = 4
      }
      let published = try await live.reason(Pages.publish) {
        $0.pageId = "p"
        $0.version = 2
      }
      #expect([version, difference, restored, published] == [gone, gone, gone, gone])
      let patched = try await live.reason(Pages.patchPage) {
        $0.pageId = "p"
        $0.expectedVersion = 2
        $0.title = "mine"
      }
      #expect(patched == "VERSION_CONFLICT")
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      #expect(try await live.call(Pages.purgePage) { $0.pageId = "p" }.versions == 2)
    }
  }

  @Test("an autosave is refused as a save is, and makes nothing then")
  func refused() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", title: "one")
      _ = try await save(live, "two", from: 1)
      let stale = try await live.failure { _ = try await save(live, "three", from: 1) }
      #expect(stale?.reason == "VERSION_CONFLICT" && stale?.details["current_version"] == "2")
      #expect(stale?.details["changed_fields"] == "title")
      let foreign = try await live.reason(Pages.savePage, actingUser: "u2") {
        ($0.pageId, $0.expectedVersion, $0.title, $0.autosave) = ("p", 2, "three", true)
      }
      #expect(foreign == "PAGE_NOT_FOUND")
      let own = try await live.call(Pages.savePage, actingUser: "u1") {
        ($0.pageId, $0.expectedVersion, $0.title, $0.autosave) = ("p", 2, "three", true)
      }
      #expect(own.change?.page?.autosave == true && own.change?.page?.author == "u1")
      let versions = try await live.call(Pages.listVersions) { $0.pageId = "p" }.versions
      #expect(versions.map(\.version) == [3, 2, 1])
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      #expect(
        try await live.failure { _ = try await save(live, "four", from: 3) }?.reason == "PAGE_NOT_FOUND")
    }
  }
}
