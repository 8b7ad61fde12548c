// The nearest of several names to one that was typed wrong.
//
// Values, owned by nobody.

enum Suggestion {
  /// The nearest name, letters of any case; nil when none is near: a third of its letters may differ.
  static func nearest(to typed: String, among names: [String]) -> String? {
    let near = names.map { ($0, distance(typed.lowercased(), $0.lowercased())) }
    guard let best = near.min(by: { $0.1 < $1.1 }) else { return nil }
    return best.1 <= max(1, best.0.count / 3) ? best.0 : nil
  }

  /// `; did you mean 'NAME'?`, or nothing.
  static func question(_ name: String?) -> String { name.map { "; did you mean '\($0)'?" } ?? "" }

  /// How many letters to insert, remove, replace or swap with their neighbour.
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
