// The quarter hours of UTC days, in which usage is counted.

/// Times as rollups count them.
package enum QuarterHour {
  static let micros: Int64 = 900_000_000
  package static let perDay = 96

  /// Days since the epoch.
  package static func day(ofMicros micros: Int64) -> Int64 { floorDivide(micros, Civil.microsPerDay) }

  /// Within its day.
  package static func index(ofMicros time: Int64) -> Int {
    Int(floorRemainder(time, Civil.microsPerDay) / micros)
  }
}
