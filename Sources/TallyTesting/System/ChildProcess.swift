// A child process with pipes to its standard input, output and error.
//
// Invariants:
// 1. The child's input is its lifeline: it stays open as long as this object lives, and closes when this
//    process ends.
// 2. The child is always waited for: by `end`, or when the last reference goes.
//
// Any thread may use it: the state is behind a lock.

internal import CTallyProcess
internal import Glibc
internal import TallyLocking

/// What a process printed and how it ended.
package struct ProcessResult: Sendable {
  /// As a shell tells it: the exit status, or 128 plus the signal.
  package var status: Int32
  package var output: String
  package var error: String
}

package struct ProcessError: Error, CustomStringConvertible {
  package var description: String
}

package final class ChildProcess: Sendable {
  package let pid: Int32
  private let input: Int32
  private let output: Int32
  private let error: Int32
  private let status = Lock<Int32?>(nil)
  /// How often to look whether it has ended, when that is waited for with a limit.
  private static let lookMicroseconds: UInt32 = 2_000
  private let isInputOpen = Lock(true)

  /// - Parameters:
  ///   - arguments: the program, by path or by name, and what it is given.
  ///   - environment: added to this process's own, in place of what is there.
  package init(_ arguments: [String], environment: [String: String] = [:]) throws(ProcessError) {
    var all = Self.environment
    all.merge(environment) { _, new in new }
    let variables = all.map { "\($0)=\($1)" }
    var input: Int32 = -1
    var output: Int32 = -1
    var error: Int32 = -1
    let pid = unsafe Self.withCStrings(arguments) { argumentList in
      unsafe Self.withCStrings(variables) { variableList in
        unsafe cprocess_spawn(argumentList, variableList, &input, &output, &error)
      }
    }
    guard pid > 0 else {
      let reason = unsafe String(cString: strerror(-pid))
      throw ProcessError(description: "cannot start \(arguments.first ?? ""): \(reason)")
    }
    self.pid = pid
    self.input = input
    self.output = output
    self.error = error
  }

  deinit {
    _ = end(signal: SIGKILL)
    closeInput()
    for descriptor in [output, error] { _ = cprocess_close(descriptor) }
  }

  /// Runs a process to its end. Its input is empty.
  package static func run(
    _ arguments: [String], environment: [String: String] = [:]
  ) throws(ProcessError) -> ProcessResult {
    let child = try ChildProcess(arguments, environment: environment)
    child.closeInput()
    let (output, error) = child.readToEnd()
    return ProcessResult(status: child.wait(), output: output, error: error)
  }

  /// The next line of standard output, without its end; nil when the output ends or the time is over.
  package func readLine(timeoutMilliseconds: Int32) -> String? {
    var line: [UInt8] = []
    let due = cprocess_monotonic_nanoseconds() + UInt64(timeoutMilliseconds) * 1_000_000
    while true {
      let now = cprocess_monotonic_nanoseconds()
      guard now < due, wait([output], Int32((due - now) / 1_000_000) + 1) == 0 else { return nil }
      var byte: UInt8 = 0
      guard unsafe cprocess_read(output, &byte, 1) == 1 else { return nil }
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
  }

  /// What is on standard error so far, up to 64 KiB; waits for nothing.
  package func readError() -> String {
    wait([error], 0) == 0 ? String(decoding: read(error) ?? [], as: UTF8.self) : ""
  }

  /// Both outputs until both end.
  package func readToEnd() -> (output: String, error: String) {
    var open = [output, error]
    var texts: [Int32: [UInt8]] = [:]
    while !open.isEmpty {
      let place = wait(open, -1)
      guard place >= 0 else { break }
      let descriptor = open[Int(place)]
      guard let bytes = read(descriptor), !bytes.isEmpty else {
        open.remove(at: Int(place))
        continue
      }
      texts[descriptor, default: []] += bytes
    }
    return (
      String(decoding: texts[output] ?? [], as: UTF8.self),
      String(decoding: texts[error] ?? [], as: UTF8.self)
    )
  }

  package func send(signal: Int32) { if status.withLock({ $0 }) == nil { _ = cprocess_kill(pid, signal) } }

  /// Waits for its end.
  package func wait() -> Int32 {
    status.withLock { status in
      if let status { return status }
      let new = cprocess_child_status(pid, 1)
      status = new
      return new
    }
  }

  /// Ends the child's standard input.
  package func closeInput() {
    isInputOpen.withLock { isOpen in
      if isOpen { _ = cprocess_close(input) }
      isOpen = false
    }
  }

  /// Sends a signal, unless it has ended, and waits for its end.
  package func end(signal: Int32) -> Int32 {
    send(signal: signal)
    return wait()
  }

  /// Does the same, and kills it if it has not ended by then.
  package func end(signal: Int32, withinMilliseconds milliseconds: UInt64) -> Int32 {
    send(signal: signal)
    let due = cprocess_monotonic_nanoseconds() + milliseconds * 1_000_000
    while cprocess_monotonic_nanoseconds() < due {
      if let status = endedStatus() { return status }
      usleep(Self.lookMicroseconds)
    }
    return end(signal: SIGKILL)
  }

  /// Its status, once it has ended.
  private func endedStatus() -> Int32? {
    status.withLock { status in
      if status == nil {
        let new = cprocess_child_status(pid, 0)
        if new != -EAGAIN { status = new }
      }
      return status
    }
  }

  /// Whether a process with this id is there.
  package static func exists(_ pid: Int32) -> Bool { cprocess_kill(pid, 0) == 0 }

  private func wait(_ descriptors: [Int32], _ milliseconds: Int32) -> Int32 {
    unsafe descriptors.withUnsafeBufferPointer { buffer in
      unsafe cprocess_wait(buffer.baseAddress, Int32(buffer.count), milliseconds)
    }
  }

  private func read(_ descriptor: Int32) -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe chunk.withUnsafeMutableBytes { buffer in
      unsafe cprocess_read(descriptor, buffer.baseAddress, buffer.count)
    }
    return count < 0 ? nil : Array(chunk[..<count])
  }

  /// This process's variables.
  private static var environment: [String: String] {
    var all: [String: String] = [:]
    var place = 0
    while let entry = unsafe cprocess_environment(place) {
      let text = unsafe String(cString: entry)
      if let cut = text.firstIndex(of: "=") {
        all[String(text[..<cut])] = String(text[text.index(after: cut)...])
      }
      place += 1
    }
    return all
  }

  private static func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
  ) -> Result {
    let copies = unsafe texts.map { unsafe strdup($0) }
    defer { unsafe copies.forEach { unsafe free($0) } }
    var pointers: [UnsafePointer<CChar>?] = unsafe []
    unsafe copies.forEach { copy in unsafe pointers.append(UnsafePointer(copy)) }
    unsafe pointers.append(nil)
    return unsafe pointers.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { preconditionFailure("a list has its end") }
      return unsafe body(base)
    }
  }
}

/// Where the program is that tests start.
package enum Program {
  /// `TALLY_BINARY`; else a `tally` beside the running test; else the one that PATH finds.
  package static var path: String {
    if let value = unsafe getenv("TALLY_BINARY") { return unsafe String(cString: value) }
    let parts = (CommandLine.arguments.first ?? "").split(separator: "/", omittingEmptySubsequences: false)
    let beside = parts.dropLast().joined(separator: "/") + "/tally"
    return unsafe access(beside, X_OK) == 0 ? beside : "tally"
  }
}
