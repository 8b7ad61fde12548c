// DiffVersions over a real socket: what differs, in either direction, and what is refused.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Versions compared") struct PageDiffServiceTests {
  /// Three versions: the second changes one of each kind of thing, the third nothing but the settings.
  private static func prepare(_ live: LiveServer) async throws {
    try await live.makeMedia("m")
    try await live.makePage(
      "p", title: "One fine day",
      [
        section("a", "same"), section("b", "gone"), section("c", "old words", kind: "text"),
        section("d", "4"),
      ])
    try await live.save(
      "p", from: 1, title: "One rainy day",
      [section("d", "4"), section("a", "same", first: "m"), section("c", "new words"), section("e", "5")])
    _ = try await live.call(Pages.savePage) {
      ($0.pageId, $0.expectedVersion, $0.title, $0.settings) = ("p", 2, "One rainy day", "{}")
      $0.sections = [
        section("d", "4"), section("a", "same", first: "m"), section("c", "new words"), section("e", "5"),
      ]
    }
  }

  private static func diff(
    _ live: LiveServer, _ from: Int64, _ to: Int64, actingUser: String? = nil
  ) async throws -> TallystickV1.DiffVersionsResponse {
    try await live.call(Pages.diffVersions, actingUser: actingUser) {
      ($0.pageId, $0.fromVersion, $0.toVersion) = ("p", from, to)
    }
  }

  private static func text(_ diff: TallystickV1.TextDiff?) -> String? {
    diff?.pieces.map { piece in
      switch piece.kind {
      case .kept: piece.text
      case .removed: "[-\(piece.text)-]"
      case .added: "{+\(piece.text)+}"
      default: "?"
      }
    }.joined()
  }

  @Test("title, settings and sections are compared by ids and words, in either direction")
  func compared() async throws {
    try await LiveServer.run { live in
      try await Self.prepare(live)
      let diff = try await Self.diff(live, 1, 2, actingUser: "u1")
      #expect(diff.fromVersion == 1 && diff.toVersion == 2 && diff.commitSequence == 4)
      #expect(Self.text(diff.title) == "One [-fine-]{+rainy+} day" && diff.settings == nil)
      #expect(diff.sections.map(\.sectionId) == ["d", "a", "c", "e", "b"])
      #expect(diff.sections.map(\.change) == [.changed, .changed, .changed, .added, .removed])
      #expect(diff.sections.map(\.moved) == [true, false, false, false, false])
      #expect(diff.sections.map(\.fromPosition) == [3, 0, 2, nil, 1])
      #expect(diff.sections.map(\.toPosition) == [0, 1, 2, 3, nil])
      #expect(diff.sections.map(\.otherImages) == [false, true, false, false, false])
      #expect(diff.sections[2].fromKind == "text" && diff.sections[2].toKind == "hero")
      #expect(Self.text(diff.sections[2].content) == "[-old-]{+new+} words")
      #expect(diff.sections[0].content == nil && Self.text(diff.sections[3].content) == "{+5+}")
      let back = try await Self.diff(live, 2, 1)
      #expect(Self.text(back.title) == "One [-rainy-]{+fine+} day")
      #expect(back.sections.map(\.change) == [.changed, .added, .changed, .changed, .removed])
      // To the current one, which differs by its settings only.
      let current = try await Self.diff(live, 2, 0)
      #expect(current.toVersion == 3 && current.title == nil && current.sections.isEmpty)
      #expect(Self.text(current.settings) == "{+{}+}")
      let none = try await Self.diff(live, 3, 3)
      #expect(none.title == nil && none.settings == nil && none.sections.isEmpty)
    }
  }

  @Test("a version that is not there, a page that is not shown, and another user's are not found")
  func refused() async throws {
    try await LiveServer.run { live in
      try await Self.prepare(live)
      func reason(_ from: Int64, _ to: Int64, actingUser: String? = nil) async throws -> String? {
        try await live.failure { _ = try await Self.diff(live, from, to, actingUser: actingUser) }?.reason
      }
      #expect(try await reason(4, 0) == "VERSION_NOT_FOUND")
      #expect(try await reason(1, 4) == "VERSION_NOT_FOUND")
      #expect(try await reason(1, 0, actingUser: "u2") == "PAGE_NOT_FOUND")
      let version = try await live.failure { _ = try await Self.diff(live, Int64.max, 1) }
      #expect(version?.details["version"] == String(Int64.max) && version?.code == .notFound)
      try await live.expect(
        [
          .required("page_id", 255) { $0.pageId = $1 }
        ], of: Pages.diffVersions, takenWith: "PAGE_NOT_FOUND"
      ) { ($0.pageId, $0.fromVersion) = ("none", 1) }
      try await live.expect(
        [
          .atLeast("from_version", 1) { $0.fromVersion = $1 },
          .atLeast("to_version", 0) { $0.toVersion = $1 },
        ], of: Pages.diffVersions
      ) { ($0.pageId, $0.fromVersion) = ("p", 1) }
      _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
      #expect(try await reason(1, 2) == "PAGE_NOT_FOUND")
    }
  }
}
