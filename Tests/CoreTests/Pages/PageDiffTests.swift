// Differences of versions: applied to the older one they give the newer one, whatever the contents.

internal import Testing

@testable internal import TallyCore

@Suite("Differences of versions")
struct PageDiffTests {
  private static func text(_ diff: TextDiff) -> String {
    diff.pieces.map { piece in
      switch piece.kind {
      case .kept: piece.text
      case .removed: "[-\(piece.text)-]"
      case .added: "{+\(piece.text)+}"
      }
    }.joined()
  }

  private static func diff(_ older: String, _ newer: String, work: Int = 1_000_000) -> TextDiff {
    var work = work
    return TextDiff(from: older, to: newer, work: &work)
  }

  private static func require(_ diff: TextDiff, leadsFrom older: String, to newer: String) {
    let from = diff.pieces.filter { $0.kind != .added }.map(\.text).joined()
    let to = diff.pieces.filter { $0.kind != .removed }.map(\.text).joined()
    #expect(
      from.isExactly(older) && to.isExactly(newer), "\(older.debugDescription) \(newer.debugDescription)")
    #expect(diff.pieces.allSatisfy { !$0.text.isEmpty })
    #expect(zip(diff.pieces, diff.pieces.dropFirst()).allSatisfy { $0.kind != $1.kind })
  }

  @Test(
    "texts are compared by words",
    arguments: [
      ("", "a", "{+a+}"), ("a", "", "[-a-]"), ("one two three", "one 2 three", "one [-two-]{+2+} three"),
      ("a b c", "a c", "a [-b -]c"), ("a c", "a b c", "a {+b +}c"),
      ("Hello, World", "Hello World", "Hello[-,-] World"),
      ("caf\u{e9}", "cafe\u{301}", "[-caf\u{e9}-]{+cafe\u{301}+}"), ("x", "x", "x"),
      ("東京都", "東西都", "東[-京-]{+西+}都"),
    ])
  func words(older: String, newer: String, expected: String) {
    let diff = Self.diff(older, newer)
    Self.require(diff, leadsFrom: older, to: newer)
    #expect(Self.text(diff).isExactly(expected))
  }

  @Test("whatever the texts, a difference leads from one to the other, and is as short as it can be")
  func random() {
    var random = SeededGenerator(seed: 20_261_130)
    for _ in 0..<2_000 {
      let letters = ["a", "b", "c", " ", "\n", "é", "e\u{301}", "东", "1", "."]
      func text() -> String {
        (0..<Int.random(in: 0..<24, using: &random)).map { _ in letters.randomElement(using: &random) ?? "" }
          .joined()
      }
      let (older, newer) = (text(), text())
      let diff = Self.diff(older, newer)
      Self.require(diff, leadsFrom: older, to: newer)
      #expect(!diff.isCoarse)
      // Without any room it is coarse, and still leads there.
      let coarse = Self.diff(older, newer, work: 0)
      Self.require(coarse, leadsFrom: older, to: newer)
    }
  }

  @Test("no more is removed and added than the longest common subsequence leaves")
  func shortest() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<300 {
      func words() -> [String] {
        (0..<Int.random(in: 1..<16, using: &random)).map { _ in
          ["a", "b", "c", "d"].randomElement(using: &random) ?? ""
        }
      }
      // Signs that stand alone are words of their own.
      let (older, newer) = (words().map { "\($0)." }, words().map { "\($0)." })
      let diff = Self.diff(older.joined(), newer.joined())
      let (old, new) = (
        older.flatMap { [String($0.prefix(1)), "."] }, newer.flatMap { [String($0.prefix(1)), "."] }
      )
      var common = [[Int]](repeating: [Int](repeating: 0, count: new.count + 1), count: old.count + 1)
      for i in old.indices {
        for j in new.indices {
          common[i + 1][j + 1] =
            old[i] == new[j] ? common[i][j] + 1 : max(common[i][j + 1], common[i + 1][j])
        }
      }
      let kept = diff.pieces.filter { $0.kind == .kept }.reduce(0) { $0 + $1.text.count }
      #expect(kept == common[old.count][new.count], "\(old) \(new)")
    }
  }

  @Test("texts that differ too much are taken as wholes between the ends that they share, in bounded work")
  func coarse() {
    let words = (0..<20_000).map { "w\($0)" }
    let older = "same " + words.joined(separator: " ") + " end"
    let newer = "same " + words.reversed().joined(separator: " ") + " end"
    var work = PageDiff.work
    let diff = TextDiff(from: older, to: newer, work: &work)
    Self.require(diff, leadsFrom: older, to: newer)
    #expect(diff.isCoarse && diff.pieces.first?.kind == .kept && diff.pieces.last?.kind == .kept)
    #expect(work > PageDiff.work - 1_000_000)
    let far = (0..<300).map { "a\($0) " }.joined()
    let near = (0..<300).map { "b\($0) " }.joined()
    #expect(Self.diff(far, near).isCoarse && !Self.diff(far, far + near).isCoarse)
  }

  @Test("512 words that differ are compared one by one, and one more is not")
  func coarseBorder() {
    func text(_ prefix: String, _ count: Int) -> String {
      (0..<count).map { "\(prefix)\($0)" }.joined(separator: " ")
    }
    // The blanks between them stay.
    #expect(!Self.diff(text("a", 256), text("b", 256)).isCoarse)
    let more = Self.diff(text("a", 256), text("b", 255) + " b255!")
    #expect(more.isCoarse)
    Self.require(more, leadsFrom: text("a", 256), to: text("b", 255) + " b255!")
  }

  @Test("whatever the versions, taking out and putting in sections leads from one to the other")
  func sections() {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<1_000 {
      func content() -> PageContent {
        let ids = ["a", "b", "c", "d", "e", "f"].shuffled(using: &random)
          .prefix(Int.random(in: 0...6, using: &random))
        return PageContent(
          title: ["", "t"].randomElement(using: &random) ?? "",
          sections: ids.map {
            PageSection(
              sectionId: $0, kind: "k\(Int.random(in: 0...3, using: &random) / 3)",
              content: "\(Int.random(in: 0...3, using: &random) / 3)",
              firstMediaId: Int.random(in: 0...5, using: &random) == 0 ? "m" : "")
          })
      }
      let (older, newer) = (content(), content())
      let diff = PageDiff(from: older, to: newer, maximumByteCount: 1 << 20)
      var order = older.sections.map(\.sectionId)
      order.removeAll { id in
        diff.sections.contains { $0.sectionId == id && ($0.change == .removed || $0.isMoved) }
      }
      let put = diff.sections.filter { $0.change == .added || $0.isMoved }
      for section in put.sorted(by: { $0.toPosition ?? 0 < $1.toPosition ?? 0 }) {
        order.insert(section.sectionId, at: section.toPosition ?? 0)
      }
      #expect(order == newer.sections.map(\.sectionId))
      for section in newer.sections {
        let old = older.sections.first { $0.sectionId == section.sectionId }
        let told = diff.sections.first { $0.sectionId == section.sectionId }
        guard let old else {
          #expect(told?.change == .added && told?.toKind == section.kind && told?.fromPosition == nil)
          continue
        }
        #expect((told != nil) == (old != section || told?.isMoved ?? false))
        if let told {
          #expect((told.content != nil) == (old.content != section.content))
          #expect((told.fromKind, told.toKind) == (old.kind, section.kind))
          #expect(told.hasOtherImages == (old.firstMediaId != section.firstMediaId))
        }
      }
      #expect((diff.title != nil) == (older.title != newer.title) && diff.settings == nil)
    }
  }

  @Test("what does not fit into a reply is left out, and said so")
  func leftOut() {
    let section = PageSection(sectionId: "s", kind: "k", content: String(repeating: "x", count: 5_000))
    let small = PageSection(sectionId: "t", kind: "k", content: "y")
    let diff = PageDiff(
      from: PageContent(), to: PageContent(title: "t", sections: [section, small]), maximumByteCount: 4_000)
    #expect(diff.sections.map { $0.content?.isLeftOut } == [true, false])
    #expect(diff.title?.pieces.count == 1)
  }
}
