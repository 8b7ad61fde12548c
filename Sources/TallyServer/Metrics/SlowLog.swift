// Log lines for slow calls, and for slow statements with their plan.
//
// Invariants:
// 1. A line has no payload, no bound value and no metadata but the ids of a well-formed trace.
// 2. At most `linesPerSecond` of each kind are written; the next line says how many were left out.

internal import Logging
internal import TTRPC
internal import TallyLocking
internal import TallyMeasuring

final class SlowLog: Sendable {
  /// The most lines of each kind in a second: when everything is slow, the log must not make it slower.
  static let linesPerSecond = 10

  private struct Throttle {
    var second: UInt64 = 0
    var lines = 0
    var leftOut = 0

    /// - Returns: how many lines were left out since the last one; nil when this one is to be left out.
    mutating func admit(second: UInt64) -> Int? {
      if second != self.second {
        self.second = second
        lines = 0
      }
      guard lines < SlowLog.linesPerSecond else {
        leftOut += 1
        return nil
      }
      lines += 1
      defer { leftOut = 0 }
      return leftOut
    }
  }

  private let logger: Logger
  /// A monotonic clock in nanoseconds; tests bring their own.
  private let clock: @Sendable () -> UInt64
  private let calls = Lock(Throttle())
  private let statements = Lock(Throttle())
  let slowCalls = Counter()

  init(logger: Logger, clock: @escaping @Sendable () -> UInt64 = { MonotonicClock.nanoseconds }) {
    self.logger = logger
    self.clock = clock
  }

  func call(_ call: CallContext, _ code: StatusCode, elapsedNanoseconds: UInt64) {
    slowCalls.add()
    guard let leftOut = admit(calls) else { return }
    var metadata = call.logMetadata
    metadata["code"] = "\(code.wireName)"
    metadata["elapsed_micros"] = "\(elapsedNanoseconds / 1_000)"
    write("slow call", metadata, leftOut)
  }

  func statement(_ statement: SlowStatement) {
    guard let leftOut = admit(statements) else { return }
    write(
      "slow statement",
      [
        "sql": "\(statement.sql)", "elapsed_micros": "\(statement.elapsedNanoseconds / 1_000)",
        "rows": "\(statement.rows)", "plan": "\(statement.plan.joined(separator: "; "))",
      ], leftOut)
  }

  private func admit(_ throttle: Lock<Throttle>) -> Int? {
    let second = clock() / 1_000_000_000
    return throttle.withLock { $0.admit(second: second) }
  }

  private func write(_ message: Logger.Message, _ metadata: Logger.Metadata, _ leftOut: Int) {
    var metadata = metadata
    if leftOut > 0 { metadata["lines_left_out"] = "\(leftOut)" }
    logger.warning(message, metadata: metadata)
  }
}

extension CallContext {
  /// The peer, the method and the trace of a call.
  var logMetadata: Logger.Metadata {
    var metadata = peer.logMetadata(connectionId)
    metadata["method"] = "\(service)/\(method)"
    if let trace = TraceParent(self.metadata) {
      metadata["trace_id"] = "\(trace.traceId)"
      metadata["parent_id"] = "\(trace.parentId)"
    }
    return metadata
  }
}

extension PeerCredentials {
  func logMetadata(_ connectionId: UInt64?) -> Logger.Metadata {
    var metadata: Logger.Metadata = ["pid": "\(pid)", "uid": "\(uid)", "gid": "\(gid)"]
    if let connectionId { metadata["connection"] = "\(connectionId)" }
    return metadata
  }
}
