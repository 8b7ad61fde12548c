// Durations, rates and sizes, as text for people.

/// Durations, rates and sizes as text.
enum Spans {
  /// Such as `87us`, `1.2ms`, `3.4s`.
  static func text(_ micros: Int64) -> String {
    switch micros {
    case ..<1_000: "\(micros)us"
    case ..<1_000_000: tenths(micros / 100) + "ms"
    default: tenths(micros / 100_000) + "s"
    }
  }

  /// A count in a span of time as a rate per second.
  static func rate(_ count: Int64, nanoseconds: UInt64) -> String {
    nanoseconds == 0 ? "-" : number(Double(count) * 1e9 / Double(nanoseconds))
  }

  /// The mean, with one decimal place if it is small; `-` if there are no values.
  static func mean(_ sum: Int64, of count: Int64) -> String {
    count <= 0 ? "-" : number(Double(sum) / Double(count))
  }

  private static func number(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return "-" }
    return value < 100 ? tenths(Int64((value * 10).rounded())) : whole(Int64(value.rounded()))
  }

  /// Such as `98.3%`; `-` if the whole is zero.
  static func ratio(_ part: Int64, of whole: Int64) -> String {
    guard whole > 0 else { return "-" }
    let thousandths = (Double(part) * 1_000 / Double(whole)).rounded(.down)
    return Int64(exactly: thousandths).map { tenths($0) + "%" } ?? "-"
  }

  static func bytes(_ count: Int64) -> String {
    switch count {
    case ..<1_024: "\(count) B"
    case ..<(1 << 20): tenths(count * 10 / 1_024) + " KiB"
    default: tenths(count / (1 << 20) * 10 + count % (1 << 20) * 10 / (1 << 20)) + " MiB"
    }
  }

  static func whole(_ number: Int64) -> String {
    (number < 0 ? "-" : "") + Dollars.grouped(number.magnitude)
  }

  private static func tenths(_ tenths: Int64) -> String {
    tenths % 10 == 0 || tenths >= 1_000 ? whole(tenths / 10) : "\(whole(tenths / 10)).\(tenths % 10)"
  }

  /// The text of a statement on one line, with single spaces.
  static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
