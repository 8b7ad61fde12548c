// Time zones against what others know of them, and files that nobody should believe.

import Foundation
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Time zones")
struct ZoneTests {
  private let zones = ZoneStore()

  private func day(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    Civil(year: year, month: month, day: day).dayNumber
  }

  @Test("months begin where Python's zoneinfo says, in many zones and years")
  func months() throws {
    var checked = 0
    for line in ZoneFacts.monthStarts.split(separator: "\n") {
      let words = line.split(separator: " ")
      let zone = try zones.zone(named: String(words[0]))
      let year = try #require(Int64(words[1]))
      let minutes = try words.dropFirst(2).flatMap { word in
        let parts = word.split(separator: "x").compactMap { Int64($0) }
        try #require(parts.count == 2)
        return [Int64](repeating: parts[0], count: Int(parts[1]))
      }
      try #require(minutes.count == 12)
      for (index, minutes) in minutes.enumerated() {
        let date = Civil(year: year, month: Int64(index) + 1, day: 1)
        let expected = date.dayNumber * Civil.microsPerDay + minutes * 60_000_000
        let isRight =
          zone.span(of: Month(date)).startMicros == expected
          && zone.month(ofMicros: expected) == Month(date)
          && zone.month(ofMicros: expected - 1).next == Month(date)
        #expect(isRight, "\(zone.name) \(year)-\(index + 1)")
        checked += 1
      }
    }
    #expect(checked > 3_000)
  }

  struct DayFact: Sendable {
    var zone: String
    var date: [Int64]
    var startSeconds: Int64
    var quarterHours: Int64
  }

  @Test(
    "days of 22 to 25 hours, days whose midnight is skipped or comes twice, a day that never was",
    arguments: [
      DayFact(zone: "Europe/Berlin", date: [2024, 3, 31], startSeconds: 1_711_839_600, quarterHours: 92),
      DayFact(zone: "Europe/Berlin", date: [2024, 10, 27], startSeconds: 1_729_980_000, quarterHours: 100),
      DayFact(zone: "America/New_York", date: [2024, 3, 10], startSeconds: 1_710_046_800, quarterHours: 92),
      DayFact(zone: "America/New_York", date: [2024, 11, 3], startSeconds: 1_730_606_400, quarterHours: 100),
      DayFact(
        zone: "Australia/Lord_Howe", date: [2024, 4, 7], startSeconds: 1_712_408_400, quarterHours: 98),
      DayFact(
        zone: "Australia/Lord_Howe", date: [2024, 10, 6], startSeconds: 1_728_135_000, quarterHours: 94),
      DayFact(zone: "America/Sao_Paulo", date: [2018, 11, 4], startSeconds: 1_541_300_400, quarterHours: 92),
      DayFact(
        zone: "America/Sao_Paulo", date: [2018, 2, 17], startSeconds: 1_518_832_800, quarterHours: 100),
      DayFact(zone: "Africa/Cairo", date: [2023, 4, 28], startSeconds: 1_682_632_800, quarterHours: 92),
      DayFact(zone: "Africa/Cairo", date: [2023, 10, 26], startSeconds: 1_698_267_600, quarterHours: 100),
      DayFact(zone: "America/St_Johns", date: [2006, 10, 28], startSeconds: 1_162_002_600, quarterHours: 96),
      DayFact(
        zone: "America/St_Johns", date: [2006, 10, 29], startSeconds: 1_162_089_000, quarterHours: 100),
      DayFact(zone: "Pacific/Apia", date: [2011, 12, 29], startSeconds: 1_325_152_800, quarterHours: 96),
      DayFact(zone: "Pacific/Apia", date: [2011, 12, 30], startSeconds: 1_325_239_200, quarterHours: 0),
      DayFact(zone: "Pacific/Apia", date: [2011, 12, 31], startSeconds: 1_325_239_200, quarterHours: 96),
      DayFact(zone: "Asia/Kathmandu", date: [1986, 1, 1], startSeconds: 504_901_800, quarterHours: 95),
      DayFact(zone: "America/Havana", date: [2024, 11, 3], startSeconds: 1_730_606_400, quarterHours: 100),
      DayFact(zone: "Antarctica/Troll", date: [2024, 3, 31], startSeconds: 1_711_843_200, quarterHours: 88),
    ])
  func days(fact: DayFact) throws {
    let zone = try zones.zone(named: fact.zone)
    let number = day(fact.date[0], fact.date[1], fact.date[2])
    let start = zone.start(ofDay: number)
    #expect(start == fact.startSeconds * 1_000_000)
    #expect(zone.start(ofDay: number + 1) - start == fact.quarterHours * QuarterHour.micros)
    if fact.quarterHours > 0 { #expect(zone.day(ofMicros: start) == number) }
    #expect(zone.day(ofMicros: start - 1) < number)
  }

  @Test("the days of every zone follow each other, and each instant is in the day that it falls between")
  func consecutive() throws {
    for name in Set(ZoneFacts.monthStarts.split(separator: "\n").map { $0.prefix { $0 != " " } }) {
      let zone = try zones.zone(named: String(name))
      var start = zone.start(ofDay: day(2010, 12, 31))
      for number in day(2011, 1, 1)...day(2012, 1, 5) {
        let next = zone.start(ofDay: number)
        #expect(next >= start && next - start <= 26 * 3_600_000_000, "\(name) \(number)")
        if next > start {
          let isWithin =
            zone.day(ofMicros: start) == number - 1 && zone.day(ofMicros: next - 1) == number - 1
          #expect(isWithin, "\(name) \(number)")
        }
        start = next
      }
    }
  }

  @Test("far in the future the rule of the file's footer holds")
  func future() throws {
    let file = try #require(ZoneFile(Bytes().file(footer: "CET-1CEST,M3.5.0,M10.5.0/3")))
    let zone = Zone(name: "test", file: file)
    // 2450-03-27 and 2450-10-30 are the last Sundays.
    #expect(zone.start(ofDay: day(2450, 3, 28)) - zone.start(ofDay: day(2450, 3, 27)) == 23 * 3_600_000_000)
    #expect(zone.start(ofDay: day(2450, 10, 31)) - zone.start(ofDay: day(2450, 10, 30)) == 25 * 3_600_000_000)
    #expect(zone.start(ofDay: day(2450, 7, 1)) == (day(2450, 7, 1) * 86_400 - 7_200) * 1_000_000)
  }

  @Test(
    "a footer's rule",
    arguments: [
      ("<+0545>-5:45", 2030, [] as [Int64], 20_700 as Int64),
      ("EST5EDT,M3.2.0,M11.1.0", 2024, [1_710_054_000, 1_730_613_600], -18_000),
      ("IST-1GMT0,M10.5.0,M3.5.0/1", 2024, [1_711_846_800, 1_729_990_800], 3_600),
      ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2024, [1_711_846_800, 1_729_990_800], -7_200),
      ("XXX3YYY,J60/0,J365/23", 2024, [1_709_262_000, 1_735_693_200], -10_800),
      ("XXX3YYY,59/0,364/23", 2024, [1_709_175_600, 1_735_606_800], -10_800),
    ])
  func rules(text: String, year: Int64, changes: [Int64], offset: Int64) throws {
    let rule = try #require(ZoneRule(text.utf8))
    #expect(rule.offset == offset)
    #expect(rule.transitions(year: year).map(\.at) == changes)
  }

  @Test(
    "no rule",
    arguments: [
      "", "UT0", "UTC", "UTC25", "UTC0:60", "<UTC0", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0",
      "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J365", "EST5EDT,366,1",
      "EST5EDT,M3.2.0/168,M11.1.0", "EST5EDT,M3.2.0,M11.1.0,", "EST5EDT,M3.2.0,M11.1.0 ", "EST9999999999",
    ])
  func noRules(text: String) { #expect(ZoneRule(text.utf8) == nil) }

  /// The bytes of a small zone of version 2.
  struct Bytes {
    var version = UInt8(ascii: "2")
    var times: [Int64] = [0, 100]
    var types: [UInt8] = [1, 0]
    var offsets: [Int32] = [3_600, 7_200]
    var leapCount = 0

    private func number(_ value: Int64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
    }

    private func block(_ timeBytes: Int) -> [UInt8] {
      var bytes = Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15)
      for count in [0, 0, leapCount, times.count, offsets.count, 4] { bytes += number(Int64(count), 4) }
      for time in times { bytes += number(time, timeBytes) }
      bytes += types
      for offset in offsets { bytes += number(Int64(offset), 4) + [0, 0] }
      return bytes + Array("XXX\0".utf8) + [UInt8](repeating: 0, count: leapCount * (timeBytes + 4))
    }

    func file(footer: String = "") -> [UInt8] {
      if version == 0 { return block(4) }
      return block(4) + block(8) + Array("\n\(footer)\n".utf8)
    }
  }

  @Test("files of every version are read; what is not one is refused")
  func files() throws {
    let file = try #require(ZoneFile(Bytes().file(footer: "XXX-1")))
    #expect(file.firstOffset == 3_600)
    #expect(file.transitions == [.init(at: 0, offset: 7_200), .init(at: 100, offset: 3_600)])
    #expect(file.rule?.offset == 3_600)
    #expect(ZoneFile(Bytes(version: 0).file())?.transitions.count == 2)
    #expect(ZoneFile(Bytes(version: UInt8(ascii: "4")).file()) != nil)
    #expect(ZoneFile(Bytes(version: UInt8(ascii: "1")).file()) == nil)
    #expect(ZoneFile(Bytes(times: [100, 100]).file()) == nil)
    #expect(ZoneFile(Bytes(types: [1, 2]).file()) == nil)
    #expect(ZoneFile(Bytes(times: [], types: [], offsets: []).file()) == nil)
    #expect(ZoneFile(Bytes(offsets: [3_600, 93_600]).file()) == nil)
    #expect(ZoneFile(Bytes(leapCount: 1).file()) == nil)
    #expect(ZoneFile(Bytes().file(footer: "nonsense")) == nil)
    let whole = Bytes().file(footer: "XXX-1")
    for count in 0..<whole.count { #expect(ZoneFile(Array(whole.prefix(count))) == nil, "\(count)") }
  }

  @Test("a file with changed bytes is a zone or none, and its days still follow each other")
  func fuzz() throws {
    var random = SeededGenerator(seed: 7)
    let data = try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/America/New_York"))
    let originals = [[UInt8](data), Bytes().file(footer: "EST5EDT,M3.2.0,M11.1.0")]
    for round in 0..<3_000 {
      var bytes = originals[round % 2]
      for _ in 0...Int.random(in: 0...2, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
      }
      guard let file = ZoneFile(bytes) else { continue }
      let zone = Zone(name: "fuzz", file: file)
      for number in [0, 9_000, 20_000, 60_000] as [Int64] {
        let micros = number * Civil.microsPerDay
        let isOrdered =
          zone.start(ofDay: number) <= zone.start(ofDay: number + 1)
          && zone.start(ofDay: zone.day(ofMicros: micros)) <= micros
        #expect(isOrdered, "\(round) \(number)")
      }
    }
  }

  @Test("names lead nowhere but to zones")
  func names() throws {
    #expect(try zones.zone(named: "") == .utc)
    #expect(try zones.zone(named: "UTC") == .utc)
    #expect(try zones.zone(named: "Asia/Kathmandu").offset(atSeconds: 1_700_000_000) == 20_700)
    #expect(try zones.zone(named: "Etc/GMT+12").offset(atSeconds: 0) == -43_200)
    for name in [
      "localtime", "posixrules", "Factory", "right/UTC", "Europe/Atlantis", "europe/berlin",
      "../../../etc/passwd", "/etc/localtime", "Europe/../Europe/Berlin",
      "Europe", "tzdata.zi", "zone.tab", "leapseconds", "Europe/Berlin\u{0}", " UTC",
      String(repeating: "A", count: ZoneStore.maximumNameByteCount + 1),
    ] {
      #expect {
        try zones.zone(named: name)
      } throws: { error in
        let refusal = error as? Refusal
        return refusal?.reason == .invalidField && refusal?.details["field"] == "time_zone"
      }
    }
    #expect(ZoneStore.isName(String(repeating: "A", count: ZoneStore.maximumNameByteCount)))
    #expect(throws: Refusal.self) { try ZoneStore(directory: "/nowhere").zone(named: "Europe/Berlin") }
    #expect(try ZoneStore(directory: "/nowhere").zone(named: "UTC") == .utc)
  }

  @Test("more zones than are kept in memory")
  func bounded() throws {
    let names = try FileManager.default.subpathsOfDirectory(atPath: "/usr/share/zoneinfo")
      .filter { $0.contains("/") && !$0.hasPrefix("right/") }
    var known = 0
    for name in names where known < ZoneStore.maximumCached + 20 {
      if (try? zones.zone(named: name)) != nil { known += 1 }
    }
    #expect(known > ZoneStore.maximumCached)
    #expect(try zones.zone(named: "Europe/Berlin").name == "Europe/Berlin")
  }
}
