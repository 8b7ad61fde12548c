// The disk under a test's directory: it fails when it is told to, and can lose its power.
//
// Owner: the test that made it; the calls that it watches come from any thread.

internal import CTallyFaultyDisk
internal import Glibc
internal import Testing

// @unchecked Sendable: the disk has a mutex of its own.
@safe final class FaultyDisk: @unchecked Sendable {
  let disk: OpaquePointer

  enum Failure: Sendable { case directorySync, databaseSync, logSync, unlock }

  /// Calls on the files of the directory, whichever.
  enum Call: Int, Sendable, CaseIterable {
    case read, write, sync, truncate, open, lock, unlink, rename, unlock, look, map, list
  }

  /// Which of the pages that wait to be written a power cut finds written.
  struct Written: Sendable {
    var divisor: Int32
    var remainder: Int32
    static let none = Written(divisor: 0, remainder: 0)
    static let all = Written(divisor: 1, remainder: 0)
    static let even = Written(divisor: 2, remainder: 0)
    static let odd = Written(divisor: 2, remainder: 1)
  }

  /// What is in the directory now is taken to be on the disk.
  init(_ directory: TemporaryDirectory) throws {
    unsafe disk = try #require(faulty_disk_open(directory.path))
  }

  deinit { unsafe faulty_disk_close(disk) }

  /// From the next but `skip` on, `count` calls fail.
  func fail(_ failure: Failure, skip: Int32 = 0, count: Int32 = 1, error: Int32 = EIO) {
    let kind =
      switch failure {
      case .directorySync: FAULTY_DISK_DIRECTORY_SYNC
      case .databaseSync: FAULTY_DISK_DATABASE_SYNC
      case .logSync: FAULTY_DISK_LOG_SYNC
      case .unlock: FAULTY_DISK_UNLOCK
      }
    unsafe faulty_disk_fail(disk, Int32(kind), skip, count, error)
  }

  /// From the next call of a kind but `skip` on, `count` fail.
  /// - Parameter error: nil for reads and writes of half of the bytes.
  func fail(_ call: Call, skip: Int32, count: Int32, error: Int32?) {
    unsafe faulty_disk_fail_call(disk, Self.number(call), skip, count, error ?? FAULTY_DISK_SHORT)
  }

  /// How many calls of a kind there were.
  func callCount(_ call: Call) -> Int { Int(unsafe faulty_disk_calls(disk, Self.number(call))) }

  func recordPlaces() { unsafe faulty_disk_record_places(disk) }

  /// The ways that have led to the calls of a kind.
  func places(_ call: Call) -> [UInt64] {
    let kind = Self.number(call)
    let count = unsafe faulty_disk_place_count(disk, kind)
    return (0..<count).map { index in
      unsafe faulty_disk_place(disk, kind, index)
    }
  }

  private static func number(_ call: Call) -> Int32 {
    let kind =
      switch call {
      case .read: FAULTY_DISK_CALL_READ
      case .write: FAULTY_DISK_CALL_WRITE
      case .sync: FAULTY_DISK_CALL_SYNC
      case .truncate: FAULTY_DISK_CALL_TRUNCATE
      case .open: FAULTY_DISK_CALL_OPEN
      case .lock: FAULTY_DISK_CALL_LOCK
      case .unlink: FAULTY_DISK_CALL_UNLINK
      case .rename: FAULTY_DISK_CALL_RENAME
      case .unlock: FAULTY_DISK_CALL_UNLOCK
      case .look: FAULTY_DISK_CALL_LOOK
      case .map: FAULTY_DISK_CALL_MAP
      case .list: FAULTY_DISK_CALL_LIST
      }
    return Int32(kind)
  }

  var failureCount: Int { Int(unsafe faulty_disk_failures(disk)) }

  /// What a power cut now would leave.
  func cut(_ written: Written = .none) throws -> TemporaryDirectory {
    let left = try TemporaryDirectory(inMemory: true)
    try #require(unsafe faulty_disk_cut(disk, left.path, written.divisor, written.remainder) == 0)
    return left
  }

  private final class Observer {
    let look: () -> Void
    init(_ look: @escaping () -> Void) { self.look = look }
  }

  /// - Parameter look: called as the first sync of the log begins, on its thread, while `body` runs.
  func atLogSync(_ look: @escaping () -> Void, while body: () throws -> Void) rethrows {
    let observer = Observer(look)
    try withExtendedLifetime(observer) {
      unsafe faulty_disk_at_log_sync(
        disk,
        { context in
          guard let context = unsafe context else { return }
          unsafe Unmanaged<Observer>.fromOpaque(context).takeUnretainedValue().look()
        }, Unmanaged.passUnretained(observer).toOpaque())
      defer { unsafe faulty_disk_at_log_sync(disk, nil, nil) }
      try body()
    }
  }

  /// What a power cut leaves as a sync of the database begins, the next but `skip`, while `body` runs.
  /// - Returns: nil when there was no such sync.
  func cut(atDatabaseSync skip: Int32, _ written: Written, while body: () throws -> Void) throws
    -> TemporaryDirectory?
  {
    let left = try TemporaryDirectory()
    unsafe faulty_disk_cut_at_database_sync(disk, skip, left.path, written.divisor, written.remainder)
    try body()
    return unsafe faulty_disk_has_cut(disk) != 0 ? left : nil
  }
}
