// How a call is made: for whom, how long, how often.
//
// Values, owned by nobody.

public import TTRPC

/// For how long a call that did not get through is made again, unchanged, and so with the same idempotency
/// key: after a lost connection, UNAVAILABLE and OUTCOME_UNKNOWN. One that may have been applied is made
/// again only where that is harmless: see `RPC.isRepeatable`.
public struct RetryPolicy: Sendable, Equatable {
  /// After the call's start; no attempt begins later.
  public var duration: Duration
  /// The first attempt counts. 1 never retries.
  public var maximumAttempts: Int
  /// Before the second attempt; doubles with each one after, less up to a half by chance.
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
  /// What calls have that say nothing else.
  public static let defaultTimeout = Duration.seconds(10)
  /// The longest time-out that counts; a longer one is cut to it.
  public static let longestTimeout = Duration.seconds(24 * 86_400)

  /// Narrows the call to this user's rows.
  public var actingUserId: String?
  /// For all attempts together. Nil is `defaultTimeout`, and none for a stream.
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
