// Token buckets, and bounded tables of them.
//
// Invariants:
// 1. A bucket never holds more than its burst, and refills exactly: levels are billionths of a token, so
//    that a nanosecond's refill is a whole number.
// 2. A subject with a limit of its own has a bucket as long as it has that limit. The others have at most
//    `maximumBuckets`, in two generations; those that called longest ago are dropped and start full again.

/// How fast a bucket fills, and how much it holds.
struct BucketRate: Sendable, Equatable {
  /// Tokens, from 1 to 1,000,000; so is `burst`.
  var perSecond: Int64
  var burst: Int64
}

struct TokenBucket: Sendable {
  /// The level of one token.
  private static let token: Int64 = 1_000_000_000

  private var level: Int64
  private var atNanoseconds: UInt64

  /// A full bucket.
  init(_ rate: BucketRate, nowNanoseconds: UInt64) {
    level = rate.burst * Self.token
    atNanoseconds = nowNanoseconds
  }

  /// The time until the next token; zero when there is one.
  mutating func waitNanoseconds(_ rate: BucketRate, nowNanoseconds: UInt64) -> UInt64 {
    refill(rate, nowNanoseconds)
    if level >= Self.token { return 0 }
    return UInt64((Self.token - level + rate.perSecond - 1) / rate.perSecond)
  }

  /// Takes a token. `waitNanoseconds` has returned zero.
  mutating func take() { level -= Self.token }

  private mutating func refill(_ rate: BucketRate, _ nowNanoseconds: UInt64) {
    defer { atNanoseconds = nowNanoseconds }
    // A clock that tests drive may be set back.
    guard nowNanoseconds > atNanoseconds else { return }
    let elapsed = nowNanoseconds - atNanoseconds
    let missing = rate.burst * Self.token - level
    if elapsed > UInt64(missing / rate.perSecond) {
      level += missing
    } else {
      level += Int64(elapsed) * rate.perSecond
    }
  }
}

/// The buckets of all users, or of all uids.
struct BucketTable<Subject: Hashable & Sendable>: Sendable {
  private struct Own: Sendable {
    var rate: BucketRate
    var bucket: TokenBucket
  }

  private let generation: Int
  private var own: [Subject: Own] = [:]
  /// The rate of each subject without a limit of its own.
  private var every: BucketRate?
  private var young: [Subject: TokenBucket] = [:]
  private var old: [Subject: TokenBucket] = [:]

  init(maximumBuckets: Int) { generation = max(1, maximumBuckets / 2) }

  var isEmpty: Bool { own.isEmpty && every == nil }
  /// Buckets of subjects without a limit of their own.
  var sharedCount: Int { young.count + old.count }

  /// Sets a subject's own limit; its bucket is full then.
  /// - Parameter rate: nil takes the limit away.
  mutating func set(_ rate: BucketRate?, for subject: Subject, nowNanoseconds: UInt64) {
    own[subject] = rate.map { Own(rate: $0, bucket: TokenBucket($0, nowNanoseconds: nowNanoseconds)) }
  }

  mutating func setEvery(_ rate: BucketRate?) {
    every = rate
    young = [:]
    old = [:]
  }

  /// The time until the subject has a token; zero when it has one or needs none.
  mutating func waitNanoseconds(_ subject: Subject, nowNanoseconds: UInt64) -> UInt64 {
    if let rate = own[subject]?.rate {
      return own[subject]?.bucket.waitNanoseconds(rate, nowNanoseconds: nowNanoseconds) ?? 0
    }
    guard let every else { return 0 }
    if young[subject] == nil {
      keep(old.removeValue(forKey: subject) ?? TokenBucket(every, nowNanoseconds: nowNanoseconds), subject)
    }
    return young[subject]?.waitNanoseconds(every, nowNanoseconds: nowNanoseconds) ?? 0
  }

  /// Takes a token of the subject. `waitNanoseconds` has just returned zero.
  mutating func take(_ subject: Subject) {
    if own[subject] != nil { own[subject]?.bucket.take() } else { young[subject]?.take() }
  }

  private mutating func keep(_ bucket: TokenBucket, _ subject: Subject) {
    if young.count >= generation {
      old = young
      young = [:]
    }
    young[subject] = bucket
  }
}
