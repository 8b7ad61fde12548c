// The words of pages, as they are searched: folded, and found in texts.
//
// A word is a run of letters, digits and their marks. Each ideograph and each kana is a word of its own,
// since nothing divides such words: a search for two of them is one for a phrase. Words are compared without
// regard to case and to the marks of Latin, Greek and Cyrillic letters: "Café" is found by "cafe".
//
// Invariants:
// 1. The same text gives the same words, whoever asks: the store's index, a search, and what shows a match.
// 2. A folded word has no ASCII but letters and digits.

@_spi(_Unicode) internal import Swift

package enum PageWords {
  /// Scalars of a folded word; the rest of a longer one is not looked at.
  static let maximumScalars = 64

  package struct Word: Equatable {
    /// Folded.
    package var text: String
    /// Where it stands.
    package var range: Range<String.Index>
  }

  /// All words of a text, folded, in order.
  package static func folded(_ text: String) -> [String] { words(of: text).map(\.text) }

  /// All words of a text in order.
  package static func words(of text: String) -> [Word] {
    var reader = Reader()
    let scalars = text.unicodeScalars
    var index = scalars.startIndex
    while index < scalars.endIndex {
      let next = scalars.index(after: index)
      reader.take(scalars[index], index..<next)
      index = next
    }
    reader.end()
    return reader.words
  }

  private enum Kind {
    case letter, alone, mark, other
  }

  private struct Reader {
    var words: [Word] = []
    private var folded = String.UnicodeScalarView()
    private var range: Range<String.Index>?
    /// The open word takes marks only.
    private var isAlone = false

    mutating func take(_ scalar: Unicode.Scalar, _ place: Range<String.Index>) {
      switch PageWords.kind(scalar) {
      case .other: end()
      case .mark:
        // One that belongs to no letter is no word.
        guard let range else { return }
        self.range = range.lowerBound..<place.upperBound
        append(scalar)
      case .alone:
        end()
        begin(scalar, place)
        isAlone = true
      case .letter:
        if isAlone { end() }
        if let range {
          self.range = range.lowerBound..<place.upperBound
          append(scalar)
        } else {
          begin(scalar, place)
        }
      }
    }

    private mutating func begin(_ scalar: Unicode.Scalar, _ place: Range<String.Index>) {
      range = place
      append(scalar)
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
      if folded.count < PageWords.maximumScalars { PageWords.fold(scalar, into: &folded) }
    }

    mutating func end() {
      if let range, !folded.isEmpty { words.append(Word(text: String(folded), range: range)) }
      folded = String.UnicodeScalarView()
      range = nil
      isAlone = false
    }
  }

  private static func kind(_ scalar: Unicode.Scalar) -> Kind {
    if scalar.isASCII { return scalar.isWordASCII ? .letter : .other }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber:
      return scalar.properties.isIdeographic || kana.contains(scalar.value) ? .alone : .letter
    case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
    default: return .other
    }
  }

  /// Whether a scalar is a part of words with more than one.
  static func isOfLongWord(_ scalar: Unicode.Scalar) -> Bool {
    switch kind(scalar) {
    case .letter, .mark: true
    case .alone, .other: false
    }
  }

  private static let kana: ClosedRange<UInt32> = 0x3041...0x30FF
  /// The marks that letters are compared without.
  private static let diacritics: ClosedRange<UInt32> = 0x300...0x36F

  private static func fold(_ scalar: Unicode.Scalar, into folded: inout String.UnicodeScalarView) {
    if scalar.isASCII {
      // Of letters only the upper case lacks this bit.
      let lower = scalar.properties.isUppercase ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar
      return folded.append(lower)
    }
    for part in String(scalar)._nfd where !diacritics.contains(part.value) {
      for lower in part.properties.lowercaseMapping.unicodeScalars where !diacritics.contains(lower.value) {
        // A sigma at a word's end is one.
        if lower == "\u{3C2}" {
          folded.append("\u{3C3}")
        } else if !lower.isASCII || lower.isWordASCII {
          folded.append(lower)
        }
      }
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isWordASCII: Bool {
    switch self {
    case "a"..."z", "A"..."Z", "0"..."9": true
    default: false
    }
  }
}
