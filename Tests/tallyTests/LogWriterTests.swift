// The thread that writes the log: who logs never waits, nothing gets out of order, and what is left out is
// told.

import Dispatch
import TallyLocking
import TallyTestSupport
import Testing

@testable import tally

@Suite("Log writer")
struct LogWriterTests {
  /// Takes a line whenever the test lets it.
  private final class Output: Sendable {
    private let mayWrite = DispatchSemaphore(value: 0)
    private let written = Lock<[String]>([])

    var lines: [String] { written.withLock { $0 } }

    func write(_ line: String) {
      mayWrite.wait()
      written.withLock { $0.append(line) }
    }

    func letWrite(_ count: Int) {
      for _ in 0..<count { mayWrite.signal() }
    }
  }

  private let output = Output()

  private func writer() throws -> LogWriter {
    try LogWriter(notice: { "left out: \($0)" }, output: { [output] in output.write($0) })
  }

  @Test("lines are written in their order, and the end waits for them")
  func order() throws {
    let writer = try writer()
    let lines = (0..<1_000).map { "line \($0)" }
    for line in lines { writer.write(line) }
    #expect(output.lines.isEmpty)
    output.letWrite(lines.count)
    writer.end()
    #expect(output.lines == lines)
    writer.write("after the end")
    writer.end()
    #expect(output.lines == lines)
  }

  @Test("what has no room is left out, and a line in its place says how many there were")
  func room() throws {
    let writer = try writer()
    let long = String(repeating: "x", count: LogWriter.maximumByteCount / 4)
    for _ in 0..<4 { writer.write(long) }
    // As many bytes wait as may, whether the thread has taken them or not.
    for _ in 0..<3 { writer.write("no room") }
    output.letWrite(100)
    try waitUntil { output.lines.count == 5 }
    writer.write("room again")
    writer.end()
    let lines = output.lines
    #expect(lines.count == 6)
    #expect(lines.prefix(4).allSatisfy { $0 == long })
    #expect(lines.suffix(2) == ["left out: 3", "room again"])
  }

  @Test("an output that takes nothing does not keep the program from its end")
  func stuck() throws {
    let writer = try writer()
    for _ in 0..<10 { writer.write("line") }
    writer.end()
    #expect(output.lines.isEmpty)
    output.letWrite(100)
  }
}
