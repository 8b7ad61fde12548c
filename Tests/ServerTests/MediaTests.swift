// Media over a real socket: registering, use in sections, and what deletion does to pages.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Media") struct MediaTests {
  @Test("media are registered once, read and listed by source, newest first") func register() async throws {
    try await LiveServer.run { live in
      let made = try await live.makeMedia("m1", source: .upload)
      let media = try #require(made.media)
      #expect(media.mediaId == "m1" && media.userId == "u1" && media.source == .upload)
      #expect(media.width == 640 && media.height == 480 && media.byteCount == 12_345)
      #expect(media.mimeType == "image/webp")
      #expect(made.commitSequence == 1)
      let again = try await live.makeMedia("m1", source: .upload)
      #expect(again.replayed)
      #expect(again.media == media)
      let other = try await live.failure(Pages.createMedia) {
        $0.userId = "u1"
        $0.mediaId = "m1"
        $0.url = "https://example.com/other"
        $0.source = .upload
      }
      #expect(other?.reason == "IDEMPOTENCY_MISMATCH")
      #expect(other?.details["media_id"] == "m1")
      let read = try await live.call(Pages.getMedia) { $0.mediaId = "m1" }
      #expect(read.media == media)
      #expect(read.commitSequence == 1)
      for number in 2...5 {
        try await live.makeMedia("m\(number)", source: number % 2 == 0 ? .generated : .upload)
      }
      try await live.makeMedia("theirs", user: "u2")
      let page = try await live.call(Pages.listMedia) {
        $0.userId = "u1"
        $0.limit = 2
      }
      #expect(page.media.map(\.mediaId) == ["m5", "m4"])
      let rest = try await live.call(Pages.listMedia) {
        $0.userId = "u1"
        $0.limit = 4
        $0.cursor = page.nextCursor
      }
      #expect(rest.media.map(\.mediaId) == ["m3", "m2", "m1"])
      #expect(rest.nextCursor.isEmpty)
      let uploads = try await live.call(Pages.listMedia) {
        $0.userId = "u1"
        $0.source = .upload
      }
      #expect(uploads.media.map(\.mediaId) == ["m5", "m3", "m1"])
      #expect(try await live.reason(Pages.getMedia) { $0.mediaId = "none" } == "MEDIA_NOT_FOUND")
      let made2 = try await live.call(Pages.createMedia) {
        $0.userId = "u1"
        $0.url = "u"
        $0.source = .generated
        $0.runId = "run-1"
      }
      #expect(made2.media?.mediaId.hasPrefix("media-") == true)
      #expect(made2.media?.runId == "run-1")
    }
  }

  @Test("sections show only live media of the page's own user") func ownMedia() async throws {
    try await LiveServer.run { live in
      try await live.makeMedia("mine")
      try await live.makeMedia("theirs", user: "u2")
      try await live.makeMedia("gone")
      _ = try await live.call(Pages.deleteMedia) { $0.mediaId = "gone" }
      try await live.makePage("p", [section("a")])
      for id in ["theirs", "gone", "none"] {
        let made = try await live.failure(Pages.createPage) {
          $0.userId = "u1"
          $0.pageId = "q"
          $0.sections = [section("a", first: "mine", second: id)]
        }
        #expect(made?.reason == "MEDIA_NOT_FOUND")
        #expect(made?.details["media_id"] == id)
        let saved = try await live.failure(Pages.savePage) {
          $0.pageId = "p"
          $0.expectedVersion = 1
          $0.title = "Title"
          $0.sections = [section("a", first: id)]
        }
        #expect(saved?.reason == "MEDIA_NOT_FOUND")
        let patched = try await live.reason(Pages.patchPage) {
          $0.pageId = "p"
          $0.expectedVersion = 1
          $0.patches = [.update(section("a", second: id))]
        }
        #expect(patched == "MEDIA_NOT_FOUND")
        // What is named must exist before versions are compared.
        let stale = try await live.reason(Pages.savePage) {
          $0.pageId = "p"
          $0.expectedVersion = 7
          $0.sections = [section("a", first: id)]
        }
        #expect(stale == "MEDIA_NOT_FOUND")
      }
      #expect(try await live.reason(Pages.getPage) { $0.pageId = "q" } == "PAGE_NOT_FOUND")
      #expect(try await live.page("p").version == 1)
    }
  }

  @Test("media in use stay, or are taken out of each page by a new version") func inUse() async throws {
    try await LiveServer.run { live in
      try await live.makeMedia("m")
      try await live.makeMedia("n")
      try await live.makePage("p1", [section("a", first: "m", second: "n")])
      try await live.makePage("p2", [section("a"), section("b", second: "m"), section("c", first: "m")])
      try await live.makePage("p3", [section("a", first: "n")])
      try await live.makePage("p4", [section("a", first: "m")])
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p4" }
      _ = try await live.call(Pages.publish) { $0.pageId = "p1" }
      let published = try await live.page("p1", published: true)
      #expect(published.sections.map(\.firstImage?.mediaId) == ["m"])

      let refused = try await live.failure(Pages.deleteMedia) { $0.mediaId = "m" }
      #expect(refused?.code == .failedPrecondition)
      #expect(refused?.reason == "MEDIA_IN_USE")
      #expect(refused?.details["page_ids"] == "p1\np2\np4")
      #expect(refused?.details["commit_sequence"] == "8")
      let deleted = try await live.call(Pages.deleteMedia) {
        $0.mediaId = "m"
        $0.detach = true
        $0.author = "cleaner"
      }
      #expect(deleted.detachedPageIds == ["p1", "p2", "p4"])
      #expect(deleted.commitSequence == 9)
      #expect(!deleted.replayed)
      #expect(try await live.call(Pages.deleteMedia) { $0.mediaId = "m" }.replayed)
      #expect(try await live.reason(Pages.getMedia) { $0.mediaId = "m" } == "MEDIA_NOT_FOUND")
      #expect(try await live.call(Pages.listMedia) { $0.userId = "u1" }.media.map(\.mediaId) == ["n"])

      let first = try await live.page("p1")
      #expect(first.version == 2)
      #expect(first.author == "cleaner")
      #expect(first.sections.map(\.firstImage) == [nil])
      #expect(first.sections.map(\.secondImage?.mediaId) == ["n"])
      let second = try await live.page("p2")
      #expect(second.version == 2)
      #expect(second.sections.allSatisfy { $0.firstImage == nil && $0.secondImage == nil })
      #expect(try await live.page("p3").version == 1)
      // What is published stays the version it was, without the image; nobody finds it in a cache.
      let shown = try await live.page("p1", published: true)
      #expect(shown.version == 1)
      #expect(shown.sections.map(\.firstImage) == [nil])
      // And an earlier version can be restored, but for what is gone.
      let restored = try await live.call(Pages.restoreVersion) {
        $0.pageId = "p2"
        $0.version = 1
        $0.expectedVersion = 2
      }
      #expect(restored.change?.replayed == true)
      _ = try await live.call(Pages.undeletePage) { $0.pageId = "p4" }
      #expect(try await live.page("p4").version == 2)
    }
  }

  @Test("a page that a retry makes anew replays although its media are gone since") func retryAfterDetach()
    async throws
  {
    try await LiveServer.run { live in
      try await live.makeMedia("m")
      try await live.makePage("p", [section("a", first: "m")])
      _ = try await live.call(Pages.deleteMedia) {
        $0.mediaId = "m"
        $0.detach = true
      }
      #expect(try await live.makePage("p", [section("a", first: "m")]).replayed)
    }
  }
}
