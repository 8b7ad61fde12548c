// One check of `tally verify`, under way or done, as text and as JSON.

internal import TallyProtoJSON

/// A check's progress or its end, wherever it comes from.
struct VerifyPart {
  var check: Int
  var title: String
  var isDone: Bool
  var examined: Int64
  var total: Int64
  /// Rows from before a law of the check.
  var exempt: Int64
  var violations: Int64
  var findings: [String]
  var elapsedMicros: Int64

  /// Its line, and one for each finding.
  var text: String {
    let mark = violations == 0 ? "ok  " : "FAIL"
    let seconds =
      "\(elapsedMicros / 1_000_000).\("\(1_000_000 + elapsedMicros % 1_000_000)".dropFirst().prefix(3))"
    let space = String(repeating: " ", count: max(0, Self.titleWidth - title.count))
    var line =
      "\(mark)  \(check)  \(title)\(space)  \(Dollars.grouped(examined.magnitude)) examined, \(seconds) s"
    if exempt > 0 { line += ", \(Dollars.grouped(exempt.magnitude)) older ones exempt" }
    if violations > 0 { line += ", \(Dollars.grouped(violations.magnitude)) violations" }
    let rows = findings.map { "\n         " + JSON.plain($0) }
    let isCut = Int64(findings.count) < violations
    return line + rows.joined() + (isCut ? "\n         ..." : "") + "\n"
  }

  private static let titleWidth = 56

  var json: JSON {
    .object([
      .init("check", .integer(check)), .init("title", .string(title)),
      .init("ok", .bool(violations == 0)), .init("examined", .integer(examined)),
      .init("exempt", .integer(exempt)), .init("violations", .integer(violations)),
      .init("findings", .array(findings.map(JSON.string))),
      .init("elapsedMicros", .integer(elapsedMicros)),
    ])
  }
}
