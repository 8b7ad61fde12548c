// A process of a test: started, watched, killed.
//
// Invariants:
// 1. It does not outlive the value.
//
// Any thread: its end stands behind a lock.

import CTallyProcess
import Glibc
import TallyLocking
import TallyTestSupport
import Testing

final class Child: Sendable {
  let pid: Int32
  private let ended = Lock<Int32?>(nil)
  private let output: Int32

  /// - Parameters:
  ///   - log: where its standard error goes.
  ///   - prelude: shell commands before the program takes the shell's place.
  init(_ arguments: [String], log: String, prelude: String = "") throws {
    let script = "\(prelude)\nlog=$1; shift; exec \"$@\" 2>>\"$log\""
    var output: Int32 = -1
    pid = unsafe Self.withPointers(["/bin/sh", "-c", script, "sh", log] + arguments) { pointers in
      unsafe cprocess_spawn(pointers, nil, nil, &output, nil)
    }
    self.output = output
    try #require(pid > 0, "cannot start \(arguments)")
  }

  deinit {
    end(SIGKILL)
    close(output)
  }

  private static func withPointers(
    _ arguments: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Int32
  ) -> Int32 {
    let copies = unsafe arguments.map { unsafe strdup($0) }
    defer { unsafe copies.forEach { unsafe free($0) } }
    let pointers = unsafe copies.map { unsafe UnsafePointer($0) } + [nil]
    return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }

  /// The exit status, or 128 plus the signal; nil while it runs.
  var status: Int32? {
    ended.withLock { ended in
      if ended == nil {
        let status = cprocess_child_status(pid, 0)
        if status != -EAGAIN { ended = status }
      }
      return ended
    }
  }

  var isRunning: Bool { status == nil }

  func signal(_ number: Int32) {
    ended.withLock { ended in
      if ended == nil { _ = cprocess_kill(pid, number) }
    }
  }

  /// Sends the signal and waits for the end. With SIGKILL it comes at once.
  @discardableResult
  func end(_ number: Int32) -> Int32 {
    signal(number)
    return ended.withLock { ended in
      if let ended { return ended }
      let status = cprocess_child_status(pid, 1)
      ended = status
      return status
    }
  }

  /// Waits for an end that comes by itself or after a signal.
  func waitForEnd(sourceLocation: SourceLocation = #_sourceLocation) async throws -> Int32 {
    try await eventually("the end of process \(pid)", sourceLocation: sourceLocation) { !isRunning }
    return try #require(status)
  }

  /// Its standard output to the end; waits for it.
  func outputText() -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(output, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Memory that it has in use, in bytes.
  var residentBytes: Int { bytes("VmRSS:") }

  /// The most that it ever had in use.
  var highestResidentBytes: Int { bytes("VmHWM:") }

  private func bytes(_ name: String) -> Int {
    for line in Files.text("/proc/\(pid)/status").split(separator: "\n") where line.hasPrefix(name) {
      let number = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
      return (number.flatMap { Int($0) } ?? 0) * 1_024
    }
    return 0
  }
}
