// Writes the log to standard error on a separate thread, so that logging waits neither for the disk nor for a
// reader that has stopped reading.
//
// Invariants:
// 1. Lines are written in order, each by one call. At most `maximumByteCount` bytes of lines wait. Beyond
//    that lines are dropped, and a line in their place says how many.
// 2. `end` waits until earlier lines are written, for at most `endMillis`. Nothing is written after it.
//
// Owner: a lock, and the thread that writes.

internal import Dispatch
internal import TallyLocking

final class LogWriter: Sendable {
  /// Bytes of lines that wait to be written.
  static let maximumByteCount = 1 << 20
  /// How long the end waits for lines to be written.
  static let endMillis = 1_000

  private struct State {
    var lines: [String] = []
    var byteCount = 0
    var leftOut = 0
    var isEnding = false

    mutating func add(_ line: String) {
      byteCount += line.utf8.count
      lines.append(line)
    }
  }

  private let state = Lock(State())
  private let wake = DispatchSemaphore(value: 0)
  private let isDone = DispatchSemaphore(value: 0)
  private let output: @Sendable (String) -> Void
  private let notice: @Sendable (Int) -> String

  /// - Parameters:
  ///   - notice: the line that says how many were left out. Waits for nothing: called under the lock.
  ///   - output: writes a line; may wait.
  init(
    notice: @escaping @Sendable (Int) -> String,
    output: @escaping @Sendable (String) -> Void = { System.writeError($0) }
  ) throws(SystemError) {
    self.notice = notice
    self.output = output
    let code = startThread { self.run() }
    try System.check(-code, "cannot start the log's thread")
  }

  /// Never waits.
  func write(_ line: String) {
    let isFirst = state.withLock { state in
      let byteCount = line.utf8.count
      if state.isEnding { return false }
      guard state.byteCount + byteCount <= Self.maximumByteCount else {
        state.leftOut += 1
        return false
      }
      let wasEmpty = state.lines.isEmpty
      if state.leftOut > 0 { state.add(notice(state.leftOut)) }
      state.leftOut = 0
      state.add(line)
      return wasEmpty
    }
    if isFirst { wake.signal() }
  }

  /// Waits for what was logged, and ends the thread.
  func end() {
    let isFirst = state.withLock { state in
      defer { state.isEnding = true }
      return !state.isEnding
    }
    guard isFirst else { return }
    wake.signal()
    _ = isDone.wait(timeout: .now() + .milliseconds(Self.endMillis))
  }

  private func run() {
    while true {
      wake.wait()
      let (lines, leftOut, isEnding) = state.withLock { state in
        defer { (state.lines, state.leftOut) = ([], 0) }
        return (state.lines, state.leftOut, state.isEnding)
      }
      for line in lines {
        output(line)
        // What waits is bounded, not only what was not taken yet.
        state.withLock { $0.byteCount -= line.utf8.count }
      }
      // No line had room since.
      if leftOut > 0 { output(notice(leftOut)) }
      if isEnding { break }
    }
    isDone.signal()
  }
}
