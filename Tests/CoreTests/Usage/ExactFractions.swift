// Whole numbers of any size, by hand: what prices are proven against.

/// Not negative; decimal digits, the least significant first.
struct Digits: Equatable {
  private(set) var digits: [UInt8] = []

  init(_ number: Int64) {
    var rest = number
    while rest > 0 {
      digits.append(UInt8(rest % 10))
      rest /= 10
    }
  }

  private init(digits: [UInt8]) {
    self.digits = digits
    while self.digits.last == 0 { self.digits.removeLast() }
  }

  static func + (left: Digits, right: Digits) -> Digits {
    var sum: [UInt8] = []
    var carry: UInt8 = 0
    for place in 0..<max(left.digits.count, right.digits.count) {
      let digit = left[place] + right[place] + carry
      sum.append(digit % 10)
      carry = digit / 10
    }
    return Digits(digits: sum + [carry])
  }

  static func * (left: Digits, right: Digits) -> Digits {
    var product = [Int](repeating: 0, count: left.digits.count + right.digits.count + 1)
    for (i, a) in left.digits.enumerated() {
      for (j, b) in right.digits.enumerated() { product[i + j] += Int(a) * Int(b) }
    }
    for place in product.indices.dropLast() {
      product[place + 1] += product[place] / 10
      product[place] %= 10
    }
    return Digits(digits: product.map { UInt8($0) })
  }

  private subscript(place: Int) -> UInt8 { place < digits.count ? digits[place] : 0 }

  /// The whole part and the rest of a division by a million millions: by moving the point twelve places.
  var dividedByMillionMillions: (whole: Int64, rest: Digits) {
    let whole = digits.dropFirst(12).reversed().reduce(Int64(0)) { $0 * 10 + Int64($1) }
    return (whole, Digits(digits: Array(digits.prefix(12))))
  }

  static func < (left: Digits, right: Digits) -> Bool {
    if left.digits.count != right.digits.count { return left.digits.count < right.digits.count }
    return left.digits.reversed().lexicographicallyPrecedes(right.digits.reversed())
  }
}
