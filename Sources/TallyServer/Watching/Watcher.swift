// One watcher, and where its messages go.
//
// Invariants:
// 1. `toldSequence` is where another call would go on: all rows before it were sent to the watcher or are of
//    no interest to it, and none from it on was sent.
//
// Owner: the thread that serves watchers, but for what is constant.

internal import TTRPC
internal import TallyCore

/// Where a watcher's messages go. Nothing here waits.
struct WatchTarget: Sendable {
  var connectionId: UInt64
  /// Adds a message to what is sent with the next flush; false while too much waits for the peer.
  /// - Throws: when nobody waits for the call any more.
  var offer: @Sendable (_ message: [UInt8]) throws(Status) -> Bool
  /// Sends what was added to the connection.
  var flush: @Sendable () -> Void
  /// Calls back when the connection takes messages again; false, and it does not, when it does so now or is
  /// gone.
  var whenRoomy: @Sendable (_ resume: @escaping @Sendable () -> Void) -> Bool
  /// Ends the call.
  var end: @Sendable (Status) -> Void
  /// Nobody waits for the call any more.
  var isGone: @Sendable () -> Bool

}

extension WatchTarget {
  init(_ context: CallContext, _ sink: MessageSink) {
    self.init(
      connectionId: context.connectionId,
      offer: { (message) throws(Status) in try sink.offer(message) },
      flush: { context.connection.flush() },
      whenRoomy: { resume in context.connection.whenRoomy { _ in resume() } },
      end: { context.end($0) }, isGone: { context.isCancelled })
  }
}

// @unchecked Sendable: everything mutable is confined to the thread that serves watchers.
final class Watcher: @unchecked Sendable {
  enum Phase {
    /// It reads what came before by itself.
    case reading
    /// The same, while rows are kept for it.
    case joined
    /// It is sent its rows.
    case served
    /// As before, but too much waits for its peer.
    case waiting
    /// What was kept for it while it was reading was too much, and is gone.
    case overrun
    /// Its call is over.
    case over
  }

  let target: WatchTarget
  /// All users when empty.
  let userIds: Set<ExactText>
  /// Of the ledger that it began with.
  let replacements: Int

  var phase = Phase.reading
  var toldSequence: Int64 = 0
  /// Rows before it it has read by itself.
  var fromSequence: Int64 = 0
  /// The place in the kept rows of the next one for a watcher of all users.
  var place = 0
  /// The places of the next ones for a watcher of some users, in order, from `firstPlace` on.
  var places: [Int] = []
  var firstPlace = 0
  /// Resumed once, when it is not served any more.
  var whenOver: CheckedContinuation<WatchEnd, Never>?

  init(target: WatchTarget, userIds: Set<ExactText>, replacements: Int) {
    self.target = target
    self.userIds = userIds
    self.replacements = replacements
  }
}
