// Who may touch which pages and media, quotas, and the order in which a call is refused.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Pages of whom") struct PageIdentityTests {
  private typealias Call = @Sendable (LiveServer, String) async throws -> String?

  /// Every method that names a page or media by id, as it goes wrong for a foreigner.
  private static let named: [(method: String, reason: String, call: Call)] = [
    ("GetPage", "PAGE_NOT_FOUND", { live, who in try await live.reason(Pages.getPage, actingUser: who, id) }),
    (
      "SavePage", "PAGE_NOT_FOUND",
      { live, who in
        try await live.reason(Pages.savePage, actingUser: who) {
          $0.pageId = "p"
          $0.expectedVersion = 1
          $0.title = "Title"
          $0.sections = [section("a", first: "m")]
        }
      }
    ),
    (
      "PatchPage", "PAGE_NOT_FOUND",
      { live, who in
        try await live.reason(Pages.patchPage, actingUser: who) {
          $0.pageId = "p"
          $0.expectedVersion = 1
          $0.patches = [.move("a", to: 0)]
        }
      }
    ),
    (
      "ListVersions", "PAGE_NOT_FOUND",
      { live, who in try await live.reason(Pages.listVersions, actingUser: who) { $0.pageId = "p" } }
    ),
    (
      "GetVersion", "PAGE_NOT_FOUND",
      { live, who in
        try await live.reason(Pages.getVersion, actingUser: who) {
          $0.pageId = "p"
          $0.version = 1
        }
      }
    ),
    (
      "RestoreVersion", "PAGE_NOT_FOUND",
      { live, who in
        try await live.reason(Pages.restoreVersion, actingUser: who) {
          $0.pageId = "p"
          $0.version = 1
          $0.expectedVersion = 1
        }
      }
    ),
    (
      "Publish", "PAGE_NOT_FOUND",
      { live, who in try await live.reason(Pages.publish, actingUser: who) { $0.pageId = "p" } }
    ),
    (
      "Unpublish", "PAGE_NOT_FOUND",
      { live, who in try await live.reason(Pages.unpublish, actingUser: who) { $0.pageId = "p" } }
    ),
    (
      "DuplicatePage", "PAGE_NOT_FOUND",
      { live, who in try await live.reason(Pages.duplicatePage, actingUser: who) { $0.pageId = "p" } }
    ),
    (
      "DeletePage", "PAGE_NOT_FOUND",
      { live, who in try await live.reason(Pages.deletePage, actingUser: who) { $0.pageId = "p" } }
    ),
    (
      "UndeletePage", "PAGE_NOT_FOUND",
      { live, who in try await live.reason(Pages.undeletePage, actingUser: who) { $0.pageId = "p" } }
    ),
    (
      "GetMedia", "MEDIA_NOT_FOUND",
      { live, who in try await live.reason(Pages.getMedia, actingUser: who) { $0.mediaId = "m" } }
    ),
    (
      "DeleteMedia", "MEDIA_NOT_FOUND",
      { live, who in
        try await live.reason(Pages.deleteMedia, actingUser: who) {
          $0.mediaId = "m"
          $0.detach = true
        }
      }
    ),
  ]

  private static func id(_ request: inout TallystickV1.GetPageRequest) { request.pageId = "p" }

  @Test("what another user owns is not found; one's own is") func byId() async throws {
    try await LiveServer.run { live in
      try await live.makeMedia("m")
      try await live.makePage("p", [section("a", first: "m")])
      // Once from the database and once from the cache.
      for round in 0..<2 {
        for (method, reason, call) in Self.named {
          #expect(try await call(live, "u2") == reason, "\(method), round \(round)")
        }
        #expect(try await live.page("p").version == 1)
      }
      for (method, _, call) in Self.named { #expect(try await call(live, "u1") == nil, "\(method)") }
      let purge = try await live.reason(Pages.purgePage, actingUser: "u2") { $0.pageId = "p" }
      #expect(purge == "PAGE_NOT_FOUND")
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      #expect(
        try await live.reason(Pages.purgePage, actingUser: "u2") { $0.pageId = "p" } == "PAGE_NOT_FOUND")
      #expect(
        try await live.reason(Pages.getPage, actingUser: "u2") {
          $0.pageId = "p"
          $0.includeDeleted = true
        } == "PAGE_NOT_FOUND")
      #expect(try await live.reason(Pages.purgePage, actingUser: "u1") { $0.pageId = "p" } == nil)
    }
  }

  @Test("a foreign user id is refused", arguments: ["u1", "u2"]) func byUser(acting: String) async throws {
    try await LiveServer.run { live in
      let expected = acting == "u1" ? nil : "ACTING_USER"
      #expect(try await live.reason(Pages.createPage, actingUser: acting) { $0.userId = "u1" } == expected)
      #expect(try await live.reason(Pages.listPages, actingUser: acting) { $0.userId = "u1" } == expected)
      #expect(try await live.reason(Pages.listMedia, actingUser: acting) { $0.userId = "u1" } == expected)
      let media = try await live.reason(Pages.createMedia, actingUser: acting) {
        $0.userId = "u1"
        $0.url = "u"
        $0.source = .upload
      }
      #expect(media == expected)
    }
  }

  // MARK: quotas

  @Test("pages over the plan's limit are refused; deleted ones do not count") func pageQuota() async throws {
    try await LiveServer.run { live in
      try await limit(live) { $0.pageCount = 2 }
      try await live.makePage("p1")
      try await live.makePage("p2")
      let refused = try await live.failure(Pages.createPage) {
        $0.userId = "u1"
        $0.pageId = "p3"
      }
      #expect(refused?.code == .resourceExhausted)
      #expect(refused?.reason == "QUOTA_EXCEEDED")
      #expect(refused?.details["quota"] == "PAGES")
      #expect(refused?.details["limit"] == "2")
      #expect(refused?.details["used"] == "2")
      #expect(try await live.reason(Pages.duplicatePage) { $0.pageId = "p1" } == "QUOTA_EXCEEDED")
      // A retry is no new page, and another content under the same id no page at all.
      #expect(try await live.makePage("p2").replayed)
      let mismatch = try await live.reason(Pages.createPage) {
        $0.userId = "u1"
        $0.pageId = "p2"
        $0.title = "other"
      }
      #expect(mismatch == "IDEMPOTENCY_MISMATCH")
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p1" }
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p1" }
      try await live.makePage("p3")
      #expect(try await live.reason(Pages.undeletePage) { $0.pageId = "p1" } == "QUOTA_EXCEEDED")
      #expect(try await live.reason(Pages.undeletePage) { $0.pageId = "p2" } == nil)
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p2" }
      _ = try await live.call(Pages.purgePage) { $0.pageId = "p2" }
      #expect(try await live.reason(Pages.undeletePage) { $0.pageId = "p1" } == nil)
      #expect(try await live.reason(Pages.createPage) { $0.userId = "u1" } == "QUOTA_EXCEEDED")
    }
  }

  @Test("uploads over the plan's limit are refused and not given back; generated media do not count")
  func uploadQuota() async throws {
    try await LiveServer.run { live in
      try await limit(live) { $0.monthlyUploads = 1 }
      try await live.makeMedia("m1", source: .upload)
      try await live.makeMedia("g1")
      let refused = try await live.failure(Pages.createMedia) {
        $0.userId = "u1"
        $0.mediaId = "m2"
        $0.url = "u"
        $0.source = .upload
      }
      #expect(refused?.reason == "QUOTA_EXCEEDED")
      #expect(refused?.details["quota"] == "UPLOADS")
      #expect(refused?.details["used"] == "1")
      #expect(try await live.makeMedia("m1", source: .upload).replayed)
      _ = try await live.call(Pages.deleteMedia) { $0.mediaId = "m1" }
      let again = try await live.reason(Pages.createMedia) {
        $0.userId = "u1"
        $0.url = "u"
        $0.source = .upload
      }
      #expect(again == "QUOTA_EXCEEDED")
    }
  }

  private func limit(
    _ live: LiveServer, _ fill: (inout TallystickV1.PlanLimits) -> Void
  ) async throws {
    _ = try await live.call(TallystickV1.UsageService.putPlan) {
      var plan = TallystickV1.Plan()
      plan.planId = "small"
      plan.monthlyCreditMicros = 1
      plan.grantExpiry = .never
      var limits = TallystickV1.PlanLimits()
      fill(&limits)
      plan.limits = limits
      $0.plan = plan
    }
    _ = try await live.putSettings("u1") { $0.planId = "small" }
  }

  // MARK: order of checks

  @Test("fields, acting user, existence, replay, version and quota, in this order") func order() async throws
  {
    try await LiveServer.run { live in
      try await limit(live) { $0.pageCount = 1 }
      try await live.makeMedia("m")
      try await live.makePage("p", [section("a", "1")])
      func create(_ acting: String, _ title: String, _ pageId: String, _ media: String) async throws
        -> String?
      {
        try await live.reason(Pages.createPage, actingUser: acting) {
          $0.userId = "u1"
          $0.pageId = pageId
          $0.title = title
          $0.sections = [section("a", "1", first: media)]
        }
      }
      let long = String(repeating: "x", count: Limits.titleByteCount + 1)
      #expect(try await create("u2", long, "p", "none") == "INVALID_FIELD")
      #expect(try await create("u2", "x", "p", "none") == "ACTING_USER")
      #expect(try await create("u1", "x", "p", "none") == "MEDIA_NOT_FOUND")
      #expect(try await create("u1", "x", "p", "m") == "IDEMPOTENCY_MISMATCH")
      #expect(try await create("u1", "x", "q", "m") == "QUOTA_EXCEEDED")
      try await live.save("p", from: 1, [section("a", "2")])
      func save(_ pageId: String, _ ids: [String], _ media: String, _ content: String) async throws
        -> String?
      {
        try await live.reason(Pages.savePage) {
          $0.pageId = pageId
          $0.expectedVersion = 1
          $0.title = "Title"
          $0.sections = ids.map { section($0, content, first: media) }
        }
      }
      #expect(try await save("none", ["a", "a"], "none", "3") == "DUPLICATE_SECTION")
      #expect(try await save("none", ["a"], "none", "3") == "PAGE_NOT_FOUND")
      #expect(try await save("p", ["a"], "none", "3") == "MEDIA_NOT_FOUND")
      #expect(try await save("p", ["a"], "", "2") == nil)
      #expect(try await save("p", ["a"], "m", "2") == "VERSION_CONFLICT")
    }
  }
}
