// Whether a database that a power cut has left keeps what was promised.

internal import TallySQLite

@testable internal import TallyCore
@testable internal import TallySQLiteStore

struct PowerCutCheck {
  /// All contents that the recording knew.
  let contents: [StoredContent]
  let clock: TestClock

  /// What a start on a state has come to.
  struct Result {
    /// What is wrong; nil when nothing is.
    var violation: String?
    /// Which of the contents it was.
    var index: Int?
  }

  /// Starts on the files in a directory, goes on if it is told to, ends, and proves the file.
  /// - Parameters:
  ///   - allowed: contents that keep every promise.
  ///   - provesAll: by `tally verify`, not only by SQLite's own check.
  ///   - onServing: called when the start is over.
  func carryOut(
    in directory: TemporaryDirectory, allowed: ClosedRange<Int>, goesOn: Bool = true, provesAll: Bool = false,
    onServing: () -> Void = {}
  ) -> Result {
    var index: Int?
    do {
      let engine = try SQLiteEngine.open(PowerCutRun.configuration(directory.path, clock))
      onServing()
      let found = StoredContent(ofDatabase: directory.databasePath)
      index = allowed.reversed().first { found.difference(from: contents[$0]) == nil }
      // It has to be of use as well.
      let outcome = goesOn ? engine.apply(purchase("after", 1, "the cut")) : nil
      try engine.close()
      if index == nil { return Result(violation: describe(found, allowed)) }
      // Random amounts may have come near the end of what the books can hold.
      if let refusal = outcome?.refusal, refusal.reason != .amountOverflow {
        return Result(violation: "\(refusal)", index: index)
      }
      return Result(violation: try finding(directory, provesAll: provesAll), index: index)
    } catch { return Result(violation: "\(error)", index: index) }
  }

  private func describe(_ found: StoredContent, _ allowed: ClosedRange<Int>) -> String {
    if let index = contents.indices.last(where: { found.difference(from: contents[$0]) == nil }) {
      return "content \(index) where \(allowed) are allowed"
    }
    return "differs from content \(allowed.upperBound) in "
      + (found.difference(from: contents[allowed.upperBound]) ?? "")
  }

  private func finding(_ directory: TemporaryDirectory, provesAll: Bool) throws -> String? {
    guard provesAll else {
      let connection = try directory.connection()
      for pragma in ["integrity_check", "foreign_key_check"] {
        let rows = try connection.prepare("PRAGMA \(pragma)").all { (row) in
          (0..<(pragma == "integrity_check" ? 1 : 4)).map { _ in row.text() }.joined(separator: " ")
        }
        if rows != (pragma == "integrity_check" ? ["ok"] : []) { return rows.joined(separator: "; ") }
      }
      return nil
    }
    var findings: [String] = []
    let isSound = try Verifier.verify(file: directory.databasePath) { findings += $0.findings }
    return isSound && findings.isEmpty ? nil : findings.joined(separator: "; ")
  }
}
