// How fast a connection is read while the handler of a client stream on it does not keep up.
//
// Invariants:
// 1. A buffer that is more than half full takes at least `holdNanoseconds` to fill, so that a handler that is
//    fast enough for that loses nothing. The connection is read no slower than that either, so that whatever
//    comes behind the stream's messages is reached in a known time. This holds for messages of any size.
// 2. A connection that has other calls is not slowed down: its stream has its buffer and no more.
//
// Owner: the connection's queue.

struct StreamPace {
  /// Reading rests in steps of this part of the whole time, for small messages.
  static let stepCount = 20

  let holdNanoseconds: UInt64
  /// Bytes of messages beyond the half for which reading has not rested yet.
  private var owedByteCount = 0
  /// Requests of the connection up to the last look.
  private var requestCount: UInt64 = 0
  /// Until then the connection counts as one that has other calls.
  private var sharedUntil: UInt64 = 0

  init(holdNanoseconds: UInt64) {
    self.holdNanoseconds = holdNanoseconds
  }

  /// A client stream begins as the connection's only call.
  mutating func begin(requestCount: UInt64) {
    self.requestCount = requestCount
    owedByteCount = 0
    sharedUntil = 0
  }

  /// How long reading has to rest after a message that found its buffer more than half full; nil to go on.
  mutating func rest(
    afterByteCount byteCount: Int, bufferByteCount: Int, requestCount: UInt64, now: UInt64
  ) -> UInt64? {
    if self.requestCount != requestCount {
      self.requestCount = requestCount
      sharedUntil = later(now, by: holdNanoseconds)
    }
    if now < sharedUntil { return nil }
    let half = max(1, bufferByteCount / 2)
    owedByteCount += byteCount
    guard owedByteCount >= half / Self.stepCount else { return nil }
    let share = Double(min(owedByteCount, half)) / Double(half)
    owedByteCount = 0
    return max(1, UInt64(Double(holdNanoseconds) * share))
  }

  /// The handler has made room.
  mutating func hasRoom() { owedByteCount = 0 }
}
