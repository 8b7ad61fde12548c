// What one check of `verify` has found so far: how much it examined, and the rows that break it.

internal import TallyCore
internal import TallySQLite

struct VerifyTally {
  var examined: Int64 = 0
  /// Rows from before a law that they need not keep.
  var exempt: Int64 = 0
  var violations: Int64 = 0
  var findings: [String] = []

  /// - Parameter finding: names the row.
  mutating func add(_ finding: @autoclosure () -> String) {
    violations += 1
    if findings.count < Verifier.maximumFindings { findings.append(Self.line(finding())) }
  }

  /// What is worth knowing and breaks no law.
  mutating func note(_ finding: @autoclosure () -> String) {
    if findings.count < Verifier.maximumFindings { findings.append(Self.line("note: \(finding())")) }
  }

  /// What comes next could not be read: what was not examined is not sound.
  mutating func stop(_ error: SQLiteError) {
    violations += 1
    if findings.count >= Verifier.maximumFindings { findings.removeLast() }
    findings.append(
      Self.line("stopped, and the rest was not examined: \(error.message) (SQLite \(error.code))"))
  }

  /// One line of at most `Verifier.maximumFindingBytes`.
  private static func line(_ text: String) -> String {
    let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    if words.utf8.count <= Verifier.maximumFindingBytes { return words }
    var kept = ""
    for character in words where kept.utf8.count + character.utf8.count <= Verifier.maximumFindingBytes - 3 {
      kept.append(character)
    }
    return kept + "..."
  }

  mutating func expect(_ holds: Bool, _ finding: @autoclosure () -> String) {
    if !holds { add(finding()) }
  }
}
