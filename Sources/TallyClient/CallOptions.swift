// How a call is made: for whom, how long, how often.
//
// Values, owned by nobody.

public import TTRPC

/// When a failed call is sent again, unchanged, and so with the same idempotency key.
public struct RetryPolicy: Sendable, Equatable {
  /// The first attempt counts. 1 never retries.
  public var maximumAttempts: Int
  /// Before the second attempt; doubles with each one after, with jitter.
  public var firstDelay: Duration
  public var maximumDelay: Duration

  public init(maximumAttempts: Int, firstDelay: Duration, maximumDelay: Duration) {
    self.maximumAttempts = max(1, maximumAttempts)
    self.firstDelay = firstDelay
    self.maximumDelay = maximumDelay
  }

  /// One attempt.
  public static let never = RetryPolicy(maximumAttempts: 1, firstDelay: .zero, maximumDelay: .zero)
  /// Eight attempts over about two seconds: what a restart of the server takes.
  public static let standard = RetryPolicy(
    maximumAttempts: 8, firstDelay: .milliseconds(10), maximumDelay: .seconds(1))

  /// How long to wait before attempt `attempt`, counted from 2: half of the exponential delay, and up
  /// to as much again at random, so that callers who failed together do not come back together.
  func delay(beforeAttempt attempt: Int) -> Duration {
    let doublings = min(max(0, attempt - 2), 20)
    let full = min(firstDelay * (1 << doublings), maximumDelay)
    return full / 2 + full * Int.random(in: 0...1_000) / 2_000
  }
}

public struct CallOptions: Sendable, Equatable {
  /// Narrows the call to this user's rows.
  public var actingUserId: String?
  /// For all attempts together; nil waits for ever.
  public var timeout: Duration?
  /// On UNAVAILABLE and lost connections only. For calls that may be sent twice: reads, and every
  /// mutation with an idempotency key.
  public var retry: RetryPolicy
  /// Further metadata of the call.
  public var metadata: [String: String]
  /// Metadata after that, in this order: its keys may repeat.
  public var repeatedMetadata: [MetadataPair] = []

  public init(
    actingUserId: String? = nil, timeout: Duration? = nil, retry: RetryPolicy = .never,
    metadata: [String: String] = [:]
  ) {
    self.actingUserId = actingUserId
    self.timeout = timeout
    self.retry = retry
    self.metadata = metadata
  }
}
