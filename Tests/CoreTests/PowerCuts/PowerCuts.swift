// Cuts a recording off at random moments, rebuilds what the disk may hold, and has each state checked.
//
// Invariants:
// 1. Moments are taken in order, so that the image of the disk is carried forward once.
// 2. One start in so many is recorded as well, and cut off in its turn: what it has told of stays.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallyModel
@testable internal import TallySQLiteStore

struct PowerCuts {
  /// One state in so many has its start recorded and cut off in its turn, so often.
  static let recordedStartEvery = 12
  static let cutsOfStart = 3
  /// One in so many is proved by `tally verify`.
  static let provedEvery = 24

  private let recording: PowerCutRun.Recording
  private let check: PowerCutCheck
  private let planted: PlantedFault?
  private let seed: UInt64
  private var random: SeededGenerator
  /// From a sync that failed to the next word to anybody.
  private let troubled: ClosedRange<Int>?
  /// What was wrong, with all that is needed to see it again.
  private(set) var violations: [String] = []
  private(set) var stateCount = 0

  init(
    _ recording: PowerCutRun.Recording, clock: TestClock, seed: UInt64, planted: PlantedFault? = nil
  ) {
    self.recording = recording
    self.planted = planted
    self.seed = seed
    check = PowerCutCheck(contents: recording.contents, clock: clock)
    random = SeededGenerator(seed: seed)
    troubled = recording.events.firstIndex { $0.isFailure }.map { first in
      first + 1...(recording.events[first...].firstIndex { $0.isWord } ?? recording.events.count - 1) + 1
    }
  }

  /// So many states, at moments from all over the recording.
  mutating func carryOut(_ count: Int, stopsAtFirst: Bool = false) throws {
    // Starts that are cut off count as well.
    let own = max(1, count * Self.recordedStartEvery / (Self.recordedStartEvery + Self.cutsOfStart))
    let moments = (0..<own).map { _ in moment() }.sorted()
    var image = DiskImage(recording.base, planted: planted)
    var (applied, told, committed) = (0, 0, 0)
    for moment in moments {
      while applied < moment {
        image.apply(recording.events[applied])
        if case .mark(let number) = recording.events[applied] {
          switch PowerCutRun.Mark(number: number) {
          case .told(let count): told = max(told, count)
          case .committed(let count): committed = count
          }
        }
        applied += 1
      }
      // The one after the last mark may be there already.
      let last = min(committed, recording.contents.count - 1)
      let allowed = min(max(0, told - 1), last)...last
      try cut(image, at: moment, allowed: allowed)
      if stopsAtFirst && !violations.isEmpty { return }
    }
  }

  /// A moment: a quarter are next to a sync or a change of a name or a size, a quarter where the log starts
  /// over, a quarter in a checkpoint, or between a sync that failed and the end of the start that follows.
  private mutating func moment() -> Int {
    let events = recording.events
    let any = Int.random(in: 0...events.count, using: &random)
    let choice = Int.random(in: 0..<4, using: &random)
    if choice == 0 || any == events.count { return any }
    if choice == 3, let start = events[any...].firstIndex(where: \.isLogStart) {
      return min(events.count, start + Int.random(in: 1...6, using: &random))
    }
    if choice == 1 {
      let turn = events[any...].firstIndex { $0.isTurn } ?? any
      return turn + Int.random(in: 0...1, using: &random)
    }
    if let troubled { return Int.random(in: troubled, using: &random) }
    return (events[any...].firstIndex { $0.isCopying } ?? any) + 1
  }

  private mutating func cut(_ image: DiskImage, at moment: Int, allowed: ClosedRange<Int>) throws {
    let progress = DiskImage.Progress.allCases.randomElement(using: &random) ?? .all
    let unit = DiskImage.Unit.allCases.randomElement(using: &random) ?? .sector
    let files = image.cut(progress, unit, using: &random)
    let place = "cut after event \(moment), \(progress), \(unit)"
    stateCount += 1
    guard stateCount % Self.recordedStartEvery == 0 else {
      let result = check.carryOut(
        in: try directory(of: files), allowed: allowed, provesAll: stateCount % Self.provedEvery == 1)
      return note(result, place)
    }
    try cutStart(on: files, allowed: allowed, place)
  }

  /// Starts and ends on a state, and cuts that off at a few moments.
  private mutating func cutStart(
    on files: [String: [UInt8]], allowed: ClosedRange<Int>, _ place: String
  ) throws {
    let left = try directory(of: files)
    let disk = try FaultyDisk(left)
    try disk.record()
    let result = check.carryOut(in: left, allowed: allowed, goesOn: false) { disk.mark(0) }
    note(result, place)
    guard let index = result.index else { return }
    let events = try disk.events()
    let served = events.firstIndex { if case .mark = $0 { true } else { false } } ?? events.count
    var image = DiskImage(files, planted: planted)
    var applied = 0
    for moment in (0..<Self.cutsOfStart).map({ _ in Int.random(in: 0...events.count, using: &random) })
      .sorted()
    {
      for event in events[applied..<moment] { image.apply(event) }
      applied = moment
      let progress = DiskImage.Progress.allCases.randomElement(using: &random) ?? .all
      let again = image.cut(progress, .sector, using: &random)
      stateCount += 1
      note(
        check.carryOut(in: try directory(of: again), allowed: moment > served ? index...index : allowed),
        "\(place), and the start on it after event \(moment), \(progress)")
    }
  }

  private mutating func note(_ result: PowerCutCheck.Result, _ place: String) {
    guard let violation = result.violation else { return }
    violations.append("TALLY_SEED=\(seed), \(place): \(violation)")
  }

  /// The files of a state, and at times a shared memory of no meaning: it is on the disk by chance only.
  private mutating func directory(of files: [String: [UInt8]]) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory(inMemory: true)
    for (name, bytes) in files { try directory.make(name, of: bytes) }
    if Bool.random(using: &random) {
      let noise = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
      try directory.make("tally.db-shm", of: noise + [UInt8](repeating: 0, count: 32_768 - noise.count))
    }
    return directory
  }
}

extension DiskEvent {
  /// Whether what the disk holds for certain is another one afterwards.
  var isTurn: Bool {
    switch self {
    case .write, .mark: false
    case .create, .size, .sync, .remove, .rename: true
    }
  }

  /// Whether the log begins anew.
  var isLogStart: Bool {
    if case .write(PlantedFault.logName, let bytes, 0) = self {
      bytes.count == PlantedFault.logHeaderBytes
    } else {
      false
    }
  }

  /// Whether a page is written to the database file.
  var isCopying: Bool {
    if case .write(DataDirectory.databaseName, _, _) = self { true } else { false }
  }

  var isFailure: Bool {
    if case .sync(_, hasFailed: true) = self { true } else { false }
  }

  /// Whether somebody was told of what is stored.
  var isWord: Bool {
    if case .mark(let number) = self, case .told = PowerCutRun.Mark(number: number) { true } else { false }
  }
}
