// Finds the name that was meant by one that is misspelt.

enum Suggestion {
  /// The name that is closest, upper and lower case being equal; nil when more than a third of its letters
  /// differ.
  static func nearest(to typed: String, among names: [String]) -> String? {
    let near = names.map { ($0, distance(typed.lowercased(), $0.lowercased())) }
    guard let best = near.min(by: { $0.1 < $1.1 }) else { return nil }
    return best.1 <= max(1, best.0.count / 3) ? best.0 : nil
  }

  /// `; did you mean 'NAME'?`, or nothing.
  static func question(_ name: String?) -> String { question(name.map { [$0] } ?? []) }

  /// `; did you mean 'ONE', 'TWO' or 'THREE'?`, or nothing.
  static func question(_ names: [String]) -> String {
    guard let last = names.last else { return "" }
    let others = names.dropLast().map { "'\($0)'" }.joined(separator: ", ")
    return "; did you mean \(others.isEmpty ? "" : "\(others) or ")'\(last)'?"
  }

  /// How many letters have to be inserted, removed, replaced or swapped with their neighbour.
  static func distance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first), Array(second))
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var least = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, beforeLast[j - 1] + 1) }
        row.append(least)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
