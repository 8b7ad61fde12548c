// Caches that commits keep exact.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Exact caches")
struct ExactCacheTests {
  private func cache(limitByteCount: Int = 1_600) -> ExactCache<String> {
    ExactCache(name: "test", limitByteCount: limitByteCount)
  }

  private func offer(
    _ cache: ExactCache<String>, _ value: String, _ group: String, key: String = "", commit: Int64,
    byteCount: Int = 10
  ) {
    cache.offer(Snapshot(value, commitSequence: commit), group: group, key: key, byteCount: byteCount)
  }

  @Test("a value is found with the commit it was made from, by the bytes of its names")
  func find() {
    let cache = cache()
    offer(cache, "composed", "\u{e9}", commit: 3)
    offer(cache, "decomposed", "e\u{301}", commit: 4)
    offer(cache, "other key", "\u{e9}", key: "k", commit: 5)
    #expect(cache.find(group: "\u{e9}")?.value == "composed")
    #expect(cache.find(group: "\u{e9}")?.commitSequence == 3)
    #expect(cache.find(group: "e\u{301}")?.value == "decomposed")
    #expect(cache.find(group: "\u{e9}", key: "k")?.value == "other key")
    #expect(cache.find(group: "a") == nil)
    let statistics = cache.statistics
    #expect(statistics.hits == 4 && statistics.misses == 1 && statistics.entryCount == 3)
  }

  @Test("what a commit touched is forgotten with all its keys, and nothing older is taken for it")
  func forget() {
    let cache = cache()
    offer(cache, "old", "a", commit: 1)
    offer(cache, "old", "a", key: "k", commit: 1)
    offer(cache, "old", "b", commit: 1)
    cache.forget([ExactText("a")], commitSequence: 2)
    #expect(cache.find(group: "a") == nil && cache.find(group: "a", key: "k") == nil)
    #expect(cache.find(group: "b")?.value == "old")
    offer(cache, "late reader", "a", commit: 1)
    #expect(cache.find(group: "a") == nil)
    offer(cache, "new", "a", commit: 2)
    #expect(cache.find(group: "a")?.value == "new")
    #expect(cache.statistics.invalidations == 2)
  }

  @Test("beyond the touched groups that are remembered, snapshots of before are refused for all")
  func floor() {
    let cache = cache()
    let many = Set((0..<ExactCache<String>.maximumTouched).map { ExactText("group \($0)") })
    cache.forget(many, commitSequence: 5)
    offer(cache, "not touched", "a", commit: 4)
    #expect(cache.find(group: "a") != nil)
    cache.forget([ExactText("one more")], commitSequence: 6)
    offer(cache, "touched at 5", "group 1", commit: 5)
    offer(cache, "unknown", "b", commit: 5)
    #expect(cache.find(group: "group 1") == nil && cache.find(group: "b") == nil)
    #expect(cache.find(group: "a") != nil)
    offer(cache, "new", "b", commit: 6)
    #expect(cache.find(group: "b") != nil)
  }

  @Test("it never takes more than its limit, and keeps what is asked for")
  func bounded() {
    let cache = cache(limitByteCount: 1_600)
    offer(cache, "kept", "kept", commit: 1, byteCount: 100)
    for index in 0..<200 {
      offer(cache, "value", "group \(index)", commit: 1, byteCount: 100)
      #expect(cache.find(group: "kept") != nil)
      #expect(cache.statistics.byteCount <= 1_600)
    }
    let statistics = cache.statistics
    #expect(statistics.evictions > 100 && statistics.entryCount <= 16)
    #expect(statistics.byteCount == statistics.entryCount * 100)
    offer(cache, "too large", "large", commit: 1, byteCount: 101)
    #expect(cache.find(group: "large") == nil)
  }

  @Test("a value that is offered again is counted once")
  func again() {
    let cache = cache()
    for commit in 1...50 as ClosedRange<Int64> { offer(cache, "value", "a", commit: commit, byteCount: 90) }
    #expect(cache.statistics.byteCount == 90 && cache.statistics.entryCount == 1)
    #expect(cache.find(group: "a")?.commitSequence == 50)
  }

  @Test("emptied, it takes only what was made since")
  func clear() {
    let cache = cache()
    offer(cache, "old", "a", commit: 1)
    cache.clear(commitSequence: 2)
    #expect(cache.find(group: "a") == nil && cache.statistics.byteCount == 0)
    offer(cache, "old", "a", commit: 1)
    #expect(cache.find(group: "a") == nil)
    offer(cache, "new", "a", commit: 2)
    #expect(cache.find(group: "a") != nil)
  }
}
