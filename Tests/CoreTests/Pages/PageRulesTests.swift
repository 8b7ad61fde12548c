// The pure rules of pages: ids that are made, saves, patches, rebasing, and what differs.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

/// `a:1 b:2` is two sections with their texts.
func content(_ text: String, title: String = "", settings: String = "") -> PageContent {
  PageContent(
    title: title, settings: settings,
    sections: text.split(separator: " ").map { word in
      let parts = word.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      return PageSection(sectionId: parts[0], kind: "k", content: parts.count > 1 ? parts[1] : "")
    })
}

private func described(_ content: PageContent) -> String {
  content.sections.map { "\($0.sectionId):\($0.content)" }.joined(separator: " ")
}

@Suite("Page rules")
struct PageRulesTests {
  // MARK: difference

  @Test(
    "what differs: added, changed and moved ones in the newer order, then those removed",
    arguments: [
      ("a:1 b:2 c:3", "a:1 b:2 c:3", ""),
      ("", "a b", "a b"),
      ("a b", "", "a b"),
      ("a:1 b:2", "a:1 b:3", "b"),
      ("a b c d", "a c d", "b"),
      ("a b c d", "a x b c d", "x"),
      // One section moved: only that one, however many others shift.
      ("a b c d", "d a b c", "d"),
      ("a b c d", "b c d a", "a"),
      ("a b c d e", "a e b c d", "e"),
      ("a b", "b a", "a"),
      ("a b c d", "d c b a", "c b a"),
      ("a:1 b:2 c:3", "c:3 x a:one", "x a b"),
    ])
  func difference(older: String, newer: String, expected: String) {
    let difference = PageRules.difference(from: content(older), to: content(newer))
    #expect(difference.sectionIds == expected.split(separator: " ").map(String.init))
    #expect(!difference.title && !difference.settings)
  }

  @Test("title, settings, kind and media differ by their bytes")
  func differentBytes() {
    let old = content("a", title: "caf\u{e9}", settings: "s")
    let new = content("a", title: "cafe\u{301}", settings: "s")
    #expect(PageRules.difference(from: old, to: new) == PageDifference(title: true))
    #expect(old != new)
    #expect(PageRules.difference(from: old, to: content("a", title: "caf\u{e9}")).settings)
    for change in [
      { (section: inout PageSection) in section.kind = "other" }, { $0.firstMediaId = "m" },
      { $0.secondMediaId = "m" }, { $0.content = "c" },
    ] {
      var changed = old
      change(&changed.sections[0])
      #expect(PageRules.difference(from: old, to: changed) == PageDifference(sectionIds: ["a"]))
      #expect(changed != old)
    }
  }

  @Test("a difference that lists nothing is no difference, and the other way round")
  func differenceAndEquality() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<2_000 {
      let (one, two) = (Self.any(&random), Self.any(&random))
      #expect((PageRules.difference(from: one, to: two) == PageDifference()) == (one == two))
    }
  }

  private static func any(_ random: inout SeededGenerator) -> PageContent {
    let ids = ["a", "b", "c"].shuffled(using: &random).prefix(Int.random(in: 0...3, using: &random))
    return content(ids.map { "\($0):\(Int.random(in: 0...1, using: &random))" }.joined(separator: " "))
  }

  // MARK: ids

  @Test("made ids come from version and place, and step aside for those given by hand")
  func ids() {
    let named = PageRules.named(content(":1 x:2 :3"), version: 4)
    #expect(described(named) == "section-4-0:1 x:2 section-4-2:3")
    #expect(PageRules.named(content(":1 x:2 :3"), version: 4) == named)
    let taken = PageRules.named(content(":1 section-4-0 section-4-0-1"), version: 4)
    #expect(taken.sections[0].sectionId == "section-4-0-2")
    #expect(PageRules.named(content("a b"), version: 9) == content("a b"))
  }

  // MARK: saves

  private func state(_ text: String, version: Int64 = 5, base: Int64 = 4) -> PageState {
    PageState(version: version, baseVersion: base, content: content(text))
  }

  @Test("a save is made on the version that it names, replays its own, and conflicts with others")
  func save() {
    let now = state("a:1 b:2")
    let next = content("a:1")
    #expect(PageRules.save(next, expectedVersion: 5, over: now) == .changed(next, rebased: false))
    for stale: Int64 in [1, 3, 4, 6, Int64.max] {
      #expect(PageRules.save(next, expectedVersion: stale, over: now) == .conflict)
    }
    let same = content("a:1 b:2")
    #expect(PageRules.save(same, expectedVersion: 5, over: now) == .unchanged(rebased: false))
    #expect(PageRules.save(same, expectedVersion: 4, over: now) == .unchanged(rebased: false))
    #expect(PageRules.save(same, expectedVersion: 3, over: now) == .conflict)
    #expect(PageRules.save(same, expectedVersion: nil, over: now) == .unchanged(rebased: false))
    #expect(PageRules.save(next, expectedVersion: nil, over: now) == .changed(next, rebased: false))
  }

  @Test("a retried save with made ids replays; the same on the next version is new")
  func retriedIds() {
    let sent = content(":1 :2")
    guard case .changed(let made, _) = PageRules.save(sent, expectedVersion: 5, over: state("a")) else {
      Issue.record("not changed")
      return
    }
    #expect(described(made) == "section-6-0:1 section-6-1:2")
    let now = PageState(version: 6, baseVersion: 5, content: made)
    #expect(PageRules.save(sent, expectedVersion: 5, over: now) == .unchanged(rebased: false))
    #expect(PageRules.save(sent, expectedVersion: nil, over: now) == .unchanged(rebased: false))
    #expect(PageRules.save(sent, expectedVersion: 6, over: now) == .unchanged(rebased: false))
    #expect(PageRules.save(content(":1 :3"), expectedVersion: 5, over: now) == .conflict)
  }

  // MARK: patches

  private func patch(_ sections: [SectionPatch], title: String? = nil) -> PagePatch {
    var patch = PagePatch()
    patch.sections = sections
    patch.title = title
    return patch
  }

  private func section(_ id: String, _ text: String = "") -> PageSection {
    PageSection(sectionId: id, kind: "k", content: text)
  }

  @Test(
    "positions count from zero; negative ones and those beyond are the end",
    arguments: [(-1, "a b c x"), (0, "x a b c"), (2, "a b x c"), (3, "a b c x"), (99, "a b c x")])
  func positions(position: Int32, expected: String) throws {
    let added = try PageRules.apply(
      patch([.add(section("x"), position: position)]), to: content("a b c"), version: 2)
    #expect(added.sections.map(\.sectionId).joined(separator: " ") == expected)
    let moved = try PageRules.apply(
      patch([.move(sectionId: "x", position: position)]), to: content("a x b c"), version: 2)
    #expect(moved.sections.map(\.sectionId).joined(separator: " ") == expected)
  }

  @Test("operations see what the ones before have made")
  func inOrder() throws {
    let result = try PageRules.apply(
      patch(
        [
          .add(section("x", "1"), position: 0), .update(section("x", "2")), .remove(sectionId: "a"),
          .add(section("a", "new"), position: -1), .move(sectionId: "x", position: 1),
        ], title: "t"),
      to: content("a:old b"), version: 2)
    #expect(described(result) == "b: x:2 a:new")
    #expect(result.title == "t")
    #expect(throws: Refusal.self) {
      try PageRules.apply(
        patch([.remove(sectionId: "a"), .remove(sectionId: "a")]), to: content("a"), version: 2)
    }
  }

  @Test("a stale patch is rebased when nothing that it names was changed since")
  func rebase() throws {
    let base = content("a:1 b:2 c:3")
    let now = state("x a:1 b:two c:3")
    func decide(_ patch: PagePatch, base: PageContent?) throws -> PageDecision {
      try PageRules.patch(patch, expectedVersion: 2, over: now, base: base)
    }
    let disjoint = patch([.update(section("a", "mine")), .move(sectionId: "c", position: 0)])
    guard case .changed(let next, let rebased) = try decide(disjoint, base: base) else {
      Issue.record("not changed")
      return
    }
    #expect(rebased)
    #expect(described(next) == "c:3 x: a:mine b:two")
    #expect(try decide(patch([.update(section("b", "mine"))]), base: base) == .conflict)
    #expect(try decide(patch([.remove(sectionId: "b")]), base: base) == .conflict)
    #expect(try decide(patch([.add(section("x"), position: 0)]), base: base) == .conflict)
    #expect(try decide(disjoint, base: nil) == .conflict)
    // The same outcome as what is there makes no version.
    #expect(
      try decide(patch([.update(section("a", "1"))]), base: base) == .unchanged(rebased: true))
    let titled = try PageRules.patch(
      patch([], title: "mine"), expectedVersion: 2,
      over: PageState(version: 5, baseVersion: 4, content: content("a", title: "theirs")),
      base: content("a"))
    #expect(titled == .conflict)
    let future = try PageRules.patch(disjoint, expectedVersion: 6, over: now, base: now.content)
    #expect(future == .conflict)
  }

  @Test("once others were put into another order no patch places one that stays, but may change it")
  func reordered() {
    let base = content("a:1 b:2 c:3")
    let add = SectionPatch.add(section("x"), position: 0)
    let places: [[SectionPatch]] = [
      [.move(sectionId: "a", position: -1)], [.move(sectionId: "b", position: 0)],
      [.move(sectionId: "c", position: 0)],
      [.remove(sectionId: "c"), .add(section("c"), position: 0)], [add, .move(sectionId: "x", position: 1)],
    ]
    let changes: [[SectionPatch]] = [
      [.update(section("a", "mine"))], [.update(section("b", "mine"))], [.remove(sectionId: "c")], [add],
    ]
    for operations in places {
      #expect(!PageRules.isDisjoint(patch(operations), from: base, to: content("b:2 a:1 c:3")))
      // Others that came and went are no other order.
      #expect(PageRules.isDisjoint(patch(operations), from: base, to: content("n a:1 m b:2 c:3")))
      #expect(PageRules.isDisjoint(patch(operations), from: content("n a:1 b:2 c:3"), to: base))
    }
    for operations in changes {
      #expect(PageRules.isDisjoint(patch(operations), from: base, to: content("c:3 b:2 a:1")))
    }
    for sectionId in ["a", "n"] {
      let move = patch([.move(sectionId: sectionId, position: 0)])
      // Gone, new, or with another text.
      #expect(!PageRules.isDisjoint(move, from: content("a n b"), to: content("b")))
      #expect(!PageRules.isDisjoint(move, from: content("b"), to: content("a n b")))
      #expect(!PageRules.isDisjoint(move, from: content("a n b"), to: content("a:2 n:2 b")))
    }
  }

  @Test("a version is known to be a patch's by the ids that it made for it")
  func retriedPatch() throws {
    let mine = patch([.remove(sectionId: "a"), .add(section("", "n"), position: -1)])
    let before = content("a b:2")
    let made = try PageRules.apply(mine, to: before, version: 6)
    #expect(described(made) == "b:2 section-6-1:n")
    #expect(PageRules.isMade(made, version: 6, by: mine, from: before))
    #expect(!PageRules.isMade(made, version: 7, by: mine, from: before))
    #expect(!PageRules.isMade(made, version: 6, by: mine, from: content("a b:1")))
    // It cannot be applied to it at all.
    #expect(!PageRules.isMade(made, version: 6, by: mine, from: content("b:2")))
  }

  // MARK: media and limits

  @Test("media are taken out wherever they are shown, and only those")
  func detach() {
    var page = content("a b c")
    page.sections[0].firstMediaId = "m"
    page.sections[1].secondMediaId = "m"
    page.sections[2].firstMediaId = "n"
    let left = PageRules.detached(page, mediaId: "m")
    #expect(left.mediaIds == [ExactText("n")])
    #expect(PageRules.withoutMissing(page, live: [ExactText("n"): 1]) == left)
    #expect(PageRules.withoutMissing(page, live: [ExactText("n"): 1, ExactText("m"): 1]) == page)
  }

  @Test("a view's size is not less than what it is made of")
  func size() throws {
    let limit = PageView(facts: PageFacts(pageId: "p", userId: "u"), sections: []).replyByteCount
    let view = PageView(facts: PageFacts(pageId: "p", userId: "u"), sections: [])
    try PageRules.check(view, maximumReplyByteCount: limit, field: "f")
    #expect(throws: Refusal.self) {
      try PageRules.check(view, maximumReplyByteCount: limit - 1, field: "f")
    }
  }
}
