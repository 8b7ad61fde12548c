// Reads a compiled time zone: TZif, versions 1 to 4 (RFC 9636).
//
//   header:  "TZif", version byte (0 or ASCII digit), 15 bytes reserved, then six 32-bit counts:
//            isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
//   data:    timecnt transition times (4 bytes in version 1, else 8), timecnt type indexes (1 byte),
//            typecnt types (32-bit offset, byte isdst, byte index), charcnt bytes of names,
//            leapcnt leap seconds, isstdcnt and isutcnt indicators (1 byte)
//   file:    version 1: header, data. Later: header, data in version 1's form, header, data, then the
//            footer: a POSIX TZ string between line feeds. Numbers are big-endian.
//
// Invariants:
// 1. Pure over the bytes it is given: whatever they are, the answer is a zone or nil, in time and memory
//    that their number bounds.
// 2. Transition times ascend; every type index has a type; offsets are within a day or so.

struct ZoneFile: Equatable {
  struct Transition: Equatable {
    /// In seconds since the epoch.
    var at: Int64
    /// What local time is ahead of UTC from then on, in seconds.
    var offset: Int64
  }

  var transitions: [Transition] = []
  /// Before the first transition, in seconds.
  var firstOffset: Int64 = 0
  /// After the last transition; nil: as the last transition left it.
  var rule: ZoneRule?

  /// RFC 9636 gives offsets this range, in seconds.
  static let offsets: ClosedRange<Int64> = -89_999...93_599

  /// - Returns: nil when the bytes are not a zone, or one that counts leap seconds.
  init?(_ bytes: [UInt8]) {
    var scanner = Scanner(bytes: bytes)
    guard let first = scanner.header() else { return nil }
    if first.version == 0 {
      guard load(first, timeBytes: 4, &scanner) else { return nil }
      return
    }
    guard scanner.skip(first.byteCount(timeBytes: 4)), let second = scanner.header(), second.version != 0,
      load(second, timeBytes: 8, &scanner), let footer = scanner.footer()
    else { return nil }
    if footer.isEmpty { return }
    guard let rule = ZoneRule(footer) else { return nil }
    self.rule = rule
  }

  private mutating func load(_ header: Header, timeBytes: Int, _ scanner: inout Scanner) -> Bool {
    guard header.leapCount == 0, header.typeCount > 0 else { return false }
    var times: [Int64] = []
    for _ in 0..<header.timeCount {
      guard let time = scanner.number(bytes: timeBytes), times.last.map({ $0 < time }) ?? true else {
        return false
      }
      times.append(time)
    }
    guard let indexes = scanner.bytes(header.timeCount) else { return false }
    var offsets: [Int64] = []
    for _ in 0..<header.typeCount {
      guard let offset = scanner.number(bytes: 4), Self.offsets.contains(offset), scanner.skip(2) else {
        return false
      }
      offsets.append(offset)
    }
    guard scanner.skip(header.nameByteCount + header.standardCount + header.universalCount) else {
      return false
    }
    firstOffset = offsets[0]
    for (time, index) in zip(times, indexes) {
      guard Int(index) < offsets.count else { return false }
      transitions.append(Transition(at: time, offset: offsets[Int(index)]))
    }
    return true
  }
}

private struct Header {
  package var version: UInt8
  var universalCount: Int
  var standardCount: Int
  var leapCount: Int
  var timeCount: Int
  var typeCount: Int
  var nameByteCount: Int

  /// Of the data that follow; counts are of 32 bits, so that the sum fits.
  func byteCount(timeBytes: Int) -> Int {
    timeCount * (timeBytes + 1) + typeCount * 6 + nameByteCount + leapCount * (timeBytes + 4) + standardCount
      + universalCount
  }
}

private struct Scanner {
  let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func skip(_ count: Int) -> Bool {
    guard count <= bytes.count - position else { return false }
    position += count
    return true
  }

  mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    let start = position
    return skip(count) ? bytes[start..<position] : nil
  }

  /// Big-endian, signed.
  package mutating func number(bytes count: Int) -> Int64? {
    guard let digits = bytes(count) else { return nil }
    let value = digits.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return count == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
  }

  private mutating func count() -> Int? {
    bytes(4).map { $0.reduce(0) { $0 << 8 | Int($1) } }
  }

  mutating func header() -> Header? {
    guard let magic = bytes(4), magic.elementsEqual("TZif".utf8), let version = bytes(1)?.first, skip(15),
      version == 0 || (UInt8(ascii: "2")...UInt8(ascii: "4")).contains(version),
      let universal = count(), let standard = count(), let leap = count(), let time = count(),
      let type = count(), let name = count()
    else { return nil }
    return Header(
      version: version, universalCount: universal, standardCount: standard, leapCount: leap,
      timeCount: time, typeCount: type, nameByteCount: name)
  }

  /// The bytes between the last two line feeds.
  mutating func footer() -> ArraySlice<UInt8>? {
    let lineFeed = UInt8(ascii: "\n")
    guard bytes(1)?.first == lineFeed, let end = bytes[position...].firstIndex(of: lineFeed) else {
      return nil
    }
    return bytes[position..<end]
  }
}
