// The log as it lies on the disk: damage is told from what a power cut leaves, bit by bit.

internal import Foundation
internal import Testing

@testable internal import TallySQLite

@Suite("Log file")
struct LogFileTests {
  static let headerBytes = 32
  static let frameBytes = 24 + 4_096

  /// A log of several commits, in front of what an earlier round left.
  final class Fixture {
    let folder: URL
    var path: String { folder.path + "/db" }
    private(set) var log: [UInt8] = []
    /// The last frame of each commit, from 1.
    private(set) var commits: [Int] = []

    init(commitCount: Int = 12) throws {
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("log-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      let connection = try Connection(
        path: path, options: ConnectionOptions(readOnly: false, buffersLog: true, checkpointsOnClose: false))
      _ = try connection.text("PRAGMA journal_mode = WAL")
      try connection.execute("PRAGMA synchronous = FULL; CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)")
      for _ in 0..<40 { try Self.insert(2, connection) }
      try connection.checkpoint(.restart)
      for number in 0..<commitCount {
        try Self.insert(1 + number % 4, connection)
        commits.append(connection.logFrames)
      }
      log = try Self.bytes(path + "-wal")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static func bytes(_ path: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    static func insert(_ pages: Int, _ connection: Connection) throws {
      try connection.execute(
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(pages))
        INSERT INTO t(body) SELECT randomblob(3500) FROM n
        """)
    }

    func examine(_ log: [UInt8]) throws -> LogState {
      try Data(log).write(to: URL(fileURLWithPath: path + "-wal"))
      return try LogFile.examine(ofDatabase: path)
    }

    /// What another transaction of so many pages would make of the log, had it come next.
    func log(afterAnotherOf pages: Int) throws -> (log: [UInt8], lastFrame: Int) {
      let copy = "\(folder.path)/\(UUID().uuidString)"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      try Data(log).write(to: URL(fileURLWithPath: copy + "-wal"))
      let connection = try Connection(
        path: copy, options: ConnectionOptions(readOnly: false, checkpointsOnClose: false))
      try connection.execute("PRAGMA synchronous = FULL")
      try Self.insert(pages, connection)
      return (try Self.bytes(copy + "-wal"), connection.logFrames)
    }
  }

  static func start(ofFrame number: Int) -> Int { headerBytes + (number - 1) * frameBytes }

  @Test("a whole log is whole, and what an earlier round left behind it counts for nothing")
  func whole() throws {
    let fixture = try Fixture()
    let last = try #require(fixture.commits.last)
    let state = try fixture.examine(fixture.log)
    #expect(state.wholeFrames == last && state.wholeByteCount == Self.start(ofFrame: last + 1))
    #expect(state.firstBadFrame == Int64(last + 1) && state.commitsBehind == 0)
    #expect(!state.isDamaged && !state.isUnfinished)
    #expect(try fixture.examine(Array(fixture.log[..<Self.start(ofFrame: last + 1)])).firstBadFrame == nil)
    for length in [0, 1, 31, 32, 33, 100] {
      let state = try fixture.examine(Array(fixture.log[..<length]))
      #expect(state.wholeFrames == 0 && !state.isDamaged && !state.isUnfinished)
    }
    try FileManager.default.removeItem(atPath: fixture.path + "-wal")
    #expect(try LogFile.examine(ofDatabase: fixture.path).wholeByteCount == 0)
  }

  @Test("a flipped bit before the last commit is damage, wherever it is; recovery ends where it is said to")
  func flippedBits() throws {
    let fixture = try Fixture()
    var random = SystemRandomNumberGenerator()
    let last = try #require(fixture.commits.last)
    var offsets = (0..<Self.headerBytes).map { (frame: 0, offset: $0) }
    for frame in 1...last {
      let start = Self.start(ofFrame: frame)
      offsets += (0..<24).map { (frame, start + $0) }
      offsets += (0..<6).map { _ in (frame, start + 24 + Int.random(in: 0..<4_096, using: &random)) }
    }
    for (frame, offset) in offsets {
      var log = fixture.log
      log[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      let state = try fixture.examine(log)
      let place = "frame \(frame), byte \(offset - (frame == 0 ? 0 : Self.start(ofFrame: frame)))"
      #expect(state.firstBadFrame == Int64(frame), "\(place)")
      let before = fixture.commits.last { $0 < frame } ?? 0
      #expect(state.wholeFrames == Int64(before), "\(place)")
      if frame <= fixture.commits[fixture.commits.count - 3] {
        #expect(state.isDamaged, "\(place)")
      } else if frame < fixture.commits[fixture.commits.count - 2] {
        // Both this commit and the last one are whole behind it.
        #expect(state.isDamaged && state.commitsBehind == 2, "\(place)")
      }
    }
  }

  @Test("a commit whose own last frame is bad is missed when the next commit goes on from it")
  func flippedCommitFrame() throws {
    let fixture = try Fixture()
    let frame = fixture.commits[fixture.commits.count - 2]
    var log = fixture.log
    log[Self.start(ofFrame: frame) + 24 + 2_000] ^= 4
    var state = try fixture.examine(log)
    #expect(state.isDamaged && state.commitsBehind == 1)
    // The checksum itself: it is known what it should be.
    log = fixture.log
    log[Self.start(ofFrame: frame) + 20] ^= 4
    state = try fixture.examine(log)
    #expect(state.isDamaged && state.commitsBehind == 1)
  }

  @Test("two commits with a bad frame each are damage, though neither is seen to go on from a whole one")
  func flippedTwice() throws {
    let fixture = try Fixture()
    let last = fixture.commits.suffix(3)
    try #require(zip(last, last.dropFirst()).allSatisfy { $1 - $0 >= 2 })
    var log = fixture.log
    for before in last.prefix(2) { log[Self.start(ofFrame: before + 1) + 24 + 2_000] ^= 4 }
    let state = try fixture.examine(log)
    #expect(state.isDamaged && state.commitsBehind == 2)
  }

  @Test("a bad header is damage as soon as one commit goes on from it")
  func flippedHeader() throws {
    let fixture = try Fixture(commitCount: 1)
    for offset in 0..<Self.headerBytes {
      var log = fixture.log
      log[offset] ^= 4
      let state = try fixture.examine(log)
      #expect(state.isDamaged && state.commitsBehind == 1 && state.firstBadFrame == 0, "byte \(offset)")
    }
  }

  /// Writes `new` over `old` from one frame up to another, without some of the sectors.
  private func tear(
    _ old: [UInt8], _ new: [UInt8], from first: Int, through last: Int, sector: Int,
    using random: inout SystemRandomNumberGenerator
  ) -> [UInt8] {
    let range = Self.start(ofFrame: first)..<Self.start(ofFrame: last + 1)
    var log = old
    if log.count < range.upperBound { log += [UInt8](repeating: 0, count: range.upperBound - log.count) }
    let share = Double.random(in: 0...1, using: &random)
    for number in (range.lowerBound / sector)...((range.upperBound - 1) / sector)
    where Double.random(in: 0..<1, using: &random) < share {
      let part = (number * sector..<(number + 1) * sector).clamped(to: range)
      log.replaceSubrange(part, with: new[part])
    }
    return log
  }

  @Test("whatever a power cut leaves of the last commit is no damage", arguments: [512, 4_096])
  func powerCut(sector: Int) throws {
    let fixture = try Fixture()
    var random = SystemRandomNumberGenerator()
    let last = try #require(fixture.commits.last)
    for pages in [1, 3, 12] {
      let next = try fixture.log(afterAnotherOf: pages)
      for _ in 0..<150 {
        let log = tear(
          fixture.log, next.log, from: last + 1, through: next.lastFrame, sector: sector, using: &random)
        let state = try fixture.examine(log)
        #expect(!state.isDamaged)
        #expect(state.wholeFrames == Int64(last) || state.wholeFrames == Int64(next.lastFrame))
      }
    }
  }

  @Test("nor with the frames behind it of a larger commit that found the disk full", arguments: [512, 4_096])
  func powerCutAfterFullDisk(sector: Int) throws {
    let fixture = try Fixture()
    var random = SystemRandomNumberGenerator()
    let last = try #require(fixture.commits.last)
    let larger = try fixture.log(afterAnotherOf: 12)
    let smaller = try fixture.log(afterAnotherOf: 2)
    try #require(larger.lastFrame > smaller.lastFrame + 4)
    for _ in 0..<300 {
      // The disk was full before its last frame, which would be its commit.
      let end = Int.random(in: smaller.lastFrame + 1..<larger.lastFrame, using: &random)
      var log = fixture.log
      let range = Self.start(ofFrame: last + 1)..<Self.start(ofFrame: end + 1)
      log.replaceSubrange(range.clamped(to: 0..<log.count), with: larger.log[range])
      log = tear(
        log, smaller.log, from: last + 1, through: smaller.lastFrame, sector: sector, using: &random)
      let state = try fixture.examine(log)
      #expect(!state.isDamaged)
      #expect(state.wholeFrames >= Int64(last))
    }
  }

  @Test("a half header of an earlier round's commit before a frame of this one is no damage")
  func mixedHeader() throws {
    let fixture = try Fixture(commitCount: 60)
    let last = try #require(fixture.commits.last)
    // One whose first eight bytes end a sector.
    let frame = try #require(
      (1..<last).first { Self.start(ofFrame: $0) % 512 == 504 && !fixture.commits.contains($0) })
    let before = try #require(fixture.commits.last { $0 < frame })
    let after = try #require(fixture.commits.first { $0 > frame })
    let offset = Self.start(ofFrame: frame)
    var log = Array(fixture.log[..<Self.start(ofFrame: after + 1)])
    // The commit's mark, where this round had none, and the page's first bytes.
    log[offset + 7] |= 1
    for place in 0..<480 { log[offset + 24 + place] = 0 }
    let state = try fixture.examine(log)
    #expect(state.wholeFrames == Int64(before) && state.firstBadFrame == Int64(frame))
    #expect(!state.isDamaged && state.isUnfinished)
  }

  @Test("a log that starts over is empty, and the commits of the round before are no damage")
  func restart() throws {
    let fixture = try Fixture()
    var log = fixture.log
    let other = try Fixture(commitCount: 1)
    log.replaceSubrange(0..<Self.headerBytes, with: other.log[..<Self.headerBytes])
    let state = try fixture.examine(log)
    #expect(state.wholeFrames == 0 && !state.isDamaged && !state.isUnfinished)
    // A new header that was cut off in its sector.
    log.replaceSubrange(16..<4_096, with: [UInt8](repeating: 0x55, count: 4_080))
    #expect(try !fixture.examine(log).isDamaged)
  }

  @Test("what is written back is what was there")
  func writeBack() throws {
    let fixture = try Fixture()
    let state = try fixture.examine(fixture.log)
    try LogFile.writeBack(state, ofDatabase: fixture.path)
    #expect(try Fixture.bytes(fixture.path + "-wal") == fixture.log)
    try FileManager.default.removeItem(atPath: fixture.path + "-wal")
    #expect { try LogFile.writeBack(state, ofDatabase: fixture.path) } throws: {
      ($0 as? SQLiteError)?.kind == .inputOutput
    }
  }

  @Test("each of SQLite's result codes has a kind of its own right, and only damage is called damage")
  func kinds() {
    for code in Int32(0)...28 { #expect(SQLiteError.kind(ofPrimary: code) != nil, "\(code)") }
    for code in [Int32(100), 101] { #expect(SQLiteError.kind(ofPrimary: code) == .defect) }
    #expect(SQLiteError.kind(ofPrimary: 29) == nil)
    let corrupt = (Int32(0)...28).filter { SQLiteError.kind(ofPrimary: $0) == .corrupt }
    #expect(corrupt == [11, 24, 26])
    #expect(SQLiteError.lockedOut("BEGIN").kind == .lockedOut)
    #expect(SQLiteError.failedSync("COMMIT").isFailedSync && !SQLiteError.full("COMMIT").isFailedSync)
    // Checksums of pages and of file systems.
    for detail: Int32 in [32, 33] {
      #expect(SQLiteError(code: 10 | detail << 8, message: "", sql: "").kind == .corrupt)
    }
  }
}
