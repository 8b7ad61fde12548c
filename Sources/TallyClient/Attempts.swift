// The attempts of one call: how long there is time for one more, and what is known of those before.
//
// Invariants:
// 1. Once an attempt may have been applied, the failure of a later attempt does not say that the call was not
//    applied, unless its code can only come from looking at the call and its key.

internal import TTRPC

struct Attempts {
  /// When the call is over; nil when it has no end.
  let deadline: ContinuousClock.Instant?
  private let policy: RetryPolicy
  private let until: ContinuousClock.Instant
  private var count = 1
  private var isInDoubt = false

  init(timeout: Duration?, policy: RetryPolicy) {
    let start = ContinuousClock.now
    let deadline = timeout.map { start + min($0, CallOptions.longestTimeout) }
    self.deadline = deadline
    self.policy = policy
    let until = start + min(policy.duration, CallOptions.longestTimeout)
    self.until = deadline.map { min($0, until) } ?? until
  }

  /// What is left of the call's time. Throws when that is nothing.
  func remaining() throws(TallyError) -> Duration? {
    guard let deadline else { return nil }
    let left = ContinuousClock.now.duration(to: deadline)
    if left <= .zero { throw Self.unsent }
    return left
  }

  /// The failure as the call's caller is to see it, should it be the last.
  mutating func told(_ failure: TallyError) -> TallyError {
    var told = failure
    if isInDoubt, Self.tellsNothing(failure.code) { told.outcome = .unknown }
    isInDoubt = told.outcome == .unknown
    return told
  }

  /// Waits before another attempt; throws the failure when there is none to be made.
  mutating func wait(after failure: TallyError, isRepeatable: Bool) async throws(TallyError) {
    count = count == .max ? count : count + 1
    guard failure.code == .unavailable || failure.reason == "OUTCOME_UNKNOWN",
      failure.outcome == .notApplied || isRepeatable, count <= policy.maximumAttempts
    else { throw failure }
    let delay = policy.delay(beforeAttempt: count)
    guard ContinuousClock.now + delay < until else { throw failure }
    do { try await Task.sleep(for: delay) } catch {
      throw Self.cancelled(failure.outcome)
    }
  }

  static let unsent = TallyError(
    .deadlineExceeded, reason: "DEADLINE_EXCEEDED", "the call was not sent in time")

  static func cancelled(_ outcome: TallyError.Outcome) -> TallyError {
    TallyError(.cancelled, reason: "CANCELLED", "the call was cancelled", outcome: outcome)
  }

  /// Failures of these codes say nothing of earlier attempts.
  private static func tellsNothing(_ code: StatusCode) -> Bool {
    switch code {
    case .cancelled, .unknown, .deadlineExceeded, .resourceExhausted, .internalError, .unavailable: true
    default: false
    }
  }
}
