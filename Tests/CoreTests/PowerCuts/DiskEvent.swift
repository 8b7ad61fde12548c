// What happened to a disk's files, as CTallyFaultyDisk has recorded it.

internal import CTallyFaultyDisk
internal import Testing

/// One event; names are those of files in the directory, empty for the directory itself.
enum DiskEvent: Sendable {
  case create(String)
  case write(String, bytes: [UInt8], offset: Int)
  case size(String, Int)
  case sync(String, hasFailed: Bool)
  case remove(String)
  case rename(String, to: String)
  /// The test's own.
  case mark(Int)
}

extension FaultyDisk {
  /// From here on all that happens is kept, until `events`.
  func record() throws { try #require(unsafe faulty_disk_record(disk) == 0) }

  func mark(_ number: Int) { unsafe faulty_disk_mark(disk, Int64(number)) }

  /// All that has happened since `record`. Nothing may be going on.
  func events() throws -> [DiskEvent] {
    let count = unsafe faulty_disk_event_count(disk)
    return try (0..<count).map { index in
      let event = unsafe faulty_disk_event_at(disk, index)
      let name = unsafe String(cString: event.name)
      switch unsafe event.kind {
      case Int32(FAULTY_DISK_CREATE): return .create(name)
      case Int32(FAULTY_DISK_WRITE):
        let bytes = unsafe UnsafeBufferPointer(start: event.bytes, count: Int(event.count))
        return .write(name, bytes: unsafe Array(bytes), offset: Int(unsafe event.place))
      case Int32(FAULTY_DISK_SIZE): return .size(name, Int(unsafe event.place))
      case Int32(FAULTY_DISK_SYNC): return .sync(name, hasFailed: false)
      case Int32(FAULTY_DISK_FAILED_SYNC): return .sync(name, hasFailed: true)
      case Int32(FAULTY_DISK_REMOVE): return .remove(name)
      case Int32(FAULTY_DISK_RENAME): return .rename(name, to: unsafe String(cString: event.new_name))
      case Int32(FAULTY_DISK_MARK): return .mark(Int(unsafe event.place))
      default: throw UnknownEvent(kind: unsafe event.kind)
      }
    }
  }

  private struct UnknownEvent: Error { var kind: Int32 }
}
