// Traces and the log of what was slow.

import Logging
import TTRPC
import TallyLocking
import TallyMeasuring
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Traces")
struct TraceTests {
  static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  static let parent = "00f067aa0ba902b7"

  @Test(
    "a well-formed traceparent is taken",
    arguments: [
      "00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-00", "00-\(trace)-\(parent)-ff",
      // Later versions may have more.
      "01-\(trace)-\(parent)-01", "cc-\(trace)-\(parent)-01-what-comes-then", "fe-\(trace)-\(parent)-01-",
    ])
  func wellFormed(text: String) {
    let parsed = TraceParent(text)
    #expect(parsed?.traceId == Self.trace && parsed?.parentId == Self.parent)
  }

  @Test(
    "a malformed traceparent is as if it were not there",
    arguments: [
      "", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-", "00-\(trace)-\(parent)-0",
      "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01-more", "00-\(trace)-\(parent)-011",
      "01-\(trace)-\(parent)-01more", "ff-\(trace)-\(parent)-01", "0-\(trace)-\(parent)-01",
      "00_\(trace)-\(parent)-01", "00-\(trace)_\(parent)-01", " 00-\(trace)-\(parent)-01",
      "00-\(trace)-\(parent)-0g", "0G-\(trace)-\(parent)-01", "00-\(trace.uppercased())-\(parent)-01",
      "00-00000000000000000000000000000000-\(parent)-01", "00-\(trace)-0000000000000000-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473g-\(parent)-01", "00-\(trace)-00f067aa0ba902bé-01",
      "00-\(trace)-\n0f067aa0ba902b7-01",
    ])
  func malformed(text: String) {
    #expect(TraceParent(text) == nil)
  }

  @Test("the metadata's key is known in any case of letters; given twice, it says nothing")
  func metadata() {
    let pair = MetadataPair(key: "TraceParent", value: "00-\(Self.trace)-\(Self.parent)-01")
    let other = MetadataPair(key: "tracestate", value: "a=b")
    #expect(TraceParent([other, pair])?.traceId == Self.trace)
    #expect(TraceParent([pair, pair]) == nil)
    #expect(TraceParent([other]) == nil)
  }

  @Test("a slow call is logged with its peer and its trace, and nothing that it sent")
  func slowCall() async throws {
    let log = CapturedLog()
    try await LiveServer.run(log: log, configure: { $0.slowCallMillis = 1 }) { live in
      let pairs = [
        MetadataPair(key: "traceparent", value: "00-\(Self.trace)-\(Self.parent)-01"),
        MetadataPair(key: "x-secret", value: "secret-metadata"),
      ]
      _ = try await live.call(TallystickTestingV1.Conformance.sleep, metadata: pairs) {
        $0.millis = 5
      }
      _ = try await live.call(TallystickTestingV1.Conformance.echo, metadata: pairs) {
        $0.text = "secret-payload"
      }
    }
    let line = try #require(
      log.lines.first { $0.message == "slow call" && $0.metadata["method"]?.hasSuffix("Sleep") == true })
    #expect(
      Set(line.metadata.keys) == [
        "pid", "uid", "gid", "connection", "method", "code", "elapsed_micros", "trace_id", "parent_id",
      ])
    #expect(line.metadata["method"] == "tallystick.testing.v1.Conformance/Sleep")
    #expect(line.metadata["code"] == "OK")
    #expect(line.metadata["trace_id"] == Self.trace && line.metadata["parent_id"] == Self.parent)
    #expect((line.metadata["elapsed_micros"].flatMap { Int($0) } ?? 0) >= 1_000)
    for line in log.lines {
      #expect(!line.message.contains("secret"))
      #expect(!line.metadata.values.contains { $0.contains("secret") })
    }
  }

  @Test("a slow statement is logged with its plan and without its values")
  func slowStatement() async throws {
    let log = CapturedLog()
    try await LiveServer.run(log: log) { live in
      live.server.engineForTesting.statements.counters(of: "SELECT ?1").noteSlow(
        elapsedNanoseconds: 150_000_000, rows: 3, plan: ["SCAN a", "SEARCH b"])
    }
    // On a busy machine others may be slow as well.
    let line = try #require(
      log.lines.first { $0.message == "slow statement" && $0.metadata["sql"] == "SELECT ?1" })
    #expect(
      line.metadata.filter { $0.key != "lines_left_out" } == [
        "sql": "SELECT ?1", "elapsed_micros": "150000", "rows": "3", "plan": "SCAN a; SEARCH b",
      ])
  }

  @Test("when much is slow, some lines are left out and the next one tells how many")
  func throttled() throws {
    let log = CapturedLog()
    let seconds = Lock<UInt64>(5)
    let slow = SlowLog(
      logger: log.logger, clock: { seconds.withLock { $0 } * 1_000_000_000 + 999_999_999 })
    let statement = StatementStatistics(slowNanoseconds: 0, onSlow: slow.statement).counters(of: "SELECT 1")
    let total = SlowLog.linesPerSecond * 4
    for _ in 0..<total { statement.noteSlow(elapsedNanoseconds: 1, rows: 0, plan: []) }
    #expect(log.lines.count == SlowLog.linesPerSecond)
    seconds.withLock { $0 += 1 }
    for _ in 0..<2 { statement.noteSlow(elapsedNanoseconds: 1, rows: 0, plan: []) }
    #expect(log.lines.count == SlowLog.linesPerSecond + 2)
    let told = log.lines.suffix(2).map { $0.metadata["lines_left_out"] }
    #expect(told == ["\(total - SlowLog.linesPerSecond)", nil])
  }
}

/// A log that a test reads.
final class CapturedLog: Sendable {
  struct Line: Sendable {
    var message: String
    var metadata: [String: String]
  }

  private let captured = Lock<[Line]>([])

  var lines: [Line] { captured.withLock { $0 } }
  var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

  private struct Handler: LogHandler {
    var log: CapturedLog
    var logLevel = Logger.Level.debug
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let line = Line(
        message: "\(event.message)", metadata: (event.metadata ?? [:]).mapValues { "\($0)" })
      log.captured.withLock { $0.append(line) }
    }
  }
}
