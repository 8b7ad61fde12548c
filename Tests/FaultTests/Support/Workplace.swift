// Where a fault test keeps its database and its socket, and where the programs are.
//
// Invariants:
// 1. Everything is removed with the value.
//
// Owner: the test.

import CTallyProcess
import Glibc
import Testing

/// A database's directory on the disk of the build, and a socket in a path that is short enough.
final class Workplace: Sendable {
  /// Holds the database's directory (made by the server) and the server's log.
  let path: String
  /// A small disk of its own for the database; nil when it stands on the build's.
  let disk: String?
  private let socketDirectory: String

  var database: String { "\(disk ?? path)/db" }
  var socket: String { "\(socketDirectory)/s" }
  var log: String { "\(path)/log" }

  init() throws {
    path = try Self.make("\(Programs.directory)/faults-XXXXXX")
    socketDirectory = try Self.make("/tmp/tally-faults-XXXXXX")
    disk = nil
  }

  /// With a disk of that size. Mounting needs root.
  init(diskBytes: Int) throws {
    path = try Self.make("\(Programs.directory)/faults-XXXXXX")
    socketDirectory = try Self.make("/tmp/tally-faults-XXXXXX")
    let disk = try Self.make("\(path)/disk-XXXXXX")
    self.disk = disk
    let status = unsafe mount("tally-test", disk, "tmpfs", 0, "size=\(diskBytes)")
    try #require(status == 0, "cannot mount: \(unsafe String(cString: strerror(errno)))")
  }

  deinit {
    if let disk { unsafe umount2(disk, Int32(MNT_DETACH)) }
    _ = unsafe cprocess_tree_remove(path)
    _ = unsafe cprocess_tree_remove(socketDirectory)
  }

  private static func make(_ pattern: String) throws -> String {
    var template = Array(pattern.utf8CString)
    let isMade = unsafe template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return false }
      return unsafe mkdtemp(base) != nil
    }
    try #require(isMade, "cannot make \(pattern)")
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Writes a file until the disk has no byte left.
  func fillDisk() throws {
    let descriptor = unsafe open("\(disk ?? path)/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let chunk = [UInt8](repeating: 0, count: 4_096)
    while unsafe chunk.withUnsafeBytes({ unsafe write(descriptor, $0.baseAddress, $0.count) }) > 0 {}
    try #require(errno == ENOSPC)
  }

  func freeDisk() { _ = unsafe unlink("\(disk ?? path)/filler") }

  /// Makes the server's log a pipe with room for a page, of which nobody reads.
  /// - Returns: its descriptor, to be held open until the server has ended.
  func pipeLog() throws -> Int32 {
    try #require(unsafe mkfifo(log, 0o600) == 0)
    let descriptor = unsafe open(log, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    try #require(descriptor >= 0)
    let setPipeSize: Int32 = 1_031
    try #require(fcntl(descriptor, setPipeSize, 4_096) >= 0)
    return descriptor
  }

  /// Lets another uid serve here.
  func give(to uid: UInt32) throws {
    for place in [path, socketDirectory] {
      try #require(unsafe chown(place, uid, uid) == 0, "cannot give \(place) away")
    }
  }

  /// Lets another uid come as far as the socket, whose mode decides from there.
  func openSocketDirectory() { _ = unsafe chmod(socketDirectory, 0o755) }

  var databaseFiles: Set<String> { Files.names(in: database) }
  var socketFiles: Set<String> { Files.names(in: socketDirectory) }
}

enum Files {
  static func names(in path: String) -> Set<String> {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { _ = unsafe closedir(directory) }
    var names: Set<String> = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.insert(name) }
    }
    return names
  }

  /// An empty file.
  static func make(_ path: String) throws {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    close(descriptor)
  }

  static func isThere(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// Empty when it is no link.
  static func target(ofLink path: String) -> String {
    var bytes = [CChar](repeating: 0, count: 256)
    let count = unsafe readlink(path, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Zero when it is not there.
  static func byteCount(_ path: String) -> Int {
    var facts = stat()
    return unsafe stat(path, &facts) == 0 ? Int(facts.st_size) : 0
  }

  static func text(_ path: String) -> String { String(decoding: bytes(path), as: UTF8.self) }

  static func bytes(_ path: String) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return bytes
  }
}

enum Programs {
  /// The build directory: where the tests' own program stands.
  static let directory: String = {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
    let path = String(decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
  }()

  static var tally: String { "\(directory)/tally" }
  /// What is preloaded into a program whose calls are to fail.
  static var faults: String { "\(directory)/libTallyFaults.so" }
  /// A sanitizer has to be loaded before any other library.
  static var isSanitized: Bool { directory.contains("/.build-") }
  static var faultyServer: String { "\(directory)/TallyFaultyServer" }
  static var loadGenerator: String { "\(directory)/CTallyLoadGenerator" }
  static var loadWorker: String { "\(directory)/TallyLoadWorker" }
}
