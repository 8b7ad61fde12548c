// How many calls a user or a peer may make.
//
// Invariants:
// 1. A stored limit has `perSecond` and `burst` of at least one.

/// A token bucket: `burst` calls at once, then `perSecond`.
public struct RateLimit: Sendable, Equatable {
  /// Limits of users, and of uids, that may be stored; each is kept in memory.
  public static let maximumOfAKind = 16_384
  /// Of `perSecond` and of `burst`.
  public static let maximumRate: Int32 = 1_000_000

  public enum Subject: Sendable, Equatable {
    case user(String)
    case uid(UInt32)
    /// Each user without a limit of its own.
    case everyUser
    /// Each uid without a limit of its own.
    case everyUid

    public static func == (left: Self, right: Self) -> Bool {
      switch (left, right) {
      case (.user(let left), .user(let right)): left.isExactly(right)
      case (.uid(let left), .uid(let right)): left == right
      case (.everyUser, .everyUser), (.everyUid, .everyUid): true
      default: false
      }
    }
  }

  public var subject: Subject
  /// Zero takes the limit away.
  public var perSecond: Int32
  public var burst: Int32

  public init(_ subject: Subject, perSecond: Int32, burst: Int32) {
    self.subject = subject
    self.perSecond = perSecond
    self.burst = burst
  }
}

/// What an engine tells of its stored limits, in the order in which they came to be.
public enum RateLimitChange: Sendable, Equatable {
  /// These are all there are.
  case all([RateLimit])
  /// This one is new, another than it was, or gone (`perSecond` is zero).
  case one(RateLimit)
}

/// A page of limits, in the order in which they were first set.
public struct RateLimitPage: Sendable, Equatable {
  public var limits: [RateLimit]
  /// nil on the last page.
  public var nextAfter: Int64?

  package init(limits: [RateLimit], nextAfter: Int64? = nil) {
    self.limits = limits
    self.nextAfter = nextAfter
  }
}
