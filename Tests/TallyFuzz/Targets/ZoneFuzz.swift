// Time zone files: whatever they say, days and months have a beginning and an end, and each instant a day.
//
// Input: the bytes of a TZif file.

@testable import TallyCore

enum ZoneFuzz {
  /// Around these the zone is asked: borders of years, of 32 bits, of what clocks may say.
  private static let days: [Int64] = [0, 59, 60, 16_800, 19_782, 24_855, 47_541, 93_000, 2_932_896]

  static func run(_ bytes: [UInt8]) throws {
    guard let file = ZoneFile(bytes) else { return }
    try require(
      zip(file.transitions, file.transitions.dropFirst()).allSatisfy { $0.at < $1.at }, "transitions ascend")
    try require(
      file.transitions.allSatisfy { ZoneFile.offsets.contains($0.offset) }, "offsets are within bounds")
    let zone = Zone(name: "Fuzz/Zone", file: file)
    for day in days {
      let start = zone.start(ofDay: day)
      try require(start <= zone.start(ofDay: day + 1), "days follow each other")
      for micros in [start - 1, start, start + 1] {
        let found = zone.day(ofMicros: micros)
        try require(
          zone.start(ofDay: found) <= micros && micros < zone.start(ofDay: found + 1),
          "an instant is within its day")
      }
      let span = zone.span(of: zone.month(ofMicros: start))
      try require(span.startMicros <= span.endMicros, "a month ends after its beginning")
      _ = span.edges
    }
  }
}
