// A search of a user's pages: what is asked for, which pages have it, and the part of a page that shows it.
//
// Invariants:
// 1. What a user types never reaches a store as its own language: it is words here, each to be found.
// 2. A page is found when it has every term, each in one of its texts: a phrase does not go from one text
//    into the next.

/// What is searched for. Words are divided by blanks; all have to be there. `"..."` is a phrase, `wor*` the
/// beginning of a word; all else that is no letter or digit divides words, which then are a phrase: `e-mail`
/// is "e mail".
public struct WordQuery: Sendable, Equatable {
  /// Words that follow each other.
  package struct Term: Sendable, Equatable {
    /// Folded; at least one.
    package var words: [String]
    /// Of the last word only its beginning is given.
    package var isPrefix: Bool
  }

  package private(set) var terms: [Term] = []

  /// - Throws: `invalidField` for a query without a word, or with too many.
  public init(parsing text: String) throws(Refusal) {
    var rest = text.unicodeScalars[...]
    while let first = rest.first {
      let isQuoted = first == "\""
      if isQuoted { rest.removeFirst() }
      let part = rest.prefix { isQuoted ? $0 != "\"" : !$0.properties.isWhitespace && $0 != "\"" }
      rest = rest.dropFirst(part.count)
      if isQuoted, !rest.isEmpty { rest.removeFirst() }
      // A star stands behind the closing quote, or at the word's end.
      let isPrefix = isQuoted ? rest.first == "*" : part.last == "*"
      if isQuoted && isPrefix { rest.removeFirst() }
      let words = PageWords.folded(String(part))
      if !words.isEmpty { terms.append(Term(words: words, isPrefix: isPrefix)) }
      if !isQuoted, rest.first?.properties.isWhitespace ?? false { rest.removeFirst() }
    }
    if terms.isEmpty { throw Self.invalid("has no word", [:]) }
    let count = terms.reduce(0) { $0 + $1.words.count }
    if count > PageLimits.queryWordCount {
      throw Self.invalid(
        "has \(count) words; the limit is \(PageLimits.queryWordCount)",
        ["limit": String(PageLimits.queryWordCount)])
    }
    terms = Self.distinct(terms)
  }

  /// A term that is there twice would be looked for twice.
  private static func distinct(_ terms: [Term]) -> [Term] {
    terms.enumerated().filter { index, term in
      !terms[..<index].contains { earlier in
        earlier.isPrefix == term.isPrefix && earlier.words.count == term.words.count
          && zip(earlier.words, term.words).allSatisfy { $0.isExactly($1) }
      }
    }.map(\.element)
  }

  private static func invalid(_ problem: String, _ details: [String: String]) -> Refusal {
    Refusal(.invalidField, "query \(problem)", details: details.merging(["field": "query"]) { $1 })
  }

  /// Whether a page has every term.
  package func isFound(in content: PageContent) -> Bool {
    let units = PageTexts.units(of: content).map { PageWords.folded($0.text) }
    return terms.allSatisfy { term in units.contains { !term.places(in: $0).isEmpty } }
  }
}

extension WordQuery.Term {
  /// Where the term stands among folded words.
  fileprivate func places(in text: [String]) -> [Range<Int>] {
    guard let last = words.last, text.count >= words.count else { return [] }
    return (0...text.count - words.count).compactMap { start in
      let end = start + words.count
      for (offset, word) in words.dropLast().enumerated() where !text[start + offset].isExactly(word) {
        return nil
      }
      let found = text[end - 1]
      let isFound = isPrefix ? found.utf8.starts(with: last.utf8) : found.isExactly(last)
      return isFound ? start..<end : nil
    }
  }
}

/// A search and where its answer is cut.
public struct PageSearch: Sendable, Equatable {
  public var userId: String
  public var query: WordQuery
  public var limit: Int
  public var maximumByteCount: Int
  /// So many matches, the best of all, were answered before.
  public var from: Int64 = 0
  /// What it may take of the processor's time.
  package var processorNanoseconds = PageLimits.searchProcessorNanoseconds

  public init(userId: String, query: WordQuery, limit: Int, maximumByteCount: Int) {
    self.userId = userId
    self.query = query
    self.limit = limit
    self.maximumByteCount = maximumByteCount
  }
}

/// A part of an excerpt.
public struct TextPiece: Sendable, Equatable {
  public var text: String
  /// It is what was searched for.
  public var isMatched: Bool

  package init(text: String, isMatched: Bool) {
    self.text = text
    self.isMatched = isMatched
  }
}

/// A page that was found.
public struct PageMatch: Sendable, Equatable {
  public var facts: PageFacts
  /// The section that the excerpt is of; nil for the title.
  public var sectionId: String?
  /// Empty when no more texts are looked at in one answer.
  public var excerpt: [TextPiece] = []

  /// Not less than its encoding in a reply.
  package var listedByteCount: Int {
    facts.listedByteCount + 32 + (sectionId?.utf8.count ?? 0)
      + excerpt.reduce(0) { $0 + 16 + $1.text.utf8.count }
  }
}

extension WordQuery {
  private static let wordsBefore = 6
  private static let excerptWords = 24
  private static let excerptByteCount = 512

  /// - Parameter byteCount: of texts that may still be looked at for excerpts.
  package func match(_ facts: PageFacts, _ content: PageContent, lookingAt byteCount: inout Int) -> PageMatch
  {
    var best: (unit: PageTexts.Unit, words: [PageWords.Word], places: [Range<Int>], terms: Int)?
    // The title is shown in any case: it is the excerpt only when no section has a term.
    let units = PageTexts.units(of: content)
    for unit in units.dropFirst() + units.prefix(1) {
      guard byteCount > 0, best.map({ unit.sectionId != nil && $0.terms < terms.count }) ?? true else {
        break
      }
      byteCount -= unit.text.utf8.count
      let words = PageWords.words(of: unit.text)
      let folded = words.map(\.text)
      let found = terms.map { $0.places(in: folded) }.filter { !$0.isEmpty }
      if found.count > best?.terms ?? 0 { best = (unit, words, found.flatMap(\.self), found.count) }
    }
    guard let best else { return PageMatch(facts: facts) }
    return PageMatch(
      facts: facts, sectionId: best.unit.sectionId,
      excerpt: Self.excerpt(of: best.unit.text, best.words, best.places))
  }

  /// What stands around the first of some places: of the words before it as many as leave room for it, or
  /// for its beginning when there is none for all of it.
  private static func excerpt(
    of text: String, _ words: [PageWords.Word], _ places: [Range<Int>]
  ) -> [TextPiece] {
    let sorted = places.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
    guard let first = sorted.first else { return [] }
    let matchEnd = words[first.upperBound - 1].range.upperBound
    func hasRoom(from word: Int) -> Bool {
      text.utf8.distance(from: words[word].range.lowerBound, to: matchEnd) <= excerptByteCount
    }
    let start =
      (max(0, first.lowerBound - wordsBefore)..<first.lowerBound).first(where: hasRoom)
      ?? first.lowerBound
    let last = min(words.count, max(first.upperBound, start + excerptWords))
    var left = excerptByteCount
    var pieces: [TextPiece] = []
    var place = words[start].range.lowerBound
    func append(until end: String.Index, isMatched: Bool) {
      guard place < end, left > 0 else { return }
      let piece = cut(text[place..<end], &left)
      if !piece.isEmpty { pieces.append(TextPiece(text: piece, isMatched: isMatched)) }
      place = end
    }
    for match in sorted where match.upperBound <= last {
      append(until: words[match.lowerBound].range.lowerBound, isMatched: false)
      append(until: words[match.upperBound - 1].range.upperBound, isMatched: true)
    }
    append(until: words[last - 1].range.upperBound, isMatched: false)
    return pieces
  }

  /// As much of a text as there is room for.
  private static func cut(_ text: Substring, _ left: inout Int) -> String {
    defer { left -= text.utf8.count }
    if text.utf8.count <= left { return String(text) }
    var cut = String.UnicodeScalarView()
    var byteCount = 0
    for scalar in text.unicodeScalars {
      byteCount += String(scalar).utf8.count
      if byteCount > left { break }
      cut.append(scalar)
    }
    return String(cut)
  }
}
