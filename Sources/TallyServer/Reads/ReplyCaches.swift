// Replies kept as bytes for the next who asks: pages, and statistics.
//
// Invariants:
// 1. What is found holds for every commit since its own, and for all that were told of by now: the writer has
//    a commit's groups forgotten before it publishes that commit.
// 2. A page is kept with whose it is; deleted ones never are.
//
// Shared: each cache has its lock.

internal import TallyCore

final class ReplyCaches: CommitObserver {
  /// Bytes that each may take.
  static let pagesByteCount = 8 << 20
  static let statsByteCount = 4 << 20
  /// What a kept reply of statistics costs beside its bytes and the query's texts: its place in the cache.
  private static let statsOverheadByteCount = 192

  /// An encoded page and whose it is.
  struct EncodedPage: Sendable {
    var bytes: [UInt8]
    var userId: String
  }

  /// By page id; what is shown is the key.
  private let pages = ExactCache<EncodedPage>(name: "pages", limitByteCount: pagesByteCount)
  /// By user id, empty for all users.
  private let stats = ExactCache<[UInt8]>(name: "stats", limitByteCount: statsByteCount)

  func forget(_ touched: Touched, commitSequence: Int64) {
    pages.forget(touched.pages, commitSequence: commitSequence)
    stats.forget(touched.stats, commitSequence: commitSequence)
  }

  func clear(commitSequence: Int64) {
    pages.clear(commitSequence: commitSequence)
    stats.clear(commitSequence: commitSequence)
  }

  var statistics: [CacheStatistics] { [pages.statistics, stats.statistics] }

  func page(pageId: String, _ shown: PageShown, _ engine: any ServedEngine) -> Snapshot<EncodedPage>? {
    kept(in: pages, group: pageId, key: shown.cacheKey, engine)
  }

  /// - Parameter page: of a commit that is published, and not a deleted one.
  func keep(_ page: Snapshot<EncodedPage>, pageId: String, _ shown: PageShown) {
    pages.offer(
      page, group: pageId, key: shown.cacheKey, byteCount: page.value.bytes.count + pageId.utf8.count)
  }

  func stats(_ query: StatsQuery, _ engine: any ServedEngine) -> Snapshot<[UInt8]>? {
    kept(in: stats, group: query.userId, key: query.key, engine)
  }

  func keep(_ reply: Snapshot<[UInt8]>, for query: StatsQuery) {
    let key = query.key
    let byteCount = reply.value.count + query.userId.utf8.count + key.utf8.count
    stats.offer(
      reply, group: query.userId, key: key, byteCount: Self.statsOverheadByteCount + byteCount)
  }

  /// The head is looked at before the cache: what is found holds for both commits.
  private func kept<Value>(
    in cache: ExactCache<Value>, group: String, key: String, _ engine: any ServedEngine
  ) -> Snapshot<Value>? {
    let commitSequence = engine.state().commitSequence
    guard var found = cache.find(group: group, key: key) else { return nil }
    found.commitSequence = max(found.commitSequence, commitSequence)
    return found
  }
}

extension PageShown {
  fileprivate var cacheKey: String {
    switch self {
    case .current: ""
    case .published: "published"
    }
  }
}
