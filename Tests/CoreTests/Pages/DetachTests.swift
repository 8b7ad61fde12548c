// Deleted media of more pages than one commit takes them out of: what is shown meanwhile, what becomes of
// edits in between, and that it comes to an end.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Media being detached")
struct DetachTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private func start(detachedPages: Int = 2) throws -> SQLiteEngine {
    try open(directory, clock: clock, configure: { $0.detachedPages = detachedPages })
  }

  /// An engine with a medium, and as many pages p1, p2, ... that show it.
  private func start(pages count: Int, detachedPages: Int = 2) throws -> SQLiteEngine {
    let engine = try start(detachedPages: detachedPages)
    for mediaId in ["m", "n"] {
      _ = try apply(engine, .createMedia(Media(mediaId: mediaId, userId: "u", url: "x", source: .generated)))
    }
    for number in 1...count { _ = try apply(engine, Self.create("p\(number)", Self.shown())) }
    return engine
  }

  private static func shown(_ text: String = "", first: String = "m") -> PageContent {
    PageContent(
      title: text, sections: [PageSection(sectionId: "s", kind: "k", content: text, firstMediaId: first)])
  }

  private static func target(_ pageId: String) -> PageTarget {
    PageTarget(pageId: pageId, actingUserId: nil, maximumReplyByteCount: 2 << 20)
  }

  private static func create(_ pageId: String, _ content: PageContent) -> PageCommand {
    .create(.init(userId: "u", pageId: pageId, content: content, author: "", maximumReplyByteCount: 2 << 20))
  }

  private static func save(_ pageId: String, from version: Int64?, _ content: PageContent) -> PageCommand {
    .save(.init(target: target(pageId), expectedVersion: version, content: content, author: "ada"))
  }

  private func apply(_ engine: SQLiteEngine, _ command: PageCommand) throws -> PageOutcome {
    let outcome = try engine.decide(.page(command))
    guard case .page(let outcome) = outcome else {
      throw SQLiteError.malformed("\(outcome) of \(command)")
    }
    return outcome
  }

  private func changed(
    _ engine: SQLiteEngine, _ command: PageCommand
  ) throws -> (view: PageView, replayed: Bool) {
    guard case .changed(let view, let replayed, _, _) = try apply(engine, command) else {
      throw SQLiteError.malformed("\(command)")
    }
    return (view, replayed)
  }

  /// - Returns: pages that it was taken out of, and how many are left.
  @discardableResult
  private func delete(
    _ engine: SQLiteEngine, _ mediaId: String = "m", actingUserId: String? = nil
  ) throws -> (pages: [String], left: Int, replayed: Bool) {
    let command = PageCommand.DeleteMedia(
      mediaId: mediaId, actingUserId: actingUserId, detaches: true, author: "cleaner")
    guard case .mediaDeleted(let pages, let left, let replayed, _) = try apply(engine, .deleteMedia(command))
    else { throw SQLiteError.malformed("not deleted") }
    return (pages, left, replayed)
  }

  private func view(
    _ engine: SQLiteEngine, _ pageId: String, _ shown: PageShown = .current
  ) throws -> PageView {
    try engine.page(pageId: pageId, shown, includesDeleted: true, actingUserId: nil).value
  }

  private func versions(_ engine: SQLiteEngine, _ count: Int) throws -> [Int64] {
    try (1...count).map { try view(engine, "p\($0)").facts.version }
  }

  private func authorOfMark() throws -> String? {
    let connection = try directory.connection()
    let statement = try connection.prepare("SELECT detaching_author FROM media WHERE id = 1")
    return try statement.first { (row) in row.optionalText() } ?? nil
  }

  @Test(
    "up to 256 pages go with the call; of more, the rest go with the ticks, and nothing shows it meanwhile")
  func count() throws {
    let limit = PageLimits.detachedPageCount
    let engine = try start(pages: limit + 1, detachedPages: limit)
    _ = try apply(engine, Self.save("p1", from: 1, Self.shown(first: "n")))
    var all = try delete(engine)
    #expect(all.pages.count == limit && all.left == 0 && !all.replayed)
    #expect(try authorOfMark() == nil)
    // Another one, which one page more shows.
    _ = try apply(engine, .createMedia(Media(mediaId: "o", userId: "u", url: "x", source: .generated)))
    for number in 1...(limit + 1) {
      _ = try apply(engine, Self.save("p\(number)", from: nil, Self.shown(first: "o")))
    }
    all = try delete(engine, "o")
    #expect(all.pages.count == limit && all.pages.first == "p1" && all.left == 1)
    #expect(try delete(engine, "o") == ([], 1, true))
    #expect(try view(engine, "p\(limit + 1)").sections.map(\.firstImage) == [nil])
    try engine.tick()
    #expect(try delete(engine, "o") == ([], 0, true))
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("each slice is a commit of so many pages; all get a version of the call's author, and are heard of")
  func slices() throws {
    let engine = try start(pages: 5)
    _ = try apply(engine, .publish(Self.target("p5"), version: 1))
    let before = engine.state().commitSequence
    clock.advance(byMicros: second)
    let deleted = try delete(engine)
    #expect(deleted.pages == ["p1", "p2"] && deleted.left == 3)
    #expect(try authorOfMark() == "cleaner")
    #expect(try versions(engine, 5) == [2, 2, 1, 1, 1])
    // It is gone for everybody at once.
    for number in 1...5 { #expect(try view(engine, "p\(number)").sections.map(\.firstImage) == [nil]) }
    #expect(try view(engine, "p5", .published).sections.map(\.firstImage) == [nil])
    #expect(throws: Refusal.self) { try engine.media(mediaId: "m", actingUserId: nil) }
    let list = try engine.media(MediaFilter(userId: "u", limit: 10, maximumByteCount: 1 << 20)).value
    #expect(list.rows.map(\.mediaId) == ["n"])
    #expect(try engine.decide(.page(Self.create("new", Self.shown()))).refusal?.reason == .mediaNotFound)
    #expect(try engine.findings() == [])

    clock.advance(byMicros: second)
    try engine.tick()
    #expect(try versions(engine, 5) == [2, 2, 2, 2, 1])
    #expect(try delete(engine) == ([], 1, true))
    try engine.tick()
    #expect(try versions(engine, 5) == [2, 2, 2, 2, 2])
    #expect(try authorOfMark() == nil)
    #expect(engine.state().commitSequence == before + 3)
    try engine.tick()
    #expect(engine.state().commitSequence == before + 3)
    for number in 1...5 { #expect(try view(engine, "p\(number)").facts.author == "cleaner") }
    #expect(try view(engine, "p5").facts.updatedAtMicros == noon + 2 * second)
    let updates = try engine.pageUpdates(LedgerFilter(fromSequence: 1, limit: 100)).value.rows
    #expect(updates.map(\.pageId) == ["p1", "p2", "p3", "p4", "p5"])
    #expect(updates.map(\.commit.sequence) == [1, 1, 2, 2, 3].map { before + $0 })
    #expect(updates.allSatisfy { $0.kind == .saved && $0.facts?.version == 2 })
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a slice has no more bytes of pages than one commit should write, but one page at least")
  func bytes() throws {
    let engine = try start(pages: 1, detachedPages: PageLimits.detachedPageCount)
    let text = String(repeating: "x", count: PageLimits.contentByteCount)
    let sections = (0..<15).map {
      PageSection(sectionId: "s\($0)", kind: "k", content: text, firstMediaId: "n")
    }
    let most = PageLimits.detachedByteCount / (15 * (PageLimits.contentByteCount + 16))
    for page in 1...most { _ = try apply(engine, Self.create("b\(page)", PageContent(sections: sections))) }
    _ = try apply(engine, Self.create("c", PageContent(sections: sections)))
    let deleted = try delete(engine, "n")
    #expect(deleted.pages.count == most && deleted.left == 1)
    try engine.tick()
    #expect(try view(engine, "c").facts.version == 2)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a stop in between is made up for by the next start")
  func restarted() throws {
    let engine = try start(pages: 6)
    try delete(engine)
    try engine.close()
    let again = try start()
    #expect(try again.findings() == [])
    #expect(try delete(again) == ([], 4, true))
    try again.tick()
    try again.close()
    let last = try start()
    #expect(try versions(last, 6) == [2, 2, 2, 2, 1, 1])
    try last.sweep()
    #expect(try versions(last, 6) == [2, 2, 2, 2, 2, 2])
    #expect(try authorOfMark() == nil)
    #expect(try last.findings() == [])
    try last.close()
  }

  @Test("an edit that still names it is carried out without it, and replays; other pages are refused it")
  func edits() throws {
    let engine = try start(pages: 9)
    let stale = Self.shown()
    try delete(engine)
    // Saved with what the editor has loaded before; then again, since its reply was lost.
    let save = Self.save("p3", from: 1, Self.shown("new"))
    var done = try changed(engine, save)
    #expect(done.view.facts.version == 2 && !done.replayed && done.view.sections.map(\.firstImage) == [nil])
    done = try changed(engine, save)
    #expect(done.view.facts.version == 2 && done.replayed)
    let forced = Self.save("p4", from: nil, Self.shown("new"))
    #expect(try changed(engine, forced).replayed == false)
    #expect(try changed(engine, forced).replayed)
    // Patches: of what names it, and beside it.
    for (page, operation) in [
      ("p5", SectionPatch.update(Self.shown("new").sections[0])),
      ("p6", .add(PageSection(sectionId: "t", kind: "k", content: ""), position: 0)),
    ] {
      var patch = PagePatch()
      patch.sections = [operation]
      let digest = Digest(bytes: Array(repeating: UInt8(page.utf8.last ?? 0), count: 32))
      let command = PageCommand.patch(
        .init(target: Self.target(page), expectedVersion: 1, patch: patch, author: "", digest: digest))
      #expect(try changed(engine, command).view.facts.version == 2, "\(page)")
      #expect(try changed(engine, command).replayed, "\(page)")
    }
    let restore = PageCommand.restore(
      .init(target: Self.target("p7"), version: 1, expectedVersion: 1, author: ""))
    #expect(try changed(engine, restore).view.facts.version == 2)
    let copy = PageCommand.duplicate(
      .init(target: Self.target("p8"), newPageId: "copy", title: "", author: ""))
    #expect(try changed(engine, copy).view.facts.version == 1)
    #expect(try changed(engine, .publish(Self.target("p8"), version: 1)).view.facts.publishedVersion == 1)
    // A page that it was taken out of, and a stale version, are no such page.
    #expect(
      try engine.decide(.page(Self.save("p1", from: 2, stale))).refusal?.reason == .mediaNotFound)
    #expect(
      try engine.decide(.page(Self.save("p8", from: 7, Self.shown("new")))).refusal?.reason
        == .versionConflict)
    // Only p8 and p9 are left.
    #expect(try delete(engine) == ([], 2, true))
    #expect(try engine.findings() == [])
    try engine.tick()
    #expect(try authorOfMark() == nil)
    let names: Int64 = try directory.connection().value("SELECT count(*) FROM section WHERE first_media = 1")
    #expect(names == 0)
    #expect(try versions(engine, 9) == Array(repeating: 2, count: 9))
    #expect(try view(engine, "p8", .published).sections.map(\.firstImage) == [nil])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("pages may go, come back and be purged in between, and another medium of theirs may go too")
  func others() throws {
    let engine = try start(pages: 7)
    _ = try apply(
      engine,
      Self.create(
        "both",
        PageContent(sections: [
          PageSection(sectionId: "s", kind: "k", content: "", firstMediaId: "m", secondMediaId: "n")
        ])))
    try delete(engine)
    for page in ["p3", "p4"] { _ = try apply(engine, .delete(Self.target(page))) }
    _ = try apply(engine, .purge(Self.target("p3")))
    #expect(try delete(engine, "n").pages == ["both"])
    #expect(try view(engine, "both").facts.version == 2)
    #expect(try engine.findings() == [])
    try engine.sweep()
    #expect(try view(engine, "both").facts.version == 3)
    #expect(try view(engine, "p4").facts.version == 2)
    _ = try apply(engine, .undelete(Self.target("p4")))
    #expect(try view(engine, "p4").sections.map(\.firstImage) == [nil])
    #expect(try authorOfMark() == nil)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a damaged page is left as it is, and keeps no other page and no other medium waiting")
  func damaged() throws {
    var engine = try start(pages: 7)
    for number in 8...12 { _ = try apply(engine, Self.create("p\(number)", Self.shown(first: "n"))) }
    try delete(engine)
    try delete(engine, "n")
    try engine.close()
    try directory.connection().execute("UPDATE page_version SET sections = x'ff' WHERE page = 3")
    engine = try start()
    try engine.sweep()
    for number in [4, 5, 6, 7, 8, 9, 10, 11, 12] {
      let version: Int64 = try directory.connection().value(
        "SELECT version FROM page WHERE page_id = 'p\(number)'")
      #expect(version == 2, "p\(number)")
    }
    #expect(try authorOfMark() == "cleaner")
    let commit = engine.state().commitSequence
    try engine.sweep()
    #expect(engine.state().commitSequence == commit)
    #expect(try engine.findings().contains { $0.contains("page 3, version 1: malformed") })
    try engine.close()
  }

  @Test("a mark that is lost while pages name the medium is found by a verification")
  func verified() throws {
    var engine = try start(pages: 3)
    try delete(engine)
    #expect(try engine.findings() == [])
    try engine.close()
    try directory.connection().execute("UPDATE media SET detaching_author = NULL")
    engine = try start()
    #expect(
      try engine.findings() == ["page 3, section 0: media 1 are deleted, and nothing will take them out"])
    try engine.close()
  }
}
