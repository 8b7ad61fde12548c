// SearchPages over a real socket: limits, cursors, whose pages, and how many statements.

import TTRPC
import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Searching pages") struct PageSearchServiceTests {
  private func search(
    _ live: LiveServer, _ query: String, user: String = "u1", limit: Int32 = 0, cursor: String = ""
  ) async throws -> TallystickV1.SearchPagesResponse {
    try await live.call(Pages.searchPages, actingUser: user) {
      $0.userId = user
      $0.query = query
      $0.limit = limit
      $0.cursor = cursor
    }
  }

  @Test("a match has its page without sections, its section, and the excerpt in pieces")
  func match() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", title: "Café", [section("a", #"{"text": "one <b>two</b>"}"#)])
      try await live.makePage("other", user: "u2", title: "two")
      let found = try await search(live, "TWO")
      let match = try #require(found.matches.first)
      #expect(found.matches.count == 1 && found.nextCursor.isEmpty && found.commitSequence == 2)
      #expect(
        match.page?.pageId == "p" && match.page?.sections.isEmpty == true && match.page?.sectionCount == 1)
      #expect(match.sectionId == "a")
      #expect(match.excerpt.map(\.text) == ["one <b>", "two", "</b"])
    }
  }

  @Test("a list goes on from its cursor, which is of this search only")
  func cursors() async throws {
    try await LiveServer.run { live in
      for number in 0..<25 { try await live.makePage("p\(number)", title: "word \(number)") }
      let first = try await search(live, "word")
      #expect(first.matches.count == 20)
      let second = try await search(live, "word", cursor: first.nextCursor)
      #expect(second.matches.count == 5 && second.nextCursor.isEmpty)
      let pages = (first.matches + second.matches).compactMap { $0.page?.pageId }
      #expect(Set(pages).count == 25)
      #expect(
        try await live.reason(Pages.searchPages) {
          $0.userId = "u1"
          $0.query = "words"
          $0.cursor = first.nextCursor
        } == "INVALID_CURSOR")
    }
  }

  @Test(
    "a query and a limit are held to their bounds",
    arguments: [
      ("", 0, "query"), ("*", 0, "query"), (String(repeating: "x ", count: 33), 0, "query"),
      (String(repeating: "x", count: 1_025), 0, "query"), ("x", -1, "limit"), ("x", 101, "limit"),
    ])
  func bounds(query: String, limit: Int32, field: String) async throws {
    try await LiveServer.run { live in
      let failed = try await live.failure(Pages.searchPages) {
        $0.userId = "u1"
        $0.query = query
        $0.limit = limit
      }
      #expect(failed?.reason == "INVALID_FIELD" && failed?.details["field"] == field)
      // What has no word is not beyond a limit.
      if query.utf8.count < 2, limit == 0 { #expect(failed?.details["limit"] == nil) }
    }
  }

  @Test("each field is taken at its border, and refused one beyond with the field and the limit")
  func borders() async throws {
    try await LiveServer.run { live in
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .required("query", PageLimits.queryByteCount) { $0.query = $1 },
          .elements("query", PageLimits.queryWordCount) {
            $0.query = [String](repeating: "x", count: $1).joined(separator: " ")
          },
          // Each ideograph is a word.
          .elements("query", PageLimits.queryWordCount) {
            $0.query = String(repeating: "\u{4e1c}", count: $1)
          },
          .number("limit", 0...Int64(PageLimits.matchCount)) { $0.limit = Int32($1) },
        ], of: Pages.searchPages
      ) { ($0.userId, $0.query) = ("u1", "word") }
    }
  }

  @Test("a search is of one user's pages, and another user may not make it")
  func others() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", title: "word")
      try await live.makePage("q", user: "u2", title: "word")
      #expect(try await search(live, "word", user: "u2").matches.map { $0.page?.pageId } == ["q"])
      let reason = try await live.reason(Pages.searchPages, actingUser: "u2") {
        ($0.userId, $0.query) = ("u1", "word")
      }
      #expect(reason == "ACTING_USER")
      // Nobody has pages, and that is no failure.
      #expect(try await search(live, "word", user: "nobody").matches.isEmpty)
    }
  }

  @Test("a search takes as many statements for one match as for a hundred")
  func statements() async throws {
    try await LiveServer.run { live in
      try await live.makePage("one", title: "lonely")
      for number in 0..<100 { try await live.makePage("p\(number)", title: "word") }
      _ = try await search(live, "word", limit: 100)
      let one = try await live.statements { _ = try await search(live, "lonely") }
      var count = 0
      let many = try await live.statements {
        count = try await search(live, "word", limit: 100).matches.count
      }
      #expect(count == 100)
      #expect(one.total == many.total && many.total <= 6, "\(many)")
    }
  }

  @Test("an answer is cut before it outgrows a message")
  func large() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 131_072 }) { live in
      for number in 0..<4 {
        _ = try await live.call(Pages.createPage) {
          $0.userId = "u1"
          $0.pageId = "p\(number)"
          $0.title = "word"
          $0.settings = String(repeating: "s", count: 50_000)
        }
      }
      let first = try await search(live, "word")
      #expect(first.matches.count == 2)
      let second = try await search(live, "word", cursor: first.nextCursor)
      #expect(second.matches.count == 2 && second.nextCursor.isEmpty)
    }
  }
}
