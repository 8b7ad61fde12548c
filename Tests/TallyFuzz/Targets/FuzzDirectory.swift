// A directory for the files that a target makes: in the one that TALLY_FUZZ_DIRECTORY names, else in memory
// where the machine has such a place.
//
// Invariants:
// 1. It is removed with the value.
//
// Owner: the target.

import CTallyProcess
import Glibc

final class FuzzDirectory: Sendable {
  let path: String

  init() throws {
    let parent =
      if let named = unsafe getenv("TALLY_FUZZ_DIRECTORY") {
        unsafe String(cString: named)
      } else {
        unsafe access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp"
      }
    var template = Array("\(parent)/tally-fuzz-XXXXXX".utf8CString)
    let isMade = unsafe template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return false }
      return unsafe mkdtemp(base) != nil
    }
    try require(isMade, "a directory can be made")
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { _ = unsafe cprocess_tree_remove(path) }

  /// Puts a file of these bytes there, in place of the one that there is.
  func write(_ name: String, _ bytes: [UInt8]) throws {
    let descriptor = unsafe open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    try require(descriptor >= 0, "\(name) can be made")
    defer { close(descriptor) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      try require(count > 0, "\(name) can be written")
      rest = rest.dropFirst(count)
    }
  }

  /// The first bytes of a file; fewer when it has fewer, none when it is not there.
  func read(_ name: String, atMost limit: Int) -> [UInt8] { Self.read("\(path)/\(name)", atMost: limit) }

  static func read(_ path: String, atMost limit: Int) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: limit)
    var count = 0
    while count < limit {
      let more = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(descriptor, buffer.baseAddress.map { unsafe $0 + count }, limit - count)
      }
      if more <= 0 { break }
      count += more
    }
    return Array(bytes.prefix(count))
  }

  /// The files of a directory, by name.
  static func names(in path: String) -> [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { _ = unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }
}
