// Fields of PageService at their limits and beyond them, and replies that have to fit.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Limits of pages") struct PageLimitTests {
  /// One byte, so often.
  private func text(_ count: Int) -> String { String(repeating: "x", count: count) }

  @Test("fields of CreatePage at their limits are taken, one byte more is not") func createFields()
    async throws
  {
    typealias Fill = (inout TallystickV1.CreatePageRequest, Int) -> Void
    let cases: [(field: String, limit: Int, fill: Fill)] = [
      ("user_id", Limits.userIdByteCount, { $0.userId = text($1) }),
      ("page_id", Limits.pageIdByteCount, { $0.pageId = text($1) }),
      ("title", Limits.titleByteCount, { $0.title = text($1) }),
      ("settings", Limits.pageSettingsByteCount, { $0.settings = text($1) }),
      ("author", Limits.actorByteCount, { $0.author = text($1) }),
      ("sections", PageLimits.sectionCount, { $0.sections = (0..<$1).map { section("s\($0)") } }),
      ("sections[0].section_id", Limits.sectionIdByteCount, { $0.sections = [section(text($1))] }),
      ("sections[0].kind", Limits.sectionKindByteCount, { $0.sections = [section("", kind: text($1))] }),
      ("sections[0].content", PageLimits.contentByteCount, { $0.sections = [section("", text($1))] }),
    ]
    try await LiveServer.run { live in
      for (field, limit, fill) in cases {
        let request: (inout TallystickV1.CreatePageRequest) -> Void = { $0.userId = "u1" }
        let at = try await live.failure(Pages.createPage) {
          request(&$0)
          fill(&$0, limit)
        }
        #expect(at == nil, "\(field)")
        let beyond = try await live.failure(Pages.createPage) {
          request(&$0)
          fill(&$0, limit + 1)
        }
        #expect(beyond?.reason == "INVALID_FIELD")
        #expect(beyond?.details["field"] == field)
        #expect(beyond?.details["limit"] == String(limit))
      }
    }
  }

  @Test("fields that must be there, be whole or fit one line") func malformedFields() async throws {
    try await LiveServer.run { live in
      func field(_ fill: (inout TallystickV1.CreatePageRequest) -> Void) async throws -> String? {
        try await live.failure(Pages.createPage) {
          $0.userId = "u1"
          fill(&$0)
        }?.details["field"]
      }
      #expect(try await field { $0.userId = "" } == "user_id")
      #expect(try await field { $0.pageId = "a\nb" } == "page_id")
      #expect(try await field { $0.sections = [section("a\nb")] } == "sections[0].section_id")
      #expect(try await field { $0.sections = [section("a"), section("b", kind: "")] } == "sections[1].kind")
      let media = text(Limits.mediaIdByteCount + 1)
      #expect(
        try await field { $0.sections = [section("a", first: media)] } == "sections[0].first_media_id")
      #expect(
        try await field { $0.sections = [section("a", second: media)] } == "sections[0].second_media_id")
      for method in [Pages.getPage] {
        #expect(try await live.failure(method) { _ in }?.details["field"] == "page_id")
      }
      #expect(
        try await live.failure(Pages.savePage) { $0.pageId = "p" }?.details["field"] == "expected_version")
      #expect(
        try await live.failure(Pages.patchPage) { $0.pageId = "p" }?.details["field"] == "expected_version")
      let noVersion = try await live.failure(Pages.restoreVersion) { $0.pageId = "p" }
      #expect(noVersion?.details["field"] == "version")
      let negative = try await live.failure(Pages.publish) {
        $0.pageId = "p"
        $0.version = -1
      }
      #expect(negative?.details["field"] == "version")
      #expect(try await live.failure(Pages.getVersion) { $0.pageId = "p" }?.details["field"] == "version")
      let rows = try await live.failure(Pages.listPages) {
        $0.userId = "u1"
        $0.limit = Int32(Limits.pageRowCount) + 1
      }
      #expect(rows?.details["field"] == "limit")
      let twice = try await live.failure(Pages.savePage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
        $0.sections = [section("a"), section(""), section("a"), section("")]
      }
      #expect(twice?.reason == "DUPLICATE_SECTION")
      #expect(twice?.details["section_id"] == "a")
      let other = try await live.failure(Pages.savePage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
        $0.sections = [section("caf\u{e9}"), section("cafe\u{301}")]
      }
      #expect(other?.reason == "PAGE_NOT_FOUND")
    }
  }

  @Test("every call that names a page takes an id of 255 bytes, and no longer one") func pageIds()
    async throws
  {
    try await LiveServer.run { live in
      func expect<Request: Message, Response: Message>(
        _ rpc: RPC<Request, Response>, _ path: WritableKeyPath<Request, String>,
        _ fill: (inout Request) -> Void = { _ in }
      ) async throws {
        try await live.expect(
          [.required("page_id", Limits.pageIdByteCount) { $0[keyPath: path] = $1 }], of: rpc,
          takenWith: "PAGE_NOT_FOUND", fill)
      }
      try await expect(Pages.getPage, \.pageId)
      try await expect(Pages.savePage, \.pageId) { $0.expectedVersion = 1 }
      try await expect(Pages.patchPage, \.pageId) { ($0.expectedVersion, $0.title) = (1, "t") }
      try await expect(Pages.duplicatePage, \.pageId)
      try await expect(Pages.deletePage, \.pageId)
      try await expect(Pages.undeletePage, \.pageId)
      try await expect(Pages.purgePage, \.pageId)
      try await expect(Pages.publish, \.pageId)
      try await expect(Pages.unpublish, \.pageId)
      try await expect(Pages.schedulePublish, \.pageId) { $0.atMicros = 1 }
      try await expect(Pages.cancelScheduledPublish, \.pageId)
      try await expect(Pages.setPageSlug, \.pageId)
      try await expect(Pages.listVersions, \.pageId)
      try await expect(Pages.getVersion, \.pageId) { $0.version = 1 }
      try await expect(Pages.restoreVersion, \.pageId) { ($0.version, $0.expectedVersion) = (1, 1) }
    }
  }

  @Test("who deletes media names them by an id of 255 bytes, and no longer one") func mediaIds() async throws
  {
    try await LiveServer.run { live in
      try await live.expect(
        [
          .required("media_id", Limits.mediaIdByteCount) { $0.mediaId = $1 },
          .text("author", Limits.actorByteCount) { $0.author = $1 },
        ], of: Pages.deleteMedia, takenWith: "MEDIA_NOT_FOUND"
      ) { $0.mediaId = "none" }
      try await live.expect(
        [.required("media_id", Limits.mediaIdByteCount) { $0.mediaId = $1 }], of: Pages.getMedia,
        takenWith: "MEDIA_NOT_FOUND"
      ) { _ in }
    }
  }

  @Test("a page may have a mebibyte in all, however it comes about") func wholePage() async throws {
    try await LiveServer.run { live in
      // Sixteen sections of the largest content are a mebibyte; kinds and title make it more.
      let full = (0..<15).map { section("s\($0)", text(PageLimits.contentByteCount), kind: "k") }
      let rest = PageLimits.contentByteCount - 16 - 5
      let page = try await live.makePage("p", title: "title", full + [section("last", text(rest), kind: "k")])
      #expect(page.page?.sectionCount == 16)
      #expect(try await live.page("p").sections.last?.content.utf8.count == rest)
      let beyond = try await live.failure(Pages.savePage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
        $0.title = "title"
        $0.sections = full + [section("last", text(rest + 1), kind: "k")]
      }
      #expect(beyond?.reason == "INVALID_FIELD")
      #expect(beyond?.details["field"] == "sections")
      #expect(beyond?.details["limit"] == String(PageLimits.pageByteCount))
      let patched = try await live.failure(Pages.patchPage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
        $0.patches = [.add(section("", "", kind: "k"))]
      }
      #expect(patched?.details["field"] == "patches")
      let titled = try await live.failure(Pages.duplicatePage) {
        $0.pageId = "p"
        $0.title = "title+"
      }
      #expect(titled?.details["field"] == "title")
      #expect(try await live.page("p").version == 1)
    }
  }

  @Test("a patch has at most so many operations and makes at most so many sections")
  func patchLimits() async throws {
    try await LiveServer.run { live in
      let most = (0..<PageLimits.sectionCount).map { section("s\($0)") }
      try await live.makePage("p", most)
      let more = try await live.failure(Pages.patchPage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
        $0.patches = [.add(section("more"))]
      }
      #expect(more?.reason == "INVALID_FIELD")
      #expect(more?.details["limit"] == String(PageLimits.sectionCount))
      let moves = (0..<Limits.patchCount).map { TallystickV1.SectionPatch.move("s\($0)", to: 0) }
      #expect(try await live.patch("p", from: 1, moves).change?.page?.sections.first?.sectionId == "s255")
      let none = try await live.failure(Pages.patchPage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
      }
      #expect(none?.details["field"] == "patches")
      let tooMany = try await live.failure(Pages.patchPage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
        $0.patches = moves + [.remove("s1")]
      }
      #expect(tooMany?.reason == "BATCH_TOO_LARGE")
      #expect(tooMany?.details["limit"] == String(Limits.patchCount))
    }
  }

  @Test("fields of CreateMedia at their limits are taken, one byte more is not") func mediaFields()
    async throws
  {
    typealias Fill = (inout TallystickV1.CreateMediaRequest, Int) -> Void
    let cases: [(field: String, limit: Int, fill: Fill)] = [
      ("user_id", Limits.userIdByteCount, { $0.userId = text($1) }),
      ("media_id", Limits.mediaIdByteCount, { $0.mediaId = text($1) }),
      ("url", Limits.urlByteCount, { $0.url = text($1) }),
      ("mime_type", Limits.mimeTypeByteCount, { $0.mimeType = text($1) }),
      ("run_id", Limits.runIdByteCount, { $0.runId = text($1) }),
    ]
    try await LiveServer.run { live in
      let valid: (inout TallystickV1.CreateMediaRequest) -> Void = {
        $0.userId = "u1"
        $0.url = "u"
        $0.source = .upload
      }
      for (field, limit, fill) in cases {
        let at = try await live.failure(Pages.createMedia) {
          valid(&$0)
          fill(&$0, limit)
        }
        #expect(at == nil, "\(field)")
        let beyond = try await live.failure(Pages.createMedia) {
          valid(&$0)
          fill(&$0, limit + 1)
        }
        #expect(beyond?.reason == "INVALID_FIELD")
        #expect(beyond?.details["field"] == field)
        #expect(beyond?.details["limit"] == String(limit))
      }
      let malformed: [(String, (inout TallystickV1.CreateMediaRequest) -> Void)] = [
        ("user_id", { $0.userId = "" }), ("url", { $0.url = "" }), ("width", { $0.width = -1 }),
        ("height", { $0.height = -1 }), ("byte_count", { $0.byteCount = -1 }),
        ("source", { $0.source = .unspecified }), ("source", { $0.source = .unrecognized(7) }),
        ("media_id", { $0.mediaId = "a\nb" }),
      ]
      for (field, fill) in malformed {
        let failed = try await live.failure(Pages.createMedia) {
          valid(&$0)
          fill(&$0)
        }
        #expect(failed?.details["field"] == field)
      }
      let unknown = try await live.failure(Pages.listMedia) {
        $0.userId = "u1"
        $0.source = .unrecognized(7)
      }
      #expect(unknown?.details["field"] == "source")
      #expect(try await live.failure(Pages.getMedia) { _ in }?.details["field"] == "media_id")
      #expect(try await live.failure(Pages.deleteMedia) { _ in }?.details["field"] == "media_id")
    }
  }

  @Test("a page that would not fit into a reply is not made; lists are cut to fit") func replies()
    async throws
  {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 65_536 }) { live in
      try await live.makePage("p", [section("a", text(60_000))])
      for number in 0..<80 {
        try await live.makeMedia("m\(number)", url: text(2_000))
      }
      // Small to send, large to answer: each section shows two images.
      let sections = (0..<40).map { section("s\($0)", first: "m\($0 * 2)", second: "m\($0 * 2 + 1)") }
      let refused = try await live.failure(Pages.createPage) {
        $0.userId = "u1"
        $0.pageId = "q"
        $0.sections = sections
      }
      #expect(refused?.reason == "INVALID_FIELD")
      #expect(refused?.details["field"] == "sections")
      #expect(try await live.reason(Pages.getPage) { $0.pageId = "q" } == "PAGE_NOT_FOUND")
      var seen: [String] = []
      var cursor = ""
      repeat {
        let page = try await live.call(Pages.listMedia) {
          $0.userId = "u1"
          $0.cursor = cursor
        }
        #expect(!page.media.isEmpty)
        seen += page.media.map(\.mediaId)
        cursor = page.nextCursor
      } while !cursor.isEmpty
      #expect(seen == (0..<80).reversed().map { "m\($0)" })
      for number in 0..<4 {
        _ = try await live.call(Pages.createPage) {
          $0.userId = "u2"
          $0.pageId = "big\(number)"
          $0.settings = text(30_000)
        }
      }
      let list = try await live.call(Pages.listPages) { $0.userId = "u2" }
      #expect(list.pages.map(\.pageId) == ["big3", "big2"])
      let next = try await live.call(Pages.listPages) {
        $0.userId = "u2"
        $0.cursor = list.nextCursor
      }
      #expect(next.pages.map(\.pageId) == ["big1", "big0"])
    }
  }

  @Test("media are taken out of so many pages with the call, and of the others after it") func detachLimit()
    async throws
  {
    try await LiveServer.run { live in
      try await live.makeMedia("m")
      for number in 0...PageLimits.detachedPageCount {
        try await live.makePage("p\(number)", [section("a", first: "m")])
      }
      let last = "p\(PageLimits.detachedPageCount)"
      _ = try await live.call(Pages.publish) { $0.pageId = last }
      // So that their replies are kept.
      for published in [false, true] {
        #expect(try await live.page(last, published: published).sections.first?.firstImage?.mediaId == "m")
      }
      let named = try await live.failure(Pages.deleteMedia) { $0.mediaId = "m" }
      #expect(named?.details["page_ids"]?.split(separator: "\n").count == PageLimits.namedIdCount)
      let deleted = try await live.call(Pages.deleteMedia) {
        $0.mediaId = "m"
        $0.detach = true
        $0.author = "cleaner"
      }
      #expect(deleted.detachedPageIds.count == PageLimits.detachedPageCount)
      #expect(deleted.remainingPageCount == 1)
      for published in [false, true] {
        #expect(try await live.page(last, published: published).sections.first?.firstImage == nil)
      }
      for left in [1, 0] {
        let again = try await live.call(Pages.deleteMedia) { $0.mediaId = "m" }
        #expect(again.replayed && again.remainingPageCount == left)
        try live.server.sqliteEngine.sweep()
      }
      let page = try await live.page(last)
      #expect(page.version == 2 && page.author == "cleaner")
    }
  }
}
