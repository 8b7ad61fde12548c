// At which of the calls that a piece of work makes something is to fail: at each, or at some of them.
//
// TALLY_FAULT_POINTS says at how many of the calls of one kind in one situation; 0 is at each of them.
// TALLY_SEED chooses which.

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
  static let isLong = number("TALLY_FAULT_POINTS") != nil

  private static func number(_ name: String) -> Int? {
    unsafe getenv(name).flatMap { Int(unsafe String(cString: $0)) }
  }

  /// - Parameter limit: where the environment says nothing; 0: all.
  init(limit: Int) {
    let chosen = Self.number("TALLY_FAULT_POINTS") ?? limit
    self.limit = chosen == 0 ? nil : chosen
    random = SeededGenerator(seed: Self.seed)
  }

  /// Numbers from 0 that are apart from each other alike, of `count` calls.
  mutating func choose(of count: Int) -> [Int32] {
    let step = limit.map { max(1, (count + $0 - 1) / $0) } ?? 1
    let first = step == 1 ? 0 : Int.random(in: 0..<step, using: &random)
    return stride(from: first, to: count, by: step).map { Int32($0) }
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
