// Token buckets on a clock of the test's, and the bound of their table.

import TallyCore
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Token bucket") struct TokenBucketTests {
  private let second: UInt64 = 1_000_000_000

  @Test("a burst goes at once, then tokens come one by one") func refill() {
    let rate = BucketRate(perSecond: 4, burst: 2)
    var bucket = TokenBucket(rate, nowNanoseconds: 0)
    for _ in 0..<2 {
      #expect(bucket.waitNanoseconds(rate, nowNanoseconds: 0) == 0)
      bucket.take()
    }
    #expect(bucket.waitNanoseconds(rate, nowNanoseconds: 0) == second / 4)
    #expect(bucket.waitNanoseconds(rate, nowNanoseconds: second / 4 - 1) == 1)
    #expect(bucket.waitNanoseconds(rate, nowNanoseconds: second / 4) == 0)
    bucket.take()
    // Three quarters of a second bring three tokens, of which two fit.
    for _ in 0..<2 {
      #expect(bucket.waitNanoseconds(rate, nowNanoseconds: second) == 0)
      bucket.take()
    }
    #expect(bucket.waitNanoseconds(rate, nowNanoseconds: second) == second / 4)
  }

  @Test("refilling in steps is refilling at once", arguments: [1, 3, 7, 999_999, 1_000_000] as [Int64])
  func exact(perSecond: Int64) {
    let rate = BucketRate(perSecond: perSecond, burst: perSecond)
    var bucket = TokenBucket(rate, nowNanoseconds: 0)
    var taken: Int64 = 0
    // 1,000 steps that do not divide a second evenly, of 2 seconds in all.
    for step in 0...UInt64(1_000) {
      while bucket.waitNanoseconds(rate, nowNanoseconds: step * 2_000_000) == 0 {
        bucket.take()
        taken += 1
      }
    }
    #expect(taken == 3 * perSecond)
  }

  @Test("the longest idle time and the largest rates stay within range") func range() {
    let rate = BucketRate(perSecond: 1_000_000, burst: 1_000_000)
    var bucket = TokenBucket(rate, nowNanoseconds: 0)
    for _ in 0..<1_000_000 { bucket.take() }
    #expect(bucket.waitNanoseconds(rate, nowNanoseconds: 0) == 1_000)
    #expect(bucket.waitNanoseconds(rate, nowNanoseconds: .max) == 0)
    // A clock that was set back brings nothing, and goes on from there.
    let slow = BucketRate(perSecond: 1, burst: 1)
    var other = TokenBucket(slow, nowNanoseconds: 10 * second)
    other.take()
    #expect(other.waitNanoseconds(slow, nowNanoseconds: 5 * second) == second)
    #expect(other.waitNanoseconds(slow, nowNanoseconds: 6 * second) == 0)
  }

  @Test("a table holds no more than its bound, and forgets who was away longest") func bound() {
    var table = BucketTable<Int>(maximumBuckets: 8)
    table.setEvery(BucketRate(perSecond: 1, burst: 1))
    func use(_ subject: Int) -> Bool {
      guard table.waitNanoseconds(subject, nowNanoseconds: 0) == 0 else { return false }
      table.take(subject)
      return true
    }
    for subject in 0..<8 { #expect(use(subject)) }
    #expect(table.sharedCount == 8)
    // All are remembered.
    for subject in 4..<8 { #expect(!use(subject)) }
    for subject in 8..<1_000 {
      #expect(use(subject))
      #expect(table.sharedCount <= 8)
    }
    #expect(!use(999))
    #expect(use(0))
  }

  @Test("a limit of its own wins over that of each, and a new one begins full") func own() {
    var table = BucketTable<Int>(maximumBuckets: 8)
    #expect(table.isEmpty && table.waitNanoseconds(1, nowNanoseconds: 0) == 0)
    table.setEvery(BucketRate(perSecond: 1, burst: 1))
    table.set(BucketRate(perSecond: 1, burst: 2), for: 1, nowNanoseconds: 0)
    for _ in 0..<2 {
      #expect(table.waitNanoseconds(1, nowNanoseconds: 0) == 0)
      table.take(1)
    }
    #expect(table.waitNanoseconds(1, nowNanoseconds: 0) == second)
    table.set(BucketRate(perSecond: 2, burst: 1), for: 1, nowNanoseconds: 0)
    #expect(table.waitNanoseconds(1, nowNanoseconds: 0) == 0)
    table.take(1)
    #expect(table.waitNanoseconds(1, nowNanoseconds: 0) == second / 2)
    // Without its own it has that of each.
    table.set(nil, for: 1, nowNanoseconds: 0)
    #expect(table.waitNanoseconds(1, nowNanoseconds: 0) == 0)
    table.take(1)
    #expect(table.waitNanoseconds(1, nowNanoseconds: 0) == second)
    table.setEvery(nil)
    #expect(table.isEmpty && table.sharedCount == 0)
  }

  @Test("a refused call takes no token, from nobody") func refusedTakesNothing() {
    let limiter = RateLimiter(nowNanoseconds: { 0 })
    #expect(!limiter.isActive)
    limiter.apply(
      .all([RateLimit(.uid(7), perSecond: 1, burst: 1), RateLimit(.everyUser, perSecond: 1, burst: 1)]))
    #expect(limiter.isActive)
    #expect(limiter.count(uid: 8, userId: "u1") == nil)
    #expect(limiter.count(uid: 7, userId: "u1") == .init(subject: .user("u1"), waitNanoseconds: second))
    #expect(limiter.count(uid: 7, userId: "u2") == nil)
    #expect(limiter.count(uid: 7, userId: "u3") == .init(subject: .uid(7), waitNanoseconds: second))
    #expect(limiter.count(uid: 8, userId: "u3") == nil)
    limiter.apply(.one(RateLimit(.uid(7), perSecond: 0, burst: 0)))
    #expect(limiter.isActive)
    limiter.apply(.one(RateLimit(.everyUser, perSecond: 0, burst: 0)))
    #expect(!limiter.isActive)
  }
}
