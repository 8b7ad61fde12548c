// Dollars as text, from and to micro-USD. No floating point comes near an amount.
//
// Values, owned by nobody.

internal import TallyProtoJSON

/// Micro-USD as people write them.
enum Dollars {
  static let microsPerDollar: UInt64 = 1_000_000

  /// `$1.25`, `1.25`, `-$0.000001`, `-1`; at most six places. nil for anything else.
  static func parse(_ text: String) -> Int64? {
    var rest = text[...]
    let isNegative = rest.hasPrefix("-")
    if isNegative { rest = rest.dropFirst() }
    if rest.hasPrefix("$") { rest = rest.dropFirst() }
    guard let first = rest.utf8.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "+"),
      !rest.contains("e"), !rest.contains("E")
    else { return nil }
    return Decimal((isNegative ? "-" : "") + rest)?.scaled(by: 6)
  }

  /// `$1,234.50`, `-$0.000001`: at least two places, and as many as it takes.
  static func format(_ micros: Int64) -> String {
    let magnitude = micros.magnitude
    var fraction = "\(magnitude % microsPerDollar)"
    fraction = String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
    while fraction.utf8.count > 2, fraction.hasSuffix("0") { fraction.removeLast() }
    return (micros < 0 ? "-$" : "$") + grouped(magnitude / microsPerDollar) + "." + fraction
  }

  /// With a comma every three digits.
  static func grouped(_ value: UInt64) -> String {
    let digits = Array("\(value)")
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }
}
