// What a disk may hold after a power cut, at each moment of a recording.
//
// A sector that was written and not synced yet holds what it held before or what any write since has left
// in it, whatever has become of other sectors: a disk writes in any order, and stops anywhere. The same
// holds for the size of a file, and for the names in the directory. A sync makes certain what was changed
// before it; one that fails, in the way of Linux, does not, and no later one does.
//
// Invariants:
// 1. A sector of 512 bytes holds one of its states wholly: SQLite relies on that much (powersafe overwrite).
// 2. A file's bytes behind what was ever written are zeros.
// 3. A file that became shorter did so wholly or not at all: unless its new size is on the disk, so is what
//    was cut off, and nothing that was written there later. File systems do not use freed blocks before.

struct DiskImage {
  /// What is cut off in the middle.
  enum Unit: Int, CaseIterable, Sendable {
    case sector = 512
    case page = 4_096
  }

  static let sectorBytes = Unit.sector.rawValue
  /// What waits to be written has mostly changed within so many events.
  private static let recentEvents = 24
  private static let sectorsPerPage = Unit.page.rawValue / sectorBytes

  /// A file, whatever its name.
  private final class File {
    /// The page cache.
    var bytes: [UInt8]
    var size: Uncertain<Int>
    /// What the disk holds where nothing is uncertain.
    var certain: [UInt8]
    var uncertain: [Int: Uncertain<[UInt8]>] = [:]
    /// Since its size was certain: the events that cut it off, and from which sector.
    var truncations: [(event: Int, sector: Int)] = []
    /// Pages that wait to be written.
    var dirtyPages: Set<Int> = []

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      certain = bytes
      size = Uncertain(certain: bytes.count)
    }
  }

  private var names: [String: Uncertain<Int?>] = [:]
  private var files: [File] = []
  private var eventCount = 0
  let planted: PlantedFault?
  /// Whether something but the header was written to the log since its last sync.
  private var hasFrames = false

  init(_ contents: [String: [UInt8]], planted: PlantedFault? = nil) {
    self.planted = planted
    for (name, bytes) in contents {
      names[name] = Uncertain(certain: files.count)
      files.append(File(bytes))
    }
  }

  // MARK: what happens

  mutating func apply(_ event: DiskEvent) {
    eventCount += 1
    switch event {
    case .mark: break
    case .create(let name):
      bind(name, to: files.count)
      files.append(File([]))
    case .remove(let name): bind(name, to: nil)
    case .rename(let name, let newName):
      bind(newName, to: names[name]?.current ?? nil)
      bind(name, to: nil)
    case .write(let name, let bytes, let offset):
      if name == PlantedFault.logName, offset >= PlantedFault.logHeaderBytes { hasFrames = true }
      if let file = file(name) { write(file, bytes, at: offset) }
    case .size(let name, let size):
      if let file = file(name) { resize(file, to: size) }
    case .sync(let name, let hasFailed):
      defer { if name == PlantedFault.logName { hasFrames = false } }
      if planted?.leavesOut(syncOf: name, hasFrames: hasFrames) == true { break }
      sync(name, hasFailed: hasFailed)
    }
  }

  private mutating func bind(_ name: String, to file: Int?) {
    names[name, default: Uncertain(certain: nil)].change(to: file, at: eventCount)
  }

  private func file(_ name: String) -> File? { (names[name]?.current ?? nil).map { files[$0] } }

  private func write(_ file: File, _ bytes: [UInt8], at offset: Int) {
    let end = offset + bytes.count
    if end > file.bytes.count {
      file.bytes += [UInt8](repeating: 0, count: end - file.bytes.count)
      file.size.change(to: end, at: eventCount)
    }
    // What is written again makes the file long enough again, too, when it is synced.
    file.size.touch()
    file.bytes.replaceSubrange(offset..<end, with: bytes)
    note(file, offset..<end)
  }

  private func resize(_ file: File, to size: Int) {
    let old = file.bytes.count
    if size < old { file.bytes.removeLast(old - size) }
    if size > old { file.bytes += [UInt8](repeating: 0, count: size - old) }
    file.size.change(to: size, at: eventCount)
    // What comes here again begins with zeros.
    if size < old {
      note(file, size..<old)
      file.truncations.append((eventCount, (size + Self.sectorBytes - 1) / Self.sectorBytes))
    }
  }

  private func note(_ file: File, _ range: Range<Int>) {
    for sector in range.lowerBound / Self.sectorBytes...(range.upperBound - 1) / Self.sectorBytes {
      let was = file.uncertain[sector] ?? Uncertain(certain: Self.sector(sector, of: file.certain))
      var now = was
      now.change(to: Self.sector(sector, of: file.bytes), at: eventCount)
      file.uncertain[sector] = now
      file.dirtyPages.insert(sector / Self.sectorsPerPage)
    }
  }

  private static func sector(_ number: Int, of bytes: [UInt8]) -> [UInt8] {
    let start = number * sectorBytes
    let there = start < bytes.count ? Array(bytes[start..<min(bytes.count, start + sectorBytes)]) : []
    return there + [UInt8](repeating: 0, count: sectorBytes - there.count)
  }

  private mutating func sync(_ name: String, hasFailed: Bool) {
    if name.isEmpty {
      for key in names.keys { names[key]?.sync(hasFailed: hasFailed) }
      return
    }
    guard let file = file(name) else { return }
    file.size.sync(hasFailed: hasFailed)
    if file.size.isCertain { file.truncations = [] }
    let torn = planted?.tears(name) == true ? file.dirtyPages.max() : nil
    for page in file.dirtyPages {
      for sector in page * Self.sectorsPerPage..<(page + 1) * Self.sectorsPerPage {
        // Of a torn page the disk has written the first half only, and says nothing.
        if page == torn, sector % Self.sectorsPerPage >= Self.sectorsPerPage / 2 {
          file.uncertain[sector] = nil
          continue
        }
        file.uncertain[sector]?.touch()
        file.uncertain[sector]?.sync(hasFailed: hasFailed)
        guard let left = file.uncertain[sector], left.isCertain else { continue }
        file.uncertain[sector] = nil
        put(left.current, in: &file.certain, at: sector)
      }
    }
    file.dirtyPages = []
  }

  private func put(_ sector: [UInt8], in bytes: inout [UInt8], at number: Int) {
    let end = (number + 1) * Self.sectorBytes
    if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
    bytes.replaceSubrange(number * Self.sectorBytes..<end, with: sector)
  }

  // MARK: what a power cut leaves

  /// How far what waits to be written has come.
  enum Progress: CaseIterable, Sendable {
    /// Nothing of it is on the disk.
    case none
    /// All of it, as after a kill; but what a failed sync has lost is on the disk or not.
    case all
    /// What happened up to some moment.
    case prefix
    /// Each part of it is there or not, in whatever state it had.
    case scattered
    /// The same with few that are missing, and with few that are there.
    case mostly, hardly
  }

  /// The files of the directory after a power cut now.
  func cut(_ progress: Progress, _ unit: Unit, using random: inout SeededGenerator) -> [String: [UInt8]] {
    let recent = max(-1, eventCount - Self.recentEvents)...eventCount
    let moment = Int.random(in: recent, using: &random)
    func reached(isLost: Bool = false) -> Int {
      switch progress {
      case .none: -1
      case .all: isLost && Bool.random(using: &random) ? -1 : eventCount
      case .prefix: moment
      case .scattered: Int.random(in: recent, using: &random)
      case .mostly: Int.random(in: 0..<16, using: &random) > 0 ? eventCount : -1
      case .hardly: Int.random(in: 0..<16, using: &random) == 0 ? eventCount : -1
      }
    }
    var left: [String: [UInt8]] = [:]
    for (name, binding) in names.sorted(by: { $0.key < $1.key }) {
      guard let number = binding.value(upTo: reached(isLost: binding.isLost)) else { continue }
      let file = files[number]
      let sizeMoment = reached(isLost: file.size.isLost)
      var bytes = file.certain
      var moments: [Int: Int] = [:]
      for (sector, state) in file.uncertain.sorted(by: { $0.key < $1.key }) {
        let block = sector * Self.sectorBytes / unit.rawValue
        let moment = moments[block] ?? reached(isLost: state.isLost)
        moments[block] = moment
        let possible = Self.moment(moment, of: sector, in: file, whoseSizeIsOf: sizeMoment)
        put(state.value(upTo: possible), in: &bytes, at: sector)
      }
      let size = file.size.value(upTo: sizeMoment)
      if bytes.count > size { bytes.removeLast(bytes.count - size) }
      if bytes.count < size { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
      left[name] = bytes
    }
    return left
  }

  /// The moment that a sector can be of, next to one that was chosen.
  private static func moment(
    _ chosen: Int, of sector: Int, in file: File, whoseSizeIsOf sizeMoment: Int
  ) -> Int {
    var moment = chosen
    for truncation in file.truncations where truncation.sector <= sector {
      if truncation.event > sizeMoment { return min(moment, truncation.event - 1) }
      moment = max(moment, truncation.event)
    }
    return moment
  }
}

/// A fault that a disk, or a program that forgot a sync, would bring in: the suite has to notice it.
enum PlantedFault: CaseIterable, Sendable {
  case noLogSync, noDatabaseSync, noDirectorySync, noLogHeaderSync, tornPage

  static let logName = "tally.db-wal"
  static let logHeaderBytes = 32
  private static let databaseName = "tally.db"

  /// - Parameter hasFrames: more than the log's header was written since its last sync.
  func leavesOut(syncOf name: String, hasFrames: Bool) -> Bool {
    switch self {
    case .noLogSync: name == Self.logName
    case .noDatabaseSync: name == Self.databaseName
    case .noDirectorySync: name.isEmpty
    case .noLogHeaderSync: name == Self.logName && !hasFrames
    case .tornPage: false
    }
  }

  func tears(_ name: String) -> Bool { self == .tornPage && name == Self.databaseName }
}
