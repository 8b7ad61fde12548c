// Dollars as text, from and to micro-USD, without floating point.

internal import TallyProtoJSON

/// Micro-USD as people write them.
enum Dollars {
  static let microsPerDollar: UInt64 = 1_000_000

  /// Accepts what all clients accept (proto/vectors/amounts.txt): an optional sign, digits, and a point only
  /// between digits, with at most six decimal places; `1.25`, `-0.000001`, `+1`. It also accepts what
  /// `format` writes, with a dollar sign and commas between thousands. nil for anything else.
  static func parse(_ text: String) -> Int64? {
    var rest = text[...]
    let isNegative = rest.hasPrefix("-")
    if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
    if rest.hasPrefix("$") { rest = rest.dropFirst() }
    let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let whole = ungrouped(parts[0]),
      parts.count == 1 || isDigits(parts[1])
    else { return nil }
    let fraction = parts.count == 2 ? ".\(parts[1])" : ""
    return Decimal((isNegative ? "-" : "") + whole + fraction)?.scaled(by: 6)
  }

  /// The digits without their commas, if these come before every third digit.
  private static func ungrouped(_ text: Substring) -> String? {
    let groups = text.split(separator: ",", omittingEmptySubsequences: false)
    guard groups.allSatisfy(isDigits), groups.dropFirst().allSatisfy({ $0.utf8.count == 3 }),
      groups.count == 1 || groups[0].utf8.count <= 3
    else { return nil }
    return groups.joined()
  }

  private static func isDigits(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  /// `$1,234.50`, `-$0.000001`: at least two decimal places, and more if needed.
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
