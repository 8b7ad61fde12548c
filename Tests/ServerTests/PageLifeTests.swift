// Versions, publication, copies, and what deletion does, over a real socket.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Pages' life") struct PageLifeTests {
  // MARK: versions

  @Test("every version is kept, listed newest first in pages, and read whole") func versions() async throws {
    try await LiveServer.run { live in
      try await live.makeMedia("m")
      let first = try await live.makePage("p", title: "1", [section("a", "1", first: "m")])
      for version in 2...5 {
        try await live.save(
          "p", from: Int64(version - 1), title: "\(version)", [section("a", "\(version)")],
          author: "w\(version)")
      }
      let newest = try await live.call(Pages.listVersions) {
        $0.pageId = "p"
        $0.limit = 3
      }
      #expect(newest.versions.map(\.version) == [5, 4, 3])
      #expect(newest.versions.map(\.title) == ["5", "4", "3"])
      #expect(newest.versions.map(\.author) == ["w5", "w4", "w3"])
      #expect(newest.versions.allSatisfy { $0.currentVersion == 5 && $0.sectionCount == 1 })
      #expect(newest.versions.allSatisfy { $0.sections.isEmpty })
      let rest = try await live.call(Pages.listVersions) {
        $0.pageId = "p"
        $0.limit = 3
        $0.cursor = newest.nextCursor
      }
      #expect(rest.versions.map(\.version) == [2, 1])
      #expect(rest.nextCursor.isEmpty)
      let old = try await live.call(Pages.getVersion) {
        $0.pageId = "p"
        $0.version = 1
      }
      #expect(old.page?.sections == first.page?.sections)
      #expect(old.page?.title == "1")
      #expect(old.page?.version == 1)
      #expect(old.page?.currentVersion == 5)
      #expect(old.commitSequence == 6)
      let missing = try await live.failure(Pages.getVersion) {
        $0.pageId = "p"
        $0.version = 6
      }
      #expect(missing?.reason == "VERSION_NOT_FOUND")
      #expect(missing?.code == .notFound)
      #expect(
        try await live.reason(Pages.listVersions) {
          $0.pageId = "p"
          $0.cursor = "x"
        } == "INVALID_CURSOR")
    }
  }

  @Test("restoring makes the next version of an earlier content, once") func restore() async throws {
    try await LiveServer.run { live in
      let first = try await live.makePage("p", title: "old", [section("a", "1"), section("b", "2")])
      try await live.save("p", from: 1, title: "new", [section("c", "3")])
      let restored = try await live.call(Pages.restoreVersion, actingUser: "u1") {
        $0.pageId = "p"
        $0.version = 1
        $0.expectedVersion = 2
      }
      #expect(restored.change?.page?.version == 3)
      #expect(restored.change?.page?.title == "old")
      #expect(restored.change?.page?.author == "u1")
      #expect(restored.change?.page?.sections == first.page?.sections)
      let again = try await live.call(Pages.restoreVersion) {
        $0.pageId = "p"
        $0.version = 1
        $0.expectedVersion = 2
      }
      #expect(again.change?.replayed == true)
      #expect(again.change?.page == restored.change?.page)
      let stale = try await live.failure(Pages.restoreVersion) {
        $0.pageId = "p"
        $0.version = 2
        $0.expectedVersion = 1
      }
      #expect(stale?.reason == "VERSION_CONFLICT")
      #expect(stale?.details["changed_sections"] == "")
      let missing = try await live.reason(Pages.restoreVersion) {
        $0.pageId = "p"
        $0.version = 9
        $0.expectedVersion = 1
      }
      #expect(missing == "VERSION_NOT_FOUND")
    }
  }

  // MARK: publication

  @Test("a published version is shown as it was, whatever is saved after") func publish() async throws {
    try await LiveServer.run { live in
      let first = try await live.makePage("p", [section("a", "1")])
      #expect(
        try await live.reason(Pages.getPage) {
          $0.pageId = "p"
          $0.published = true
        } == "PAGE_NOT_FOUND")
      let published = try await live.call(Pages.publish) { $0.pageId = "p" }
      #expect(published.change?.page?.publishedVersion == 1)
      #expect(published.change?.page?.version == 1)
      #expect(published.change?.replayed == false)
      #expect(try await live.call(Pages.publish) { $0.pageId = "p" }.change?.replayed == true)
      try await live.save("p", from: 1, [section("a", "2")])
      var shown = try await live.page("p", published: true)
      #expect(shown.sections == first.page?.sections)
      #expect(shown.version == 1 && shown.currentVersion == 2 && shown.publishedVersion == 1)
      #expect(try await live.page("p").sections.map(\.content) == ["2"])
      _ = try await live.call(Pages.publish) {
        $0.pageId = "p"
        $0.version = 2
      }
      shown = try await live.page("p", published: true)
      #expect(shown.sections.map(\.content) == ["2"])
      let missing = try await live.reason(Pages.publish) {
        $0.pageId = "p"
        $0.version = 3
      }
      #expect(missing == "VERSION_NOT_FOUND")
      let hidden = try await live.call(Pages.unpublish) { $0.pageId = "p" }
      #expect(hidden.change?.page?.publishedVersion == 0)
      #expect(try await live.call(Pages.unpublish) { $0.pageId = "p" }.change?.replayed == true)
      #expect(
        try await live.reason(Pages.getPage) {
          $0.pageId = "p"
          $0.published = true
        } == "PAGE_NOT_FOUND")
    }
  }

  // MARK: copies

  @Test("a copy has the current content, the same section ids and a version of its own")
  func duplicate() async throws {
    try await LiveServer.run { live in
      try await live.makeMedia("m")
      try await live.makePage("p", title: "one", [section("a", "1")])
      let saved = try await live.save("p", from: 1, title: "one", [section("a", "2", second: "m")])
      let copy = try await live.call(Pages.duplicatePage, actingUser: "u1") {
        $0.pageId = "p"
        $0.newPageId = "q"
      }
      #expect(copy.change?.page?.pageId == "q")
      #expect(copy.change?.page?.version == 1)
      #expect(copy.change?.page?.title == "one")
      #expect(copy.change?.page?.author == "u1")
      #expect(copy.change?.page?.sections == saved.page?.sections)
      // A retry replays even when the original has moved on.
      try await live.save("p", from: 2, title: "two", [section("z", "3")])
      let again = try await live.call(Pages.duplicatePage) {
        $0.pageId = "p"
        $0.newPageId = "q"
      }
      #expect(again.change?.replayed == true)
      #expect(again.change?.page == copy.change?.page)
      let other = try await live.failure(Pages.duplicatePage) {
        $0.pageId = "p"
        $0.newPageId = "q"
        $0.title = "another"
      }
      #expect(other?.reason == "IDEMPOTENCY_MISMATCH")
      #expect(other?.details["page_id"] == "q")
      let titled = try await live.call(Pages.duplicatePage) {
        $0.pageId = "p"
        $0.title = "third"
      }
      #expect(titled.change?.page?.title == "third")
      #expect(titled.change?.page?.pageId.hasPrefix("page-") == true)
      // Of two users' pages neither is in the other's way.
      try await live.makePage("theirs", user: "u2", title: "two", [section("z", "3")])
      let foreign = try await live.reason(Pages.duplicatePage) {
        $0.pageId = "p"
        $0.newPageId = "theirs"
      }
      #expect(foreign == "IDEMPOTENCY_MISMATCH")
    }
  }

  // MARK: deletion

  @Test("a deleted page is hidden everywhere until it is brought back") func deletion() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a", "1")])
      let before = try await live.page("p")
      let deleted = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      #expect(deleted.change?.page?.deletedAtMicros ?? 0 > 0)
      #expect(deleted.change?.replayed == false)
      let again = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      #expect(again.change?.replayed == true)
      #expect(again.change?.page == deleted.change?.page)
      try await hidden(live, "p")
      let shown = try await live.call(Pages.getPage) {
        $0.pageId = "p"
        $0.includeDeleted = true
      }
      #expect(shown.page == deleted.change?.page)
      // Its id is taken all the same.
      #expect(try await live.makePage("p", [section("a", "1")]).replayed)
      let back = try await live.call(Pages.undeletePage) { $0.pageId = "p" }
      #expect(back.change?.page == before)
      #expect(try await live.call(Pages.undeletePage) { $0.pageId = "p" }.change?.replayed == true)
      #expect(try await live.page("p") == before)
    }
  }

  private func hidden(_ live: LiveServer, _ pageId: String) async throws {
    #expect(try await live.reason(Pages.getPage) { $0.pageId = pageId } == "PAGE_NOT_FOUND")
    #expect(try await live.reason(Pages.listVersions) { $0.pageId = pageId } == "PAGE_NOT_FOUND")
    #expect(try await live.reason(Pages.publish) { $0.pageId = pageId } == "PAGE_NOT_FOUND")
    #expect(try await live.reason(Pages.unpublish) { $0.pageId = pageId } == "PAGE_NOT_FOUND")
    #expect(try await live.reason(Pages.duplicatePage) { $0.pageId = pageId } == "PAGE_NOT_FOUND")
    let reasons = [
      try await live.reason(Pages.getVersion) {
        $0.pageId = pageId
        $0.version = 1
      },
      try await live.reason(Pages.savePage) {
        $0.pageId = pageId
        $0.expectedVersion = 1
      },
      try await live.reason(Pages.patchPage) {
        $0.pageId = pageId
        $0.expectedVersion = 1
        $0.patches = [.remove("a")]
      },
      try await live.reason(Pages.restoreVersion) {
        $0.pageId = pageId
        $0.expectedVersion = 1
        $0.version = 1
      },
    ]
    #expect(reasons == [String](repeating: "PAGE_NOT_FOUND", count: 4))
    #expect(try await live.call(Pages.listPages) { $0.userId = "u1" }.pages.isEmpty)
  }

  @Test("a purge takes a deleted page with all its versions, and only a deleted one") func purge()
    async throws
  {
    try await LiveServer.run { live in
      try await live.makeMedia("m")
      try await live.makePage("p", [section("a", "1", first: "m")])
      try await live.save("p", from: 1, [section("a", "2", first: "m")])
      #expect(try await live.reason(Pages.purgePage) { $0.pageId = "p" } == "PAGE_NOT_FOUND")
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      let foreign = try await live.reason(Pages.purgePage, actingUser: "u2") { $0.pageId = "p" }
      #expect(foreign == "PAGE_NOT_FOUND")
      let purged = try await live.call(Pages.purgePage) { $0.pageId = "p" }
      #expect(purged.versions == 2)
      #expect(purged.commitSequence == 5)
      #expect(try await live.reason(Pages.purgePage) { $0.pageId = "p" } == "PAGE_NOT_FOUND")
      #expect(try await live.reason(Pages.undeletePage) { $0.pageId = "p" } == "PAGE_NOT_FOUND")
      let gone = try await live.reason(Pages.getPage) {
        $0.pageId = "p"
        $0.includeDeleted = true
      }
      #expect(gone == "PAGE_NOT_FOUND")
      // The medium is free, and the id may stand for something new.
      #expect(try await live.call(Pages.deleteMedia) { $0.mediaId = "m" }.detachedPageIds.isEmpty)
      let anew = try await live.makePage("p", [section("b", "3")])
      #expect(!anew.replayed)
      #expect(try await live.page("p").sections.map(\.sectionId) == ["b"])
    }
  }

  // MARK: lists

  @Test("a user's pages are listed newest first, without sections, stable under writes")
  func list() async throws {
    try await LiveServer.run { live in
      for number in 1...7 { try await live.makePage("p\(number)", [section("a", "\(number)")]) }
      try await live.makePage("theirs", user: "u2")
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p4" }
      let first = try await live.call(Pages.listPages) {
        $0.userId = "u1"
        $0.limit = 3
      }
      #expect(first.pages.map(\.pageId) == ["p7", "p6", "p5"])
      #expect(first.pages.allSatisfy { $0.sections.isEmpty && $0.sectionCount == 1 && $0.title == "Title" })
      try await live.makePage("p8")
      let second = try await live.call(Pages.listPages) {
        $0.userId = "u1"
        $0.limit = 3
        $0.cursor = first.nextCursor
      }
      #expect(second.pages.map(\.pageId) == ["p3", "p2", "p1"])
      #expect(second.nextCursor.isEmpty)
      let all = try await live.call(Pages.listPages) {
        $0.userId = "u1"
        $0.includeDeleted = true
      }
      #expect(all.pages.map(\.pageId) == ["p8", "p7", "p6", "p5", "p4", "p3", "p2", "p1"])
      #expect(all.pages[4].deletedAtMicros > 0)
      #expect(try await live.call(Pages.listPages) { $0.userId = "nobody" }.pages.isEmpty)
      let foreign = try await live.reason(Pages.listPages) {
        $0.userId = "u2"
        $0.cursor = first.nextCursor
      }
      #expect(foreign == "INVALID_CURSOR")
    }
  }
}
