// Slugs of pages, over a real socket.

import TTRPC
import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Slugs of pages") struct PageSlugTests {
  private func set(_ live: LiveServer, _ pageId: String, _ slug: String) async throws
    -> TallystickV1.PageChange
  {
    let response = try await live.call(Pages.setPageSlug) {
      $0.pageId = pageId
      $0.slug = slug
    }
    return try #require(response.change)
  }

  private func find(
    _ live: LiveServer, _ slug: String, user: String = "u1", published: Bool = false
  ) async throws -> TallystickV1.Page? {
    let response = try await live.call(Pages.getPageBySlug, actingUser: user) {
      $0.userId = user
      $0.slug = slug
      $0.published = published
    }
    return response.page
  }

  private func reason(_ live: LiveServer, find slug: String, published: Bool = false) async throws -> String?
  {
    try await live.reason(Pages.getPageBySlug) {
      $0.userId = "u1"
      $0.slug = slug
      $0.published = published
    }
  }

  @Test("a page is found by its slug, as it is now or as it is published, and the slug makes no version")
  func found() async throws {
    try await LiveServer.run { live in
      let made = try await live.call(Pages.createPage) {
        $0.userId = "u1"
        $0.pageId = "p"
        $0.slug = "about/team-2"
        $0.sections = [section("a", "1")]
      }
      #expect(made.change?.page?.slug == "about/team-2")
      #expect(try await find(live, "about/team-2") == made.change?.page)
      #expect(try await reason(live, find: "about/team-2", published: true) == "PAGE_NOT_FOUND")
      _ = try await live.call(Pages.publish) { $0.pageId = "p" }
      try await live.save("p", from: 1, [section("a", "2")])
      #expect(try await find(live, "about/team-2", published: true)?.sections.first?.content == "1")
      #expect(try await find(live, "about/team-2")?.sections.first?.content == "2")
      // What GetPage keeps is forgotten with the slug.
      #expect(try await live.page("p").slug == "about/team-2")
      let moved = try await set(live, "p", "team")
      #expect(moved.page?.slug == "team" && moved.page?.version == 2 && !moved.replayed)
      #expect(try await live.page("p").slug == "team")
      #expect(try await set(live, "p", "team").replayed)
      #expect(try await reason(live, find: "about/team-2") == "PAGE_NOT_FOUND")
      #expect(try await set(live, "p", "").page?.slug.isEmpty == true)
      #expect(try await reason(live, find: "team") == "PAGE_NOT_FOUND")
    }
  }

  @Test("a slug is of one page of a user, deleted ones too, and free again when it is given up or purged")
  func unique() async throws {
    try await LiveServer.run { live in
      for page in ["p", "q"] { try await live.makePage(page) }
      try await live.makePage("r", user: "u2")
      _ = try await set(live, "p", "team")
      let taken = try await live.failure(Pages.setPageSlug) {
        $0.pageId = "q"
        $0.slug = "team"
      }
      #expect(taken?.reason == "SLUG_TAKEN" && taken?.code == .alreadyExists)
      #expect(taken?.details["page_id"] == "p")
      #expect(
        try await live.reason(Pages.createPage) {
          $0.userId = "u1"
          $0.pageId = "new"
          $0.slug = "team"
        } == "SLUG_TAKEN")
      // Another user's is another.
      _ = try await set(live, "r", "team")
      #expect(try await find(live, "team", user: "u2")?.pageId == "r")
      // A copy has none.
      let copy = try await live.call(Pages.duplicatePage) {
        $0.pageId = "p"
        $0.newPageId = "copy"
      }
      #expect(copy.change?.page?.slug.isEmpty == true)
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      #expect(try await reason(live, find: "team") == "PAGE_NOT_FOUND")
      #expect(
        try await live.reason(Pages.setPageSlug) {
          $0.pageId = "q"
          $0.slug = "team"
        } == "SLUG_TAKEN")
      let back = try await live.call(Pages.undeletePage) { $0.pageId = "p" }
      #expect(back.change?.page?.slug == "team")
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      _ = try await live.call(Pages.purgePage) { $0.pageId = "p" }
      #expect(try await set(live, "q", "team").page?.slug == "team")
    }
  }

  @Test("a retried CreatePage replays whatever became of the slug")
  func retried() async throws {
    try await LiveServer.run { live in
      let create: (inout TallystickV1.CreatePageRequest) -> Void = {
        $0.userId = "u1"
        $0.pageId = "p"
        $0.slug = "old"
      }
      _ = try await live.call(Pages.createPage, create)
      _ = try await set(live, "p", "new")
      let again = try await live.call(Pages.createPage, create)
      #expect(again.change?.replayed == true && again.change?.page?.slug == "new")
    }
  }

  @Test(
    "what is no slug is refused, with the limit of its length",
    arguments: [
      "A", "a b", "\u{e9}", "/a", "a/", "a//b", "-a", "a-", "a/-b", "a_b", ".",
      String(repeating: "a", count: 256),
    ])
  func refused(slug: String) async throws {
    try await LiveServer.run { live in
      try await live.makePage("p")
      let failed = try await live.failure(Pages.setPageSlug) {
        $0.pageId = "p"
        $0.slug = slug
      }
      #expect(failed?.reason == "INVALID_FIELD" && failed?.details["field"] == "slug")
      if slug.utf8.count > 255 { #expect(failed?.details["limit"] == "255") }
      #expect(try await reason(live, find: slug) == "INVALID_FIELD")
    }
  }

  @Test("a slug of 255 bytes is taken by every call that names one")
  func longest() async throws {
    try await LiveServer.run { live in
      let longest = String(repeating: "a", count: PageLimits.slugByteCount)
      try await live.makePage("p")
      let slug = Border<TallystickV1.SetPageSlugRequest>(
        field: "slug", limit: Int64(longest.utf8.count), taken: [{ $0.slug = longest }],
        beyond: { $0.slug = longest + "a" })
      try await live.expect([slug], of: Pages.setPageSlug) { $0.pageId = "p" }
      #expect(try await find(live, longest)?.pageId == "p")
      let created = Border<TallystickV1.CreatePageRequest>(
        field: "slug", limit: Int64(longest.utf8.count), taken: [{ $0.slug = longest }],
        beyond: { $0.slug = longest + "a" })
      try await live.expect([created], of: Pages.createPage) { $0.userId = "u2" }
      try await live.expect(
        [.required("user_id", Limits.userIdByteCount) { $0.userId = $1 }], of: Pages.getPageBySlug,
        takenWith: "PAGE_NOT_FOUND"
      ) { $0.slug = "team" }
      let none = try await live.failure(Pages.getPageBySlug) { $0.userId = "u1" }
      #expect(none?.reason == "INVALID_FIELD" && none?.details["field"] == "slug")
    }
  }

  @Test("another user's slugs are not found, given or told of")
  func others() async throws {
    try await LiveServer.run { live in
      for page in ["p", "q"] { try await live.makePage(page) }
      _ = try await set(live, "p", "team")
      let asked = try await live.reason(Pages.getPageBySlug, actingUser: "u2") {
        ($0.userId, $0.slug) = ("u1", "team")
      }
      #expect(asked == "ACTING_USER")
      let given = try await live.reason(Pages.setPageSlug, actingUser: "u2") {
        ($0.pageId, $0.slug) = ("q", "team")
      }
      #expect(given == "PAGE_NOT_FOUND")
      let own = try await live.failure(Pages.setPageSlug, actingUser: "u1") {
        ($0.pageId, $0.slug) = ("q", "team")
      }
      #expect(own?.reason == "SLUG_TAKEN" && own?.details["slug"] == "team")
      _ = try await live.call(Pages.deletePage) { $0.pageId = "q" }
      let deleted = try await live.reason(Pages.setPageSlug) { ($0.pageId, $0.slug) = ("q", "free") }
      #expect(deleted == "PAGE_NOT_FOUND")
    }
  }
}
