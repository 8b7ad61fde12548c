// Random numbers that are the same on every machine and in every run.
//
// Invariants:
// 1. They depend on the seed alone: no floating point, no clock, no per-process hashing.

/// SplitMix64: an addition and some mixing of bits for each number.
struct SeedRandom {
  private var state: UInt64

  init(_ seed: UInt64) {
    state = seed
  }

  /// A separate stream of random numbers for each combination of these numbers.
  init(_ parts: UInt64...) {
    state = parts.reduce(0x9E37_79B9_7F4A_7C15) { Self.mixed($0 &+ 0x9E37_79B9_7F4A_7C15) ^ $1 }
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mixed(state)
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// From zero to below `limit`, which is above zero. The bias is below 2^-32 for limits below 2^32.
  mutating func below(_ limit: UInt64) -> UInt64 { next().multipliedFullWidth(by: limit).high }

  /// From zero to below `limit`, as an amount or a count.
  mutating func count(below limit: Int64) -> Int64 { Int64(below(UInt64(limit))) }

  mutating func element<Element>(of elements: [Element]) -> Element {
    elements[Int(below(UInt64(elements.count)))]
  }
}

/// Draws places by weight.
struct WeightedChoice {
  /// The sum of the weights up to and including each place.
  private(set) var sums: [UInt64] = []

  /// - Parameter weights: their sum is above zero and fits.
  init(_ weights: some Sequence<UInt64>) {
    var sum: UInt64 = 0
    for weight in weights {
      sum += weight
      sums.append(sum)
    }
  }

  /// Zipf's law with exponent 1: the second place is drawn half as often as the first, and so on.
  static func zipf(_ count: Int) -> WeightedChoice {
    WeightedChoice((0..<count).map { 1_000_000_000 / UInt64($0 + 1) })
  }

  var total: UInt64 { sums.last ?? 0 }

  /// The place whose share of the total contains this number, which is below `total`.
  func place(of number: UInt64) -> Int { sums.partitionPoint { $0 <= number } }

  func draw(_ random: inout SeedRandom) -> Int { place(of: random.below(total)) }
}

extension Array {
  /// The first index for which `isFirst` is false, in an array where it is true of a first part only.
  func partitionPoint(_ isFirst: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isFirst(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
