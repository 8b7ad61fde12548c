// What `verify` reports: one check at a time, with the rows that break it.
//
// Values, owned by nobody.

internal import TallyCore
internal import TallySQLite

/// A check's count in the making.
struct VerifyTally {
  var examined: Int64 = 0
  var violations: Int64 = 0
  var findings: [String] = []

  /// - Parameter finding: names the row.
  mutating func add(_ finding: @autoclosure () -> String) {
    violations += 1
    if findings.count < Verifier.maximumFindings { findings.append(Self.line(finding())) }
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

enum VerifyCheck: Int, CaseIterable {
  case books = 1
  case balances = 2
  case chain = 3
  case allocations = 4
  case uniqueness = 5
  case usage = 6
  case pages = 7
  case schema = 8

  var title: String {
    switch self {
    case .books: "the books sum to zero, nothing is below it"
    case .balances: "balances, lots and holds add up"
    case .chain: "no gap, no step back in time, the chain recomputes"
    case .allocations: "debits equal their lots, holds settle once and in full"
    case .uniqueness: "keys, payments, grants and runs are unique"
    case .usage: "counters and caches agree with what they sum up"
    case .pages: "pages show their newest version and their owner's media"
    case .schema: "the file, its references, indexes and enums are sound"
    }
  }
}
