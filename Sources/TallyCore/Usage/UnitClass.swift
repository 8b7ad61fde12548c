// What runs use up, in classes that have no unit in common.

/// Numbers are the wire's and the disk's; never reused.
public enum UnitClass: Int32, Sendable, CaseIterable {
  case input = 1
  case output = 2
  case cacheRead = 3
  case cacheWrite = 4
  case cacheWriteLong = 5
  case reasoning = 6
  case audioInput = 7
  case audioOutput = 8
  case image = 9
  case second = 10
  case request = 11

  /// As on the wire, without its prefix.
  public var name: String {
    switch self {
    case .input: "INPUT"
    case .output: "OUTPUT"
    case .cacheRead: "CACHE_READ"
    case .cacheWrite: "CACHE_WRITE"
    case .cacheWriteLong: "CACHE_WRITE_LONG"
    case .reasoning: "REASONING"
    case .audioInput: "AUDIO_INPUT"
    case .audioOutput: "AUDIO_OUTPUT"
    case .image: "IMAGE"
    case .second: "SECOND"
    case .request: "REQUEST"
    }
  }
}

/// How much of a class a run has used.
public struct UnitCount: Sendable, Equatable {
  public var unitClass: UnitClass
  public var count: Int64

  public init(_ unitClass: UnitClass, _ count: Int64) {
    self.unitClass = unitClass
    self.count = count
  }
}

/// A class's part in what a run cost.
public struct ClassCost: Sendable, Equatable {
  public var unitClass: UnitClass
  public var micros: Int64

  public init(_ unitClass: UnitClass, _ micros: Int64) {
    self.unitClass = unitClass
    self.micros = micros
  }
}

extension [UnitCount] {
  /// Of the three classes that runs count in fields of their own, and of these others: those that were used,
  /// in the order of their numbers.
  public init(input: Int64, output: Int64, images: Int64, others: [UnitCount]) {
    self = [UnitCount(.input, input), UnitCount(.output, output), UnitCount(.image, images)] + others
    removeAll { $0.count == 0 }
    sort { $0.unitClass.rawValue < $1.unitClass.rawValue }
  }
}
