// Exact decimal numbers as text: integers from JSON numbers, dollars from and to micro-USD. No
// floating point comes near an amount.
//
// Values, owned by nobody.

/// A number written in decimal: `sign`, digits, and how many of them stand behind the point.
struct Decimal {
  private var isNegative = false
  private var digits: [UInt8] = []
  private var fractionCount = 0

  /// Longer texts are no amount of anything.
  static let maximumByteCount = 64

  /// - Parameter text: such as `-12`, `1.25`, `.5` or `1e3`. nil for anything else.
  init?(_ text: some StringProtocol) {
    guard text.utf8.count <= Self.maximumByteCount else { return nil }
    var rest = Array(text.utf8)[...]
    isNegative = rest.first == UInt8(ascii: "-")
    if let sign = rest.first, [UInt8(ascii: "-"), UInt8(ascii: "+")].contains(sign) { rest.removeFirst() }
    let whole = Self.takeDigits(&rest)
    var fraction: [UInt8] = []
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      fraction = Self.takeDigits(&rest)
    }
    guard !whole.isEmpty || !fraction.isEmpty, let exponent = Self.takeExponent(&rest), rest.isEmpty else {
      return nil
    }
    digits = whole + fraction
    fractionCount = fraction.count - exponent
  }

  private static func takeDigits(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
    let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    rest = rest.dropFirst(digits.count)
    return digits.map { $0 - UInt8(ascii: "0") }
  }

  /// `e` and at most two digits; zero when there is none, nil when it is malformed.
  private static func takeExponent(_ rest: inout ArraySlice<UInt8>) -> Int? {
    guard let mark = rest.first, [UInt8(ascii: "e"), UInt8(ascii: "E")].contains(mark) else { return 0 }
    rest.removeFirst()
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
    let digits = takeDigits(&rest)
    guard (1...2).contains(digits.count) else { return nil }
    let value = digits.reduce(0) { $0 * 10 + Int($1) }
    return isNegative ? -value : value
  }

  /// The number times ten to the `places`, or nil when that is no integer or beyond the type.
  func scaled<Value: FixedWidthInteger>(by places: Int, as type: Value.Type = Value.self) -> Value? {
    var kept = digits
    var zeros = places - fractionCount
    while zeros < 0, let last = kept.popLast() {
      guard last == 0 else { return nil }
      zeros += 1
    }
    if kept.allSatisfy({ $0 == 0 }) { return 0 }
    var value: Value = 0
    for digit in kept + Array(repeating: 0, count: max(0, zeros)) {
      let (product, overflows) = value.multipliedReportingOverflow(by: 10)
      let step = Value(digit)
      let (sum, overflowsToo) =
        isNegative ? product.subtractingReportingOverflow(step) : product.addingReportingOverflow(step)
      guard !overflows, !overflowsToo else { return nil }
      value = sum
    }
    return value
  }
}

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
