// Random steps, and how a step becomes a command in the state that it meets.
//
// Invariants:
// 1. A step names nothing outright: holds, earlier commands and borders are picked by number from what there
//    is when it is carried out. So any part of a sequence is a sequence, and failures can be shrunk.
//
// Values, owned by the test.

import TallyCore
internal import TallySQLiteStore

@testable import TallyModel

/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

struct Step: Sendable, CustomStringConvertible {
  enum Kind: Sendable, CaseIterable {
    case consume, purchase, grantPlan, promo, adjust, reserve, extend, capture, release, putPlan
    case beginRun, finishRun, recordRun
    case refund, reverse, reinstate, void, forgive, putSettings
    case retry, advance, toBorder, month, back, restart, sweep, fill, atomic

    /// Out of their sum.
    var weight: UInt64 {
      switch self {
      case .consume: 16
      case .purchase, .grantPlan: 8
      case .promo, .reserve: 12
      case .capture: 14
      case .adjust, .release, .extend: 5
      case .beginRun, .finishRun: 10
      case .refund, .reverse: 12
      case .reinstate, .retry, .toBorder: 8
      case .void: 6
      case .putSettings: 5
      case .forgive, .putPlan, .advance: 4
      case .recordRun, .sweep: 2
      case .atomic: 3
      case .month, .back, .restart: 1
      // Once in some sequences, at their beginning.
      case .fill: 0
      }
    }
  }

  /// Numbers the step's key.
  var id: Int
  var kind: Kind
  /// What the choices are made from.
  var a: UInt64
  var b: UInt64
  var c: UInt64

  /// - Parameter filling: 1 to begin with a user of many lots, 0 with one of far more; nil for neither.
  static func random(count: Int, seed: UInt64, filling: UInt64? = nil) -> [Step] {
    var generator = SeededGenerator(seed: seed)
    let total = Kind.allCases.reduce(0) { $0 + $1.weight }
    return (0..<count).map { id in
      // There are plans before anything is granted by one.
      if id < 2 { return Step(id: id, kind: .putPlan, a: UInt64(id), b: generator.next(), c: 1) }
      if id == 2, let filling {
        return Step(id: id, kind: .fill, a: generator.next(), b: generator.next(), c: filling)
      }
      var point = generator.next() % total
      let kind = Kind.allCases.first { kind in
        defer { point &-= kind.weight }
        return point < kind.weight
      }
      return Step(
        id: id, kind: kind ?? .consume, a: generator.next(), b: generator.next(), c: generator.next())
    }
  }

  var description: String { "#\(id) \(kind) \(a) \(b) \(c)" }
}
