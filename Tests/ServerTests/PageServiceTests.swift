// PageService over a real socket: making, saving, patching and restoring pages.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("PageService") struct PageServiceTests {
  // MARK: CreatePage and GetPage

  @Test("a page is made and read with its sections in order and both images of each")
  func makeAndRead() async throws {
    try await LiveServer.run { live in
      let first = try #require(try await live.makeMedia("m1").media)
      let second = try #require(try await live.makeMedia("m2", source: .upload).media)
      #expect(first.url == "https://example.com/m1.webp")
      #expect(first.createdAtMicros > 0)
      let made = try await live.call(Pages.createPage, actingUser: "u1") {
        $0.userId = "u1"
        $0.pageId = "p1"
        $0.title = "Töpfe"
        $0.settings = "{\"theme\": 1}"
        $0.sections = [
          section("b", "two", kind: "gallery", first: "m1", second: "m2"), section("a", "one", second: "m1"),
        ]
      }
      let change = try #require(made.change)
      #expect(!change.replayed)
      #expect(change.commitSequence == 3)
      let page = try #require(change.page)
      #expect(page.pageId == "p1")
      #expect(page.userId == "u1")
      #expect(page.title == "Töpfe")
      #expect(page.settings == "{\"theme\": 1}")
      #expect(page.version == 1)
      #expect(page.currentVersion == 1)
      #expect(page.author == "u1")
      #expect(page.sectionCount == 2)
      #expect(page.createdAtMicros == page.updatedAtMicros)
      #expect(page.sections.map(\.sectionId) == ["b", "a"])
      #expect(page.sections.map(\.kind) == ["gallery", "hero"])
      #expect(page.sections.map(\.content) == ["two", "one"])
      #expect(page.sections.map(\.firstImage) == [first, nil])
      #expect(page.sections.map(\.secondImage) == [second, first])

      let miss = try await live.call(Pages.getPage) { $0.pageId = "p1" }
      #expect(miss.page == page)
      #expect(miss.commitSequence == 3)
      // From the cache, and still named after the commit it is true of.
      try await live.makePage("p2")
      let hit = try await live.call(Pages.getPage) { $0.pageId = "p1" }
      #expect(hit.page == page)
      #expect(hit.commitSequence == 4)
      #expect(live.server.replyHits("pages") == 1)
    }
  }

  @Test("the same page again is a replay, another content or user a mismatch")
  func createTwice() async throws {
    try await LiveServer.run { live in
      let made = try await live.makePage("p1", [section("", "one"), section("x", "two")])
      #expect(made.page?.sections.map(\.sectionId) == ["section-1-0", "x"])
      var again = try await live.makePage("p1", [section("", "one"), section("x", "two")])
      #expect(again.replayed)
      again.replayed = false
      again.commitPosition = made.commitPosition
      #expect(again == made)
      for (user, title, content) in [("u2", "Title", "one"), ("u1", "Other", "one"), ("u1", "Title", "1")] {
        let failed = try await live.failure(Pages.createPage) {
          $0.userId = user
          $0.pageId = "p1"
          $0.title = title
          $0.sections = [section("", content), section("x", "two")]
        }
        #expect(failed?.reason == "IDEMPOTENCY_MISMATCH")
        #expect(failed?.details["page_id"] == "p1")
        #expect(failed?.details["commit_sequence"] == "1")
      }
      // Later versions do not matter to it; the reply shows what the call made.
      try await live.save("p1", from: 1, [section("y")])
      let later = try await live.makePage("p1", [section("", "one"), section("x", "two")])
      #expect(later.replayed)
      #expect(later.page?.version == 1)
      #expect(later.page?.currentVersion == 2)
      #expect(later.page?.sections == made.page?.sections)
    }
  }

  @Test("pages and sections without ids get some, and a letter's composition counts")
  func madeIds() async throws {
    try await LiveServer.run { live in
      let one = try await live.makePage("")
      let two = try await live.makePage("")
      let ids = [one, two].compactMap { $0.page?.pageId }
      #expect(ids.allSatisfy { $0.hasPrefix("page-") })
      #expect(Set(ids).count == 2)
      let composed = try await live.makePage("caf\u{e9}", title: "composed")
      let decomposed = try await live.makePage("cafe\u{301}", title: "decomposed")
      #expect(composed.replayed == false && decomposed.replayed == false)
      #expect(try await live.page("cafe\u{301}").title == "decomposed")
      #expect(try await live.page("caf\u{e9}").title == "composed")
      // Only the bytes of a section change: that is a change.
      try await live.makePage("p", [section("s", "caf\u{e9}")])
      let saved = try await live.save("p", from: 1, [section("s", "cafe\u{301}")])
      #expect(saved.page?.version == 2)
    }
  }

  // MARK: SavePage

  @Test("a save keeps sections by their ids, adds, moves and removes others, and numbers versions")
  func save() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a", "1"), section("b", "2"), section("c", "3")])
      let saved = try await live.save(
        "p", from: 1, title: "New", [section("c", "3"), section("d", "4"), section("a", "one")], author: "ed")
      let page = try #require(saved.page)
      #expect(page.version == 2)
      #expect(page.author == "ed")
      #expect(page.title == "New")
      #expect(page.sections.map(\.sectionId) == ["c", "d", "a"])
      #expect(page.sections.map(\.content) == ["3", "4", "one"])
      #expect(try await live.page("p") == page)
      let empty = try await live.save("p", from: 2, [])
      #expect(empty.page?.sectionCount == 0)
      #expect(try await live.page("p").sections.isEmpty)
    }
  }

  @Test("content that is there already makes no version; a retried save is a replay")
  func saveTwice() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a", "1")])
      let same = try await live.save("p", from: 1, [section("a", "1")])
      #expect(same.replayed)
      #expect(same.page?.version == 1)
      let saved = try await live.save("p", from: 1, [section("a", "2"), section("", "new")])
      #expect(!saved.replayed)
      #expect(saved.page?.sections.map(\.sectionId) == ["a", "section-2-1"])
      let again = try await live.save("p", from: 1, [section("a", "2"), section("", "new")])
      #expect(again.replayed)
      #expect(again.page == saved.page)
      let forced = try await live.save("p", from: 0, [section("a", "2"), section("", "new")], force: true)
      #expect(forced.replayed)
      #expect(forced.page == saved.page)
      let versions = try await live.call(Pages.listVersions) { $0.pageId = "p" }
      #expect(versions.versions.map(\.version) == [2, 1])
    }
  }

  @Test("a stale version is a conflict that names version, author and what changed")
  func conflict() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a", "1"), section("b", "2"), section("c", "3")])
      try await live.save("p", from: 1, [section("a", "1"), section("b", "two"), section("d", "4")])
      try await live.save(
        "p", from: 2, title: "New", [section("d", "4"), section("a", "1"), section("b", "two")], author: "eve"
      )
      let failed = try await live.failure(Pages.savePage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
        $0.title = "Title"
        $0.sections = [section("a", "mine")]
      }
      #expect(failed?.code == .aborted)
      #expect(failed?.reason == "VERSION_CONFLICT")
      #expect(failed?.details["current_version"] == "3")
      #expect(failed?.details["author"] == "eve")
      #expect(failed?.details["changed_sections"] == "d\nb\nc")
      #expect(failed?.details["changed_fields"] == "title")
      #expect(failed?.details["commit_sequence"] == "3")
      // A version that is not there yet is no better, and everything differs from it.
      let future = try await live.failure(Pages.savePage) {
        $0.pageId = "p"
        $0.expectedVersion = 9
        $0.sections = [section("a", "mine")]
      }
      #expect(future?.reason == "VERSION_CONFLICT")
      #expect(future?.details["changed_sections"] == "d\na\nb")
      let forced = try await live.save("p", from: 1, [section("a", "mine")], force: true)
      #expect(forced.page?.version == 4)
    }
  }

  // MARK: PatchPage

  @Test("a patch adds, updates, moves and removes by id, in order") func patch() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a", "1"), section("b", "2"), section("c", "3")])
      let patched = try await live.patch(
        "p", from: 1,
        [
          .add(section("d", "4"), at: 1), .move("c", to: 0), .remove("a"), .update(section("b", "two")),
          .add(section("", "5")),
        ])
      #expect(!patched.rebased)
      let page = try #require(patched.change?.page)
      #expect(page.version == 2)
      #expect(page.sections.map(\.sectionId) == ["c", "d", "b", "section-2-4"])
      #expect(page.sections.map(\.content) == ["3", "4", "two", "5"])
      #expect(try await live.page("p") == page)
      let titled = try await live.call(Pages.patchPage) {
        $0.pageId = "p"
        $0.expectedVersion = 2
        $0.title = ""
        $0.settings = "{}"
      }
      #expect(titled.change?.page?.title == "")
      #expect(titled.change?.page?.settings == "{}")
      #expect(titled.change?.page?.version == 3)
    }
  }

  @Test("a patch of what nobody touched is rebased, and its retry replays") func rebase() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a", "1"), section("b", "2")])
      try await live.patch("p", from: 1, [.update(section("a", "one"))])
      let mine: [TallystickV1.SectionPatch] = [.update(section("b", "two")), .add(section("", "new"))]
      let rebased = try await live.patch("p", from: 1, mine)
      #expect(rebased.rebased)
      #expect(rebased.change?.page?.version == 3)
      #expect(rebased.change?.page?.sections.map(\.content) == ["one", "two", "new"])
      let again = try await live.patch("p", from: 1, mine)
      #expect(again.rebased)
      #expect(again.change?.replayed == true)
      #expect(again.change?.page == rebased.change?.page)
      let failed = try await live.failure(Pages.patchPage) {
        $0.pageId = "p"
        $0.expectedVersion = 1
        $0.patches = [.update(section("a", "mine"))]
      }
      #expect(failed?.reason == "VERSION_CONFLICT")
      #expect(failed?.details["changed_sections"] == "a\nb\nsection-3-1")
      let removal = try await live.patch("p", from: 3, [.remove("a")])
      #expect(removal.change?.page?.version == 4)
      let gone = try await live.patch("p", from: 3, [.remove("a")])
      #expect(gone.change?.replayed == true)
      #expect(gone.change?.page == removal.change?.page)
    }
  }

  @Test("a retried patch replays the version that it made, though others followed")
  func retriedPatch() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a", "1"), section("b", "2")])
      let mine: [TallystickV1.SectionPatch] = [.add(section("", "mine")), .update(section("a", "one"))]
      let first = try await live.patch("p", from: 1, mine)
      let other = try await live.patch("p", from: 1, [.add(section("", "other"))])
      #expect(other.rebased && other.change?.page?.version == 3)
      for _ in 0..<2 {
        let again = try await live.patch("p", from: 1, mine)
        #expect(again.change?.replayed == true && !again.rebased)
        #expect(again.change?.page?.version == 2)
        #expect(again.change?.page?.currentVersion == 3)
        #expect(again.change?.page?.sections == first.change?.page?.sections)
      }
      let otherAgain = try await live.patch("p", from: 1, [.add(section("", "other"))])
      #expect(otherAgain.change?.replayed == true && otherAgain.rebased)
      #expect(otherAgain.change?.page == other.change?.page)
      #expect(try await live.page("p").sections.map(\.content) == ["one", "2", "mine", "other"])
      // The same from the version that it made is meant once more.
      let next = try await live.patch("p", from: 3, [.add(section("", "other"))])
      #expect(next.change?.replayed == false && next.change?.page?.version == 4)
    }
  }

  @Test("a retried patch finds its version however many have followed, without reading them")
  func retriedLate() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a")])
      try await live.patch("p", from: 1, [.add(section("", "mine"))])
      for version in Int64(2)...80 {
        try await live.patch("p", from: version, [.update(section("a", "\(version)"))])
      }
      var found: TallystickV1.PatchPageResponse?
      let statements = try await live.statements {
        found = try await live.patch("p", from: 1, [.add(section("", "mine"))])
      }
      #expect(found?.change?.replayed == true && found?.change?.page?.version == 2)
      // The current version, and the one that it made.
      #expect(statements.filter { $0.key.contains("sections FROM page_version") }.total == 2)
    }
  }

  @Test("a patch that nobody sent before reads two versions, however many were made from the same")
  func staleAndNew() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a"), section("b")])
      for number in 1...70 { try await live.patch("p", from: 1, [.add(section("s\(number)"))]) }
      var changed: TallystickV1.PatchPageResponse?
      let statements = try await live.statements {
        changed = try await live.patch("p", from: 1, [.update(section("b", "late"))])
      }
      #expect(changed?.change?.replayed == false && changed?.rebased == true)
      #expect(statements.filter { $0.key.contains("sections FROM page_version") }.total == 2)
    }
  }

  @Test("a move is not rebased over another order, a change of a section that was only moved is")
  func moves() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a", "1"), section("b", "2")])
      try await live.patch("p", from: 1, [.move("b", to: 0)])
      for sectionId in ["a", "b"] {
        let failed = try await live.failure(Pages.patchPage) {
          $0.pageId = "p"
          $0.expectedVersion = 1
          $0.patches = [.move(sectionId, to: sectionId == "a" ? 0 : -1)]
        }
        #expect(failed?.reason == "VERSION_CONFLICT")
        #expect(failed?.details["changed_sections"] == "a")
      }
      let updated = try await live.patch("p", from: 1, [.update(section("a", "one"))])
      #expect(updated.rebased)
      #expect(updated.change?.page?.version == 3)
      let removed = try await live.patch("p", from: 1, [.remove("b")])
      #expect(removed.rebased)
      #expect(try await live.page("p").sections.map(\.content) == ["one"])
    }
  }

  @Test("a patch may not add an id twice or name a section that is not there") func badPatches() async throws
  {
    try await LiveServer.run { live in
      try await live.makePage("p", [section("a"), section("b")])
      let cases: [(TallystickV1.SectionPatch, String, String)] = [
        (.add(section("a")), "DUPLICATE_SECTION", ""),
        (.update(section("x")), "INVALID_FIELD", "patches[1]"),
        (.move("x", to: 0), "INVALID_FIELD", "patches[1]"),
        (.remove("b"), "INVALID_FIELD", "patches[1]"),
        (.update(section("")), "INVALID_FIELD", "patches[1].update.section_id"),
        (.move("", to: 0), "INVALID_FIELD", "patches[1].move"),
        (.remove(""), "INVALID_FIELD", "patches[1].remove"),
        (TallystickV1.SectionPatch(), "INVALID_FIELD", "patches[1].operation"),
      ]
      for (operation, reason, field) in cases {
        let failed = try await live.failure(Pages.patchPage) {
          $0.pageId = "p"
          $0.expectedVersion = 1
          $0.patches = [.remove("b"), operation]
        }
        #expect(failed?.reason == reason)
        #expect(failed?.details["field"] ?? "" == field)
      }
      #expect(try await live.page("p").version == 1)
    }
  }
}
