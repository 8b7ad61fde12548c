// Time zones by their IANA names, from the machine's zoneinfo files.
//
// Invariants:
// 1. A name is letters, digits, `+`, `-`, `_` and `/` only: no name leads out of the directory.
// 2. At most `maximumCached` zones stay in memory, of files of at most `maximumByteCount`.
// 3. UTC is known without any file.
//
// Owner: a lock; any thread.

internal import Glibc
internal import TallyLocking

public final class ZoneStore: Sendable {
  /// Of a name; the longest that IANA has is 32.
  public static let maximumNameByteCount = 64
  /// Of a file; the longest that tzdata has is below 4 KiB.
  static let maximumByteCount = 65_536
  static let maximumCached = 128

  private let directory: String
  private let cached = Lock<[String: Zone]>([:])

  /// - Parameter directory: `TZDIR`, else /usr/share/zoneinfo, when nil.
  public init(directory: String? = nil) {
    self.directory = directory ?? Self.environmentDirectory ?? "/usr/share/zoneinfo"
  }

  private static var environmentDirectory: String? {
    guard let value = unsafe getenv("TZDIR") else { return nil }
    let path = unsafe String(cString: value)
    return path.isEmpty ? nil : path
  }

  /// - Parameter name: such as `Europe/Berlin`; empty is UTC.
  /// - Throws: `invalidField` when there is no such zone.
  public func zone(named name: String, field: String = "time_zone") throws(Refusal) -> Zone {
    if name.isEmpty || name.isExactly(Zone.utc.name) { return .utc }
    if let zone = find(name) { return zone }
    throw Refusal(.invalidField, "\(field) is not a known time zone", details: ["field": field])
  }

  private func find(_ name: String) -> Zone? {
    guard Self.isName(name) else { return nil }
    if let zone = cached.withLock({ $0[name] }) { return zone }
    guard let bytes = read(name), let file = ZoneFile(bytes) else { return nil }
    let zone = Zone(name: name, file: file)
    cached.withLock { cached in
      if cached.count >= Self.maximumCached { cached.removeAll(keepingCapacity: true) }
      cached[name] = zone
    }
    return zone
  }

  /// Names of IANA begin with a capital. Beside them lie `localtime` and `posixrules`, which differ by
  /// machine, and `right/`, whose seconds are not those of UTC; `Factory` is no zone.
  package static func isName(_ name: String) -> Bool {
    guard name.utf8.count <= maximumNameByteCount, let first = name.utf8.first,
      (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first), name != "Factory"
    else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "/"):
        true
      default: false
      }
    }
  }

  /// - Returns: nil unless it is a regular file that is not too long.
  private func read(_ name: String) -> [UInt8]? {
    let descriptor = unsafe open(directory + "/" + name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var facts = stat()
    guard unsafe fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
      facts.st_size <= Self.maximumByteCount
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: Self.maximumByteCount)
    var count = 0
    while count < bytes.count {
      let more = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(descriptor, buffer.baseAddress.map { unsafe $0 + count }, buffer.count - count)
      }
      if more == 0 { break }
      if more < 0 {
        if errno == EINTR { continue }
        return nil
      }
      count += more
    }
    return Array(bytes.prefix(count))
  }
}
