// Many writers and readers of one page: nobody's change is lost, nothing is half saved, and no reader is
// shown an older page than one that was acknowledged before it asked.

import TTRPC
import TallyLocking
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Contention for a page") struct PageContentionTests {
  private static let writers = 64
  private static let savesPerWriter = 2
  private static let sections = 8

  /// What is known to be saved: a reader that asks now must see at least that.
  private final class Acknowledged: Sendable {
    private let version = Lock<Int64>(1)

    func note(_ saved: Int64) { version.withLock { $0 = max($0, saved) } }

    var newest: Int64 { version.withLock { $0 } }
  }

  /// All sections carry the same mark, so that half a save shows.
  private static func content(_ mark: String) -> [TallystickV1.SectionInput] {
    (0..<sections).map { section("s\($0)", mark) }
  }

  /// Saves until it has succeeded so often; each refusal has to name the version that is there.
  /// - Returns: the marks that it saved, and how often it was refused.
  private static func write(
    _ number: Int, _ live: LiveServer, _ acknowledged: Acknowledged
  ) async throws -> (marks: [String], conflicts: Int) {
    var marks: [String] = []
    var conflicts = 0
    while marks.count < savesPerWriter {
      let asked = acknowledged.newest
      let seen = try await live.page("p")
      // Whoever is shown something stale would try for ever.
      try #require(seen.version >= asked, "older than what was acknowledged")
      let mark = "\(number)-\(marks.count)-\(seen.sections.first?.content.utf8.count ?? 0)"
      do {
        let saved = try await live.save("p", from: seen.version, content(mark), author: "w\(number)")
        #expect(saved.page?.version == seen.version + 1)
        #expect(!saved.replayed)
        acknowledged.note(saved.page?.version ?? 0)
        marks.append(mark)
      } catch let failed as Failed {
        conflicts += 1
        try #require(failed.reason == "VERSION_CONFLICT")
        let current = Int64(failed.details["current_version"] ?? "") ?? 0
        try #require(current > seen.version)
        let changed = failed.details["changed_sections"]?.split(separator: "\n").map(String.init)
        #expect(changed == (0..<sections).map { "s\($0)" })
        #expect(failed.details["author"]?.hasPrefix("w") == true)
      }
    }
    return (marks, conflicts)
  }

  private static func read(
    _ live: LiveServer, _ acknowledged: Acknowledged, until isDone: @Sendable () -> Bool
  ) async throws -> Int {
    var last: Int64 = 0
    var lastCommit: Int64 = 0
    var count = 0
    while !isDone() && !Task.isCancelled {
      let asked = acknowledged.newest
      let reply = try await live.call(Pages.getPage) { $0.pageId = "p" }
      let page = try #require(reply.page)
      try #require(page.version >= asked, "older than what was acknowledged")
      #expect(page.version >= last, "time went back")
      #expect(reply.commitSequence >= lastCommit)
      // The page is all that is ever written: its version tells the commit.
      #expect(reply.commitSequence == page.version)
      #expect(page.sections.count == sections)
      #expect(Set(page.sections.map(\.content)).count == 1, "half saved")
      (last, lastCommit) = (page.version, reply.commitSequence)
      count += 1
    }
    return count
  }

  @Test("64 writers each save on the version that they read or are told what changed")
  func writersAndReaders() async throws {
    try await LiveServer.run { live in
      try await live.makePage("p", Self.content("first"))
      let acknowledged = Acknowledged()
      let isDone = Lock(false)
      async let reads = withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<8 {
          group.addTask {
            try await Self.read(live, acknowledged, until: { isDone.withLock { $0 } })
          }
        }
        return try await group.reduce(0, +)
      }
      let results = try await withThrowingTaskGroup(of: (marks: [String], conflicts: Int).self) { group in
        for number in 0..<Self.writers {
          group.addTask { try await Self.write(number, live, acknowledged) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      isDone.withLock { $0 = true }
      #expect(try await reads > 0)

      let saves = Self.writers * Self.savesPerWriter
      let page = try await live.page("p")
      #expect(page.version == Int64(saves) + 1)
      #expect(results.reduce(0) { $0 + $1.conflicts } > 0, "nobody was in anybody's way")
      // Every save that was acknowledged is a version, whole and with its author.
      var marks: [String] = []
      for version in 2...page.version {
        let stored = try await live.call(Pages.getVersion) {
          $0.pageId = "p"
          $0.version = version
        }
        let contents = Set(stored.page?.sections.map(\.content) ?? [])
        #expect(contents.count == 1)
        marks += contents
        let writer = contents.first?.split(separator: "-").first ?? ""
        #expect(stored.page?.author == "w\(writer)")
      }
      #expect(marks.sorted() == results.flatMap(\.marks).sorted())
      #expect(live.server.replyHits("pages") > 0)
    }
  }

  @Test("patches of different sections from one version all come through") func disjointPatches() async throws
  {
    try await LiveServer.run { live in
      try await live.makePage("p", Self.content("first"))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<Self.sections {
          group.addTask {
            _ = try await live.patch("p", from: 1, [.update(section("s\(number)", "patch \(number)"))])
          }
        }
        try await group.waitForAll()
      }
      let page = try await live.page("p")
      #expect(page.version == Int64(Self.sections) + 1)
      #expect(page.sections.map(\.content) == (0..<Self.sections).map { "patch \($0)" })
    }
  }

  @Test("what is cached of a page is forgotten by whatever changes it") func exactCache() async throws {
    try await LiveServer.run { live in
      try await live.makeMedia("m")
      try await live.makePage("p", [section("a", "1", first: "m")])
      _ = try await live.call(Pages.publish) { $0.pageId = "p" }
      func shown() async throws -> [TallystickV1.Page?] {
        var pages: [TallystickV1.Page?] = []
        for published in [false, true] {
          // Twice: what is found must be what was read.
          let first = try? await live.page("p", published: published)
          #expect((try? await live.page("p", published: published)) == first)
          pages.append(first)
        }
        return pages
      }
      var before = try await shown()
      let changes: [(String, () async throws -> Void)] = [
        ("save", { try await live.save("p", from: 1, [section("a", "2", first: "m")]) }),
        ("patch", { try await live.patch("p", from: 2, [.add(section("b"))]) }),
        (
          "restore",
          {
            _ = try await live.call(Pages.restoreVersion) {
              $0.pageId = "p"
              $0.version = 1
              $0.expectedVersion = 3
            }
          }
        ),
        ("publish", { _ = try await live.call(Pages.publish) { $0.pageId = "p" } }),
        (
          "detach",
          {
            _ = try await live.call(Pages.deleteMedia) {
              $0.mediaId = "m"
              $0.detach = true
            }
          }
        ),
        ("unpublish", { _ = try await live.call(Pages.unpublish) { $0.pageId = "p" } }),
        ("delete", { _ = try await live.call(Pages.deletePage) { $0.pageId = "p" } }),
        ("undelete", { _ = try await live.call(Pages.undeletePage) { $0.pageId = "p" } }),
        (
          "purge",
          {
            _ = try await live.call(Pages.deletePage) { $0.pageId = "p" }
            _ = try await live.call(Pages.purgePage) { $0.pageId = "p" }
          }
        ),
        ("make anew", { try await live.makePage("p", [section("z")]) }),
      ]
      for (name, change) in changes {
        try await change()
        let after = try await shown()
        #expect(after != before, "\(name)")
        before = after
      }
    }
  }

  @Test("GetPage runs as many statements for ten sections as for two hundred", arguments: [false, true])
  func statementCount(published: Bool) async throws {
    try await LiveServer.run { live in
      for number in 0..<20 { try await live.makeMedia("m\(number)") }
      var totals: [Int64] = []
      for count in [10, 200] {
        let sections = (0..<count).map {
          section("s\($0)", first: "m\($0 % 20)", second: "m\(($0 + 1) % 20)")
        }
        try await live.makePage("p\(count)", sections)
        _ = try await live.call(Pages.publish) { $0.pageId = "p\(count)" }
        let runs = try await live.statements { _ = try await live.page("p\(count)", published: published) }
        totals.append(runs.total)
        // The second time none at all.
        let hit = try await live.statements { _ = try await live.page("p\(count)", published: published) }
        #expect(hit.total == 0)
      }
      #expect(totals[0] == totals[1])
      #expect(totals[0] <= (published ? 6 : 5))
    }
  }
}
