// Writes the figures into docs/BENCHMARKS.md and docs/AUDIT.md, between the markers there.

enum Document {
  static let begin = "<!-- figures: written by `make bench`, not by hand -->"
  static let end = "<!-- end of figures -->"

  /// Replaces the text between the markers.
  static func replacing(_ document: String, with figures: String) throws(BenchError) -> String {
    guard let from = document.firstRange(of: begin), let to = document.firstRange(of: end),
      from.upperBound <= to.lowerBound
    else { throw BenchError("the document has no markers for the figures") }
    return document[..<from.upperBound] + "\n\n" + figures + "\n\n" + document[to.lowerBound...]
  }
}
