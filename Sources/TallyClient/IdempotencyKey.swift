// Keys for calls that have no key of their own in the caller's data.
//
// Invariants:
// 1. A key is a UUID of version 7, greater than every earlier one of this process: the server's index is
//    written in order.
//
// Any thread may use it: the clock is behind a lock.

internal import TallyLocking

public enum IdempotencyKey {
  private static let clock = Lock(KeyClock())

  /// A new key. Keep it with what it charges for, and send it again on a retry: the client makes one itself
  /// where a request has none, but a program that was started again does not know that one.
  public static func next() -> String {
    let millis = SystemTime.wallMillis
    return clock.withLock { $0.next(millis) }
  }
}

/// Milliseconds and a random tail of 74 bits that only ever grow.
struct KeyClock {
  /// Of the tail's upper part; its lower one has 62.
  static let highBits: UInt64 = 12
  static let lowBits: UInt64 = 62

  private var millis: UInt64 = 0
  private var high: UInt64 = 0
  private var low: UInt64 = 0

  mutating func next(_ now: UInt64) -> String {
    if now > millis {
      begin(now)
    } else {
      low += 1 + UInt64.random(in: 0..<1 << 32)
      if low >> Self.lowBits != 0 {
        low &= (1 << Self.lowBits) - 1
        high += 1
        if high >> Self.highBits != 0 { begin(millis + 1) }
      }
    }
    return text
  }

  private mutating func begin(_ millis: UInt64) {
    self.millis = millis & (1 << 48 - 1)
    // The top bit is left free to count up in.
    high = .random(in: 0..<1 << (Self.highBits - 1))
    low = .random(in: 0..<1 << Self.lowBits)
  }

  private var text: String {
    let first = millis << 16 | 7 << 12 | high
    let second = 0b10 << 62 | low
    let digits = Self.padded(first) + Self.padded(second)
    var text = ""
    for (place, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(place) { text.append("-") }
      text.append(digit)
    }
    return text
  }

  private static func padded(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
