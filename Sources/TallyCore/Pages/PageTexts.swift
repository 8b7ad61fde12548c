// What of a page is searched: its title, and its sections' texts.
//
// A section's content is JSON as a rule: then the texts that stand in it as values are searched, not the
// names of members, numbers or what else JSON has. Any other content is searched as it is.
//
// Invariants:
// 1. Nothing is recursive: whatever the content, it takes no more stack.

package enum PageTexts {
  /// Arrays and objects within each other; content with more of them is no JSON here.
  static let maximumDepth = 256

  /// A text, and the section that it stands in; the title's is nil.
  package struct Unit: Equatable {
    package var sectionId: String?
    package var text: String
  }

  /// All texts of a page, the title first.
  package static func units(of content: PageContent) -> [Unit] {
    [Unit(sectionId: nil, text: content.title)]
      + content.sections.flatMap { section in
        texts(of: section.content).map { Unit(sectionId: section.sectionId, text: $0) }
      }
  }

  /// Whether two contents are the same to a search, and to what it shows.
  static func areSame(_ left: PageContent, _ right: PageContent) -> Bool {
    left.title.isExactly(right.title) && left.sections.count == right.sections.count
      && zip(left.sections, right.sections).allSatisfy { $0.content.isExactly($1.content) }
  }

  static func texts(of content: String) -> [String] {
    var reader = JSONTexts(content)
    return reader.read() ?? [content]
  }
}

/// Reads the texts out of JSON.
private struct JSONTexts {
  private enum Next {
    /// A value; in an empty array its end.
    case value, valueOrEnd
    /// A member's name; in an empty object its end.
    case name, nameOrEnd
    case commaOrEnd
    case nothing
  }

  private let bytes: [UInt8]
  private var place = 0
  /// `[` or `{` of each array and object around `place`.
  private var open: [UInt8] = []
  private var next = Next.value
  private var texts: [String] = []

  init(_ content: String) { bytes = Array(content.utf8) }

  /// - Returns: nil when it is no JSON.
  mutating func read() -> [String]? {
    while true {
      while place < bytes.count, Self.blanks.contains(bytes[place]) { place += 1 }
      guard place < bytes.count else { return next == .nothing ? texts : nil }
      guard take(bytes[place]) else { return nil }
    }
  }

  private static let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]

  /// - Returns: false when the byte may not stand here.
  private mutating func take(_ byte: UInt8) -> Bool {
    switch next {
    case .nothing: return false
    case .commaOrEnd:
      if byte == UInt8(ascii: ",") {
        place += 1
        next = open.last == UInt8(ascii: "{") ? .name : .value
        return true
      }
      return close(byte)
    case .nameOrEnd where byte == UInt8(ascii: "}"), .valueOrEnd where byte == UInt8(ascii: "]"):
      return close(byte)
    case .name, .nameOrEnd: return takeName(byte)
    case .value, .valueOrEnd: return takeValue(byte)
    }
  }

  private mutating func takeName(_ byte: UInt8) -> Bool {
    guard byte == UInt8(ascii: "\""), text() != nil else { return false }
    while place < bytes.count, Self.blanks.contains(bytes[place]) { place += 1 }
    guard place < bytes.count, bytes[place] == UInt8(ascii: ":") else { return false }
    place += 1
    next = .value
    return true
  }

  private mutating func takeValue(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard open.count < PageTexts.maximumDepth else { return false }
      open.append(byte)
      place += 1
      next = byte == UInt8(ascii: "{") ? .nameOrEnd : .valueOrEnd
      return true
    case UInt8(ascii: "\""):
      guard let text = text() else { return false }
      texts.append(text)
      end()
      return true
    default: return takeWord()
    }
  }

  /// A number, true, false or null. Numbers are not looked at closely.
  private mutating func takeWord() -> Bool {
    let start = place
    while place < bytes.count, Self.isOfWord(bytes[place]) { place += 1 }
    let word = bytes[start..<place]
    guard let first = word.first else { return false }
    let isNumber =
      first == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
    guard isNumber || Self.literals.contains(where: { $0.elementsEqual(word) }) else { return false }
    end()
    return true
  }

  private static let literals = [Array("true".utf8), Array("false".utf8), Array("null".utf8)]

  private static func isOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "E"),
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func close(_ byte: UInt8) -> Bool {
    let isOfObject = byte == UInt8(ascii: "}")
    guard isOfObject || byte == UInt8(ascii: "]"),
      open.popLast() == (isOfObject ? UInt8(ascii: "{") : UInt8(ascii: "["))
    else { return false }
    place += 1
    end()
    return true
  }

  /// A value has ended.
  private mutating func end() { next = open.isEmpty ? .nothing : .commaOrEnd }

  /// The text that begins here; nil when it does not end, or has an escape that there is not.
  private mutating func text() -> String? {
    place += 1
    var text: [UInt8] = []
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let scalar = escape() else { return nil }
        text += Array(String(scalar).utf8)
      case 0..<0x20: return nil
      default: text.append(byte)
      }
    }
    return nil
  }

  private mutating func escape() -> Unicode.Scalar? {
    guard place < bytes.count else { return nil }
    let byte = bytes[place]
    place += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      guard let first = unit() else { return nil }
      guard (0xD800...0xDBFF).contains(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
      // One of a pair.
      guard place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"),
        bytes[place + 1] == UInt8(ascii: "u")
      else { return "\u{FFFD}" }
      place += 2
      guard let second = unit() else { return nil }
      guard (0xDC00...0xDFFF).contains(second) else { return "\u{FFFD}" }
      return Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    default: return nil
    }
  }

  /// Four hex digits.
  private mutating func unit() -> UInt32? {
    guard place + 4 <= bytes.count else { return nil }
    defer { place += 4 }
    var unit: UInt32 = 0
    for byte in bytes[place..<place + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }
}
