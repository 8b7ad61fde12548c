// Times and durations on the command line.

internal import TallyProtoJSON

enum Times {
  static func parse(_ text: String) throws(Failure) -> Int64 {
    guard let micros = Timestamp.parse(text) else {
      throw Failure(
        .usage, "\(JSON.quoted(text)) is not a UTC time such as 2026-12-31 or 2026-12-31T23:59:59Z")
    }
    return micros
  }

  /// The two ends of a period, of which either may be left out.
  static func parseRange(from: String?, to: String?) throws(Failure) -> (from: Int64?, to: Int64?) {
    var ends: (from: Int64?, to: Int64?) = (nil, nil)
    if let from { ends.from = try parse(from) }
    if let to { ends.to = try parse(to) }
    if let first = ends.from, let last = ends.to, first >= last {
      throw Failure(
        .usage,
        "--from must be before --to: \(Timestamp.format(first)) is not before \(Timestamp.format(last))"
      )
    }
    return ends
  }

  /// `90s`, `15m`, `2h`, `30d`, to milliseconds.
  static func parseSpan(_ text: String) throws(Failure) -> Int64 {
    let unit: Int64? =
      switch text.last {
      case "s": 1_000
      case "m": 60_000
      case "h": 3_600_000
      case "d": 86_400_000
      default: nil
      }
    guard let unit, let count = Int64(text.dropLast()), count > 0 else {
      throw Failure(.usage, "\(JSON.quoted(text)) is not a duration such as 90s, 15m, 2h or 30d")
    }
    let (millis, overflows) = count.multipliedReportingOverflow(by: unit)
    if overflows { throw Failure(.usage, "\(JSON.quoted(text)) is too long") }
    return millis
  }
}

extension Times {
  /// Milliseconds as `parseSpan` reads them, in the largest unit that divides them.
  static func formatSpan(_ millis: Int64) -> String {
    let units: [(String, Int64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
    guard let unit = units.first(where: { millis != 0 && millis % $0.1 == 0 }) else { return "\(millis)ms" }
    return "\(millis / unit.1)\(unit.0)"
  }
}
