// Rate limits: token buckets of users and of uids.
//
// Invariants:
// 1. The limits are those that the engine has stored: it hands over each change before its commit is
//    answered.
// 2. A call that is refused takes no token, neither from its user nor from its uid.
// 3. Without any limit a call reads one flag and takes no lock.
//
// Owner: a lock; the engine's writer changes limits, any thread asks.

internal import Synchronization
internal import TallyCore
internal import TallyLocking
internal import TallyMeasuring

final class RateLimiter: Sendable {
  /// The most buckets of users without a limit of their own; of uids likewise.
  static let maximumBuckets = 16_384

  fileprivate struct State {
    var users: BucketTable<ExactText>
    var uids: BucketTable<UInt32>
  }

  /// Whose limit a call exceeds, and how long until the next token.
  struct Excess: Equatable {
    enum Subject: Equatable {
      case user(String)
      case uid(UInt32)
    }
    var subject: Subject
    var waitNanoseconds: UInt64
  }

  private let maximumBuckets: Int
  private let state: Lock<State>
  private let hasLimits = Atomic(false)
  /// Calls that were refused, for a user's limit and for a uid's.
  let limitedUsers = Counter()
  let limitedUids = Counter()
  private let nowNanoseconds: @Sendable () -> UInt64

  /// - Parameter nowNanoseconds: a clock that does not go back, except when tests set it.
  init(maximumBuckets: Int = RateLimiter.maximumBuckets, nowNanoseconds: @escaping @Sendable () -> UInt64) {
    self.maximumBuckets = maximumBuckets
    self.nowNanoseconds = nowNanoseconds
    state = Lock(
      State(
        users: BucketTable(maximumBuckets: maximumBuckets), uids: BucketTable(maximumBuckets: maximumBuckets))
    )
  }

  /// By the monotonic clock, or by a wall clock that tests drive.
  convenience init(clock: TestClock?) {
    if let clock {
      self.init { UInt64(clamping: clock.wallMicros).multipliedSaturating(by: 1_000) }
    } else {
      self.init { MonotonicClock.nanoseconds }
    }
  }

  /// Whether any limit is set. If none is, `count` need not be called.
  var isActive: Bool { hasLimits.load(ordering: .relaxed) }

  func apply(_ change: RateLimitChange) {
    let now = nowNanoseconds()
    state.withLock { state in
      switch change {
      case .all(let limits):
        state.users = BucketTable(maximumBuckets: maximumBuckets)
        state.uids = BucketTable(maximumBuckets: maximumBuckets)
        for limit in limits { state.apply(limit, now) }
      case .one(let limit): state.apply(limit, now)
      }
      hasLimits.store(!state.users.isEmpty || !state.uids.isEmpty, ordering: .relaxed)
    }
  }

  /// Counts a call.
  /// - Parameter userId: the acting user, or else the user that it names; with nil it counts against its uid
  ///   only.
  /// - Returns: nil when the call may go on.
  func count(uid: UInt32, userId: String?) -> Excess? {
    let now = nowNanoseconds()
    return state.withLock { state in
      let user = userId.map(ExactText.init)
      let uidWait = state.uids.waitNanoseconds(uid, nowNanoseconds: now)
      let userWait = user.map { state.users.waitNanoseconds($0, nowNanoseconds: now) } ?? 0
      if let userId, userWait > uidWait {
        limitedUsers.add()
        return Excess(subject: .user(userId), waitNanoseconds: userWait)
      }
      if uidWait > 0 {
        limitedUids.add()
        return Excess(subject: .uid(uid), waitNanoseconds: uidWait)
      }
      state.uids.take(uid)
      if let user { state.users.take(user) }
      return nil
    }
  }
}

extension RateLimiter.State {
  fileprivate mutating func apply(_ limit: RateLimit, _ nowNanoseconds: UInt64) {
    let rate =
      limit.perSecond == 0
      ? nil : BucketRate(perSecond: Int64(limit.perSecond), burst: Int64(limit.burst))
    switch limit.subject {
    case .user(let userId): users.set(rate, for: ExactText(userId), nowNanoseconds: nowNanoseconds)
    case .uid(let uid): uids.set(rate, for: uid, nowNanoseconds: nowNanoseconds)
    case .everyUser: users.setEvery(rate)
    case .everyUid: uids.setEvery(rate)
    }
  }
}
