// How a call is made: for whom, how long, how often.

public import TTRPC

/// When and for how long a failed call is tried again. It is tried again after a lost connection, UNAVAILABLE
/// and OUTCOME_UNKNOWN, unchanged and so with the same idempotency key. A call that may have been applied is
/// tried again only where that is harmless: see `RPC.isRepeatable`.
public struct RetryPolicy: Sendable, Equatable {
  /// How long after the call's start the last attempt may begin.
  public var duration: Duration
  /// Includes the first attempt; 1 never retries.
  public var maximumAttempts: Int
  /// The wait before the second attempt. It doubles with each attempt after that; up to a half is taken off
  /// at random.
  public var firstDelay: Duration
  public var maximumDelay: Duration

  public init(
    duration: Duration = .seconds(5), maximumAttempts: Int = .max, firstDelay: Duration = .milliseconds(10),
    maximumDelay: Duration = .milliseconds(500)
  ) {
    self.duration = duration
    self.maximumAttempts = max(1, maximumAttempts)
    self.firstDelay = firstDelay
    self.maximumDelay = maximumDelay
  }

  /// One attempt.
  public static let never = RetryPolicy(duration: .zero, maximumAttempts: 1)
  /// For five seconds: more than a restart of the server takes.
  public static let standard = RetryPolicy()

  /// How long to wait before attempt `attempt`, counted from 2: half of the exponential delay, and up
  /// to as much again at random, so that callers who failed together do not come back together.
  func delay(beforeAttempt attempt: Int) -> Duration {
    let doublings = min(max(0, attempt - 2), 20)
    let full = min(firstDelay * (1 << doublings), maximumDelay)
    return full / 2 + full * Int.random(in: 0...1_000) / 2_000
  }
}

public struct CallOptions: Sendable, Equatable {
  /// The time-out of calls that set none.
  public static let defaultTimeout = Duration.seconds(10)
  /// The longest time-out that counts; a longer one is cut to it.
  public static let longestTimeout = Duration.seconds(24 * 86_400)

  /// Narrows the call to this user's rows.
  public var actingUserId: String?
  /// Covers all attempts together. nil is `defaultTimeout`, and no time-out for a stream.
  public var timeout: Duration?
  public var retry: RetryPolicy
  /// Further metadata of the call; names are sent in lower case.
  public var metadata: [String: String]
  /// Metadata after that, in this order: its keys may repeat.
  public var repeatedMetadata: [MetadataPair] = []

  public init(
    actingUserId: String? = nil, timeout: Duration? = nil, retry: RetryPolicy = .standard,
    metadata: [String: String] = [:]
  ) {
    self.actingUserId = actingUserId
    self.timeout = timeout
    self.retry = retry
    self.metadata = metadata
  }
}
