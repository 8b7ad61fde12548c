// Caches of encoded replies: pages, and statistics.
//
// Invariants:
// 1. A reply that is found is true as of every published commit: before the writer publishes a commit, it
//    drops the replies that the commit has made untrue.
// 2. A page is kept with its user's id. Deleted pages are not kept.

internal import TallyCore

final class ReplyCaches: CommitObserver {
  /// The most bytes of each cache.
  static let pagesByteCount = 8 << 20
  static let statsByteCount = 4 << 20
  /// The memory of a kept reply of statistics beside its bytes and the query's texts.
  private static let statsOverheadByteCount = 192

  /// An encoded page and its user's id.
  struct EncodedPage: Sendable {
    var bytes: [UInt8]
    var userId: String
  }

  /// Grouped by page id; the key tells the current from the published version.
  private let pages = ExactCache<EncodedPage>(name: "pages", limitByteCount: pagesByteCount)
  /// Grouped by user id, which is empty for statistics of all users.
  private let stats = ExactCache<[UInt8]>(name: "stats", limitByteCount: statsByteCount)

  func forget(_ touched: Touched, commitSequence: Int64) {
    if touched.allPages {
      pages.clear(commitSequence: commitSequence)
    } else {
      pages.forget(touched.pages, commitSequence: commitSequence)
    }
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

  /// - Parameter page: as of a published commit, and not deleted.
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

  /// The last commit is read before the cache, so that what is found is true as of that commit too.
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
