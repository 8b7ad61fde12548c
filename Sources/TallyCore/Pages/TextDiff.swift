// What differs between two texts, word by word.
//
// Invariants:
// 1. What is kept and removed, in order, is the older text to the byte; what is kept and added the newer one.
// 2. As little as possible is removed and added, by words, as long as that is at most `maximumEdits` of them
//    and the work is within what it was given. Beyond that only what both texts begin and end with is kept.

public struct TextDiff: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case kept, removed, added
  }

  public struct Piece: Sendable, Equatable {
    public var kind: Kind
    public var text: String
  }

  /// None when it was left out for its length.
  public internal(set) var pieces: [Piece] = []
  /// What stands between the ends that both texts share was not compared.
  public internal(set) var isCoarse = false
  public internal(set) var isLeftOut = false

  /// Words removed and added that are looked for. The search keeps a square of them in memory: 2 MiB.
  static let maximumEdits = 512

  /// - Parameter work: steps that may still be taken; those that were are taken off.
  init(from older: String, to newer: String, work: inout Int) {
    let (old, new) = (Self.words(of: older), Self.words(of: newer))
    var start = 0
    while start < min(old.count, new.count), old[start].isExactly(new[start]) { start += 1 }
    var tail = 0
    while tail < min(old.count, new.count) - start,
      old[old.count - 1 - tail].isExactly(new[new.count - 1 - tail])
    {
      tail += 1
    }
    work -= old.count + new.count
    let (oldMiddle, newMiddle) = (old[start..<old.count - tail], new[start..<new.count - tail])
    var result = PieceList()
    for word in old[..<start] { result.add(.kept, word) }
    if let steps = Self.steps(Array(oldMiddle), Array(newMiddle), work: &work) {
      var (oldPlace, newPlace) = (oldMiddle.startIndex, newMiddle.startIndex)
      for step in steps {
        result.add(step, step == .added ? newMiddle[newPlace] : oldMiddle[oldPlace])
        if step != .added { oldPlace += 1 }
        if step != .removed { newPlace += 1 }
      }
    } else {
      // Nothing is to be compared with nothing.
      isCoarse = !oldMiddle.isEmpty && !newMiddle.isEmpty
      for word in oldMiddle { result.add(.removed, word) }
      for word in newMiddle { result.add(.added, word) }
    }
    for word in old[(old.count - tail)...] { result.add(.kept, word) }
    pieces = result.finished
  }

  /// One that says only that there is a difference.
  init(leftOut: Void) { isLeftOut = true }

  /// Not less than its encoding in a reply.
  var byteCount: Int { pieces.reduce(16) { $0 + 16 + $1.text.utf8.count } }

  // MARK: words

  /// A text cut into words, blanks and single other signs.
  private static func words(of text: String) -> [String] {
    var words: [String] = []
    var word = String.UnicodeScalarView()
    var kind = Sort.other
    for scalar in text.unicodeScalars {
      let next = Sort(scalar)
      if next != kind || next == .other, !word.isEmpty {
        words.append(String(word))
        word = String.UnicodeScalarView()
      }
      kind = next
      word.append(scalar)
    }
    if !word.isEmpty { words.append(String(word)) }
    return words
  }

  private enum Sort {
    case letter, blank, other

    init(_ scalar: Unicode.Scalar) {
      if PageWords.isOfLongWord(scalar) {
        self = .letter
      } else if scalar.properties.isWhitespace {
        self = .blank
      } else {
        self = .other
      }
    }
  }

  /// Puts words of the same kind together; between two kept ones what was removed comes first.
  private struct PieceList {
    private var pieces: [Piece] = []
    private var removed = ""
    private var added = ""

    mutating func add(_ kind: Kind, _ word: String) {
      switch kind {
      case .removed: removed += word
      case .added: added += word
      case .kept:
        flush()
        if pieces.last?.kind == .kept {
          pieces[pieces.count - 1].text += word
        } else {
          pieces.append(Piece(kind: .kept, text: word))
        }
      }
    }

    private mutating func flush() {
      if !removed.isEmpty { pieces.append(Piece(kind: .removed, text: removed)) }
      if !added.isEmpty { pieces.append(Piece(kind: .added, text: added)) }
      (removed, added) = ("", "")
    }

    var finished: [Piece] {
      var list = self
      list.flush()
      return list.pieces
    }
  }

  // MARK: the shortest edit

  /// The shortest way from one list of words to another (Myers, "An O(ND) Difference Algorithm", 1986).
  /// - Returns: nil when it is longer than `maximumEdits`, or takes more work than there is left.
  private static func steps(_ old: [String], _ new: [String], work: inout Int) -> [Kind]? {
    // Numbers are quicker to compare.
    var numbers: [ExactText: Int] = [:]
    func numbered(_ words: [String]) -> [Int] {
      words.map { word in
        if let known = numbers[ExactText(word)] { return known }
        numbers[ExactText(word)] = numbers.count
        return numbers.count - 1
      }
    }
    return Search(old: numbered(old), new: numbered(new)).steps(work: &work)
  }

  private struct Search {
    var old: [Int]
    var new: [Int]

    func steps(work: inout Int) -> [Kind]? {
      let reach = min(old.count + new.count, TextDiff.maximumEdits)
      let middle = reach + 1
      // By diagonal: how far into the older list so many edits get.
      var furthest = [Int](repeating: 0, count: 2 * reach + 3)
      var rounds: [[Int]] = []
      for edits in 0...reach {
        if work < 0 { return nil }
        rounds.append(Array(furthest[(middle - edits - 1)...(middle + edits + 1)]))
        for diagonal in stride(from: -edits, through: edits, by: 2) {
          let (above, below) = (furthest[middle + diagonal + 1], furthest[middle + diagonal - 1])
          var place = Self.adds(diagonal, edits, above: above, below: below) ? above : below + 1
          let start = place
          while place < old.count, place - diagonal < new.count, old[place] == new[place - diagonal] {
            place += 1
          }
          work -= 1 + place - start
          furthest[middle + diagonal] = place
          if place >= old.count, place - diagonal >= new.count { return walkBack(rounds) }
        }
      }
      return nil
    }

    /// Whether the last of some edits that lead to a diagonal adds a word; else it removes one.
    private static func adds(_ diagonal: Int, _ edits: Int, above: Int, below: Int) -> Bool {
      diagonal == -edits || (diagonal != edits && below < above)
    }

    /// - Parameter rounds: how far it had got before each edit; number n has the diagonals -n - 1 to n + 1.
    private func walkBack(_ rounds: [[Int]]) -> [Kind] {
      var steps: [Kind] = []
      var (oldPlace, newPlace) = (old.count, new.count)
      for edits in stride(from: rounds.count - 1, to: 0, by: -1) {
        let (furthest, middle) = (rounds[edits], edits + 1)
        let diagonal = oldPlace - newPlace
        let (above, below) = (furthest[middle + diagonal + 1], furthest[middle + diagonal - 1])
        let adds = Self.adds(diagonal, edits, above: above, below: below)
        let oldBefore = adds ? above : below
        let newBefore = oldBefore - (adds ? diagonal + 1 : diagonal - 1)
        while oldPlace > oldBefore, newPlace > newBefore {
          steps.append(.kept)
          (oldPlace, newPlace) = (oldPlace - 1, newPlace - 1)
        }
        steps.append(adds ? .added : .removed)
        (oldPlace, newPlace) = (oldBefore, newBefore)
      }
      steps += [Kind](repeating: .kept, count: oldPlace)
      return steps.reversed()
    }
  }
}
