// Texts that look alike stay apart.

import TallyCore
internal import TallySQLiteStore
import Testing

@Suite("ExactText")
struct ExactTextTests {
  @Test(
    "texts that Swift takes for equal are told apart",
    arguments: [
      ("\u{e9}", "e\u{301}"), ("\u{212b}", "\u{c5}"), ("a\u{323}\u{307}", "a\u{307}\u{323}"),
      ("\u{2126}", "\u{3a9}"), ("\u{ac00}", "\u{1100}\u{1161}"),
    ])
  func apart(left: String, right: String) {
    #expect(left == right)
    #expect(ExactText(left) != ExactText(right))
    #expect(Set([ExactText(left), ExactText(right)]).count == 2)
    #expect((ExactText(left) < ExactText(right)) != (ExactText(right) < ExactText(left)))
  }

  @Test("the same bytes are equal", arguments: ["", "u", "\u{e9}", "e\u{301}", "支付", "🔑"])
  func equal(text: String) {
    let again = String(decoding: Array(text.utf8), as: UTF8.self)
    #expect(ExactText(text) == ExactText(again))
    #expect(text.isExactly(again))
    #expect(!text.isExactly(text + " "))
  }

  @Test("the order is that of the bytes")
  func order() {
    let texts = ["e\u{301}", "\u{e9}", "z", "B", "a", "\u{1f511}", "\u{ffee}"].map(ExactText.init)
    #expect(texts.sorted().map(\.text.utf8.first) == [0x42, 0x61, 0x65, 0x7a, 0xc3, 0xef, 0xf0])
  }

  @Test("spellings that only Swift takes for equal have hashes of their own")
  func hashes() {
    // Each letter composed or not: 4,096 spellings of one text.
    let texts = (0..<4_096).map { number in
      (0..<12).map { number >> $0 & 1 == 0 ? "\u{e9}" : "e\u{301}" }.joined()
    }
    #expect(Set(texts.map { ExactText($0).hashValue }).count > 4_000)
    #expect(Set(texts.map(ExactText.init)).count == 4_096)
  }
}
