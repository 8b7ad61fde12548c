// Exact decimal numbers as text, such as JSON's. No floating point comes near an amount.

/// A decimal number: its sign, its digits, and how many of them come after the point.
package struct Decimal {
  private var isNegative = false
  private var digits: [UInt8] = []
  private var fractionCount = 0

  /// Longer texts are refused, since no amount needs them.
  package static let maximumByteCount = 64

  /// - Parameter text: such as `-12`, `1.25`, `.5` or `1e3`. nil for anything else.
  package init?(_ text: some StringProtocol) {
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

  /// The number times ten to the power of `places`; nil when that is no integer or does not fit the type.
  package func scaled<Value: FixedWidthInteger>(by places: Int, as type: Value.Type = Value.self) -> Value? {
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
