// The examination of a write-ahead log: it finds as many whole frames as SQLite's own recovery takes.
//
// Input: which checksums are made right before the log is examined (1: the header's, 2: the frames', 4: the
// frames' salts too), the frame that is left as it is, and the log. Without that hardly a changed log would
// get past its first frame.

@testable import TallySQLite

enum LogFuzz {
  private static let headerBytes = 32
  private static let frameHeaderBytes = 24
  /// Of the index in -shm: where the number of frames that recovery took stands, after what says that it ran.
  private static let indexRange = 12..<20

  /// The file that the log belongs to, with small pages.
  private static let base: [UInt8]? = try? {
    let directory = try FuzzDirectory()
    let connection = try Connection(
      path: directory.path + "/db", options: ConnectionOptions(readOnly: false))
    try connection.execute("PRAGMA page_size = 512")
    _ = try connection.text("PRAGMA journal_mode = WAL")
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)")
    try connection.checkpoint(.truncate)
    return directory.read("db", atMost: 1 << 20)
  }()

  static func run(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let flags = input.byte()
    let spared = Int(input.byte())
    guard let base else { throw BrokenPromise(description: "a database can be made") }
    var log = Array(input.rest)
    repair(&log, flags, spared: spared)
    let directory = try FuzzDirectory()
    try directory.write("db", base)
    try directory.write("db-wal", log)
    let state = try LogFile.examine(ofDatabase: directory.path + "/db")
    try require(
      (0...Int64(log.count)).contains(state.wholeByteCount) && state.wholeFrames >= 0, "no more than there is"
    )
    try require(
      state.firstBadFrame.map { $0 > state.wholeFrames || $0 == 0 } ?? true,
      "whole frames come before bad ones")
    if let taken = recovered(directory) {
      try require(
        taken == state.wholeFrames, "SQLite takes \(taken) frames, not \(state.wholeFrames)")
    }
  }

  /// The frames that SQLite's recovery takes; nil when it refuses the log.
  private static func recovered(_ directory: FuzzDirectory) -> Int64? {
    let options = ConnectionOptions(readOnly: false, checkpointsOnClose: false)
    guard let connection = try? Connection(path: directory.path + "/db", options: options) else { return nil }
    // What the pages hold does not matter.
    _ = try? connection.value("PRAGMA schema_version")
    let index = directory.read("db-shm", atMost: indexRange.upperBound)
    guard index.count == indexRange.upperBound, index[indexRange.lowerBound] != 0 else { return nil }
    return withExtendedLifetime(connection) {
      index[16..<20].reversed().reduce(Int64(0)) { $0 << 8 | Int64($1) }
    }
  }

  // MARK: checksums

  private static func repair(_ log: inout [UInt8], _ flags: UInt8, spared: Int) {
    guard log.count >= headerBytes else { return }
    let isBigEndian = log[3] & 1 == 1
    var sums = add((0, 0), log[0..<headerBytes - 8], isBigEndian)
    if flags & 1 != 0 { put(sums, at: headerBytes - 8, &log) }
    guard flags & 2 != 0 else { return }
    let pageBytes = Int(big(log[8..<12]))
    guard pageBytes >= 512, pageBytes <= 65_536, pageBytes % 8 == 0 else { return }
    var number = 1
    var start = headerBytes
    while start + frameHeaderBytes + pageBytes <= log.count {
      if number != spared {
        if flags & 4 != 0 { log.replaceSubrange(start + 8..<start + 16, with: log[16..<24]) }
        sums = add(sums, log[start..<start + 8], isBigEndian)
        sums = add(sums, log[start + frameHeaderBytes..<start + frameHeaderBytes + pageBytes], isBigEndian)
        put(sums, at: start + 16, &log)
      }
      number += 1
      start += frameHeaderBytes + pageBytes
    }
  }

  /// SQLite's checksum, which goes on from another.
  private static func add(
    _ sums: (UInt32, UInt32), _ bytes: ArraySlice<UInt8>, _ isBigEndian: Bool
  ) -> (UInt32, UInt32) {
    var (first, second) = sums
    for at in stride(from: bytes.startIndex, to: bytes.endIndex, by: 8) {
      first &+= number(bytes[at..<at + 4], isBigEndian) &+ second
      second &+= number(bytes[at + 4..<at + 8], isBigEndian) &+ first
    }
    return (first, second)
  }

  private static func number(_ bytes: ArraySlice<UInt8>, _ isBigEndian: Bool) -> UInt32 {
    isBigEndian ? big(bytes) : bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func big(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

  private static func put(_ sums: (UInt32, UInt32), at place: Int, _ log: inout [UInt8]) {
    for (index, shift) in [24, 16, 8, 0].enumerated() {
      log[place + index] = UInt8(truncatingIfNeeded: sums.0 >> UInt32(shift))
      log[place + 4 + index] = UInt8(truncatingIfNeeded: sums.1 >> UInt32(shift))
    }
  }
}
