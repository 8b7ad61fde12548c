// At which of the calls that a piece of work makes something is to fail: at each, or at some of them.
//
// TALLY_FAULT_POINTS says at how many of the calls of one kind in one situation; 0 is at each of them, and
// `ways` at the first and the last of those that come about by the same way through the code. Calls of an
// engine that goes on, which cost little, are all taken then.
// TALLY_SEED chooses which, and TALLY_FAULT_SCENARIO the situations.

internal import Glibc
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore

struct FaultPoints {
  /// At most so many; nil: all.
  let limit: Int?
  fileprivate var random: SeededGenerator

  static let seed = UInt64(number("TALLY_SEED") ?? 1)
  /// Whether every case says what it did.
  static let isLong = text("TALLY_FAULT_POINTS") != nil
  /// Whether calls that come about by the same way count as one or two.
  static let isByWays = text("TALLY_FAULT_POINTS") == "ways"

  private static func text(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  private static func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

  /// - Parameter limit: where the environment says nothing; 0: all.
  init(limit: Int) {
    let chosen = Self.isByWays ? 0 : Self.number("TALLY_FAULT_POINTS") ?? limit
    self.limit = chosen == 0 ? nil : chosen
    random = SeededGenerator(seed: Self.seed)
  }

  /// The first and the last call of each way.
  static func ends(of ways: [UInt64]) -> [Int32] {
    var ends: [UInt64: (first: Int, last: Int)] = [:]
    for (index, way) in ways.enumerated() { ends[way, default: (index, index)].last = index }
    return Set(ends.values.flatMap { [Int32($0.first), Int32($0.last)] }).sorted()
  }

  /// Some that are apart from each other alike.
  mutating func choose(from places: [Int32]) -> [Int32] {
    let step = limit.map { max(1, (places.count + $0 - 1) / $0) } ?? 1
    let first = step == 1 ? 0 : Int.random(in: 0..<step, using: &random)
    return stride(from: first, to: places.count, by: step).map { places[$0] }
  }
}

extension FaultPoints {
  /// How far the next one is, of `count` calls.
  mutating func step(of count: Int) -> Int32 {
    guard let limit, count > limit else { return 1 }
    return Int32(Int.random(in: 1...(2 * count / limit), using: &random))
  }
}

/// Runs something on a thread of its own.
/// - Throws: when it does not come to an end.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) throws -> Value {
  let slot = Slot<Value>()
  let thread = try Thread { slot.put(body()) }
  let value = try slot.wait()
  try thread.join()
  return value
}
