// A plan's period: a UTC month or an explicit start.
//
// Invariants:
// 1. Two spellings of the same period are the same value.
// 2. Calendar arithmetic is proleptic Gregorian in UTC, in integers, without a calendar library.
//
// Values, owned by nobody.

/// A granted period.
public struct Period: Sendable, Equatable, Hashable {
  public var startMicros: Int64
  /// The first instant after it.
  public var endMicros: Int64

  public init(startMicros: Int64, endMicros: Int64) {
    self.startMicros = startMicros
    self.endMicros = endMicros
  }
}
