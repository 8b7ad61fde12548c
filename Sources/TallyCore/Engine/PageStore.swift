// What services read of pages and media, whatever the engine keeps them in.
//
// Invariants:
// 1. Each call is one snapshot and a fixed number of statements, whatever the number of sections or rows.
// 2. A read that begins after anyone was told of a change sees it; so does what a cache answers.

/// Which content of a page is asked for.
public enum PageShown: Sendable, Equatable, Hashable {
  case current
  case published
}

/// A page's list is cut at `limit` rows or `maximumByteCount`, whichever comes first, but never empty.
public struct PageFilter: Sendable, Equatable {
  public var userId: String
  public var includesDeleted = false
  public var limit: Int
  public var maximumByteCount: Int
  /// From the page before.
  public var before: Int64?

  public init(userId: String, limit: Int, maximumByteCount: Int) {
    self.userId = userId
    self.limit = limit
    self.maximumByteCount = maximumByteCount
  }
}

public struct VersionFilter: Sendable, Equatable {
  public var pageId: String
  public var actingUserId: String?
  public var limit: Int
  public var maximumByteCount: Int
  public var before: Int64?

  public init(pageId: String, actingUserId: String?, limit: Int, maximumByteCount: Int) {
    self.pageId = pageId
    self.actingUserId = actingUserId
    self.limit = limit
    self.maximumByteCount = maximumByteCount
  }
}

public struct MediaFilter: Sendable, Equatable {
  public var userId: String
  /// nil is any.
  public var source: MediaSource?
  public var limit: Int
  public var maximumByteCount: Int
  public var before: Int64?

  public init(userId: String, limit: Int, maximumByteCount: Int) {
    self.userId = userId
    self.limit = limit
    self.maximumByteCount = maximumByteCount
  }
}

public protocol PageStore: Sendable {
  /// - Throws: `pageNotFound`, also for another user's page when `actingUserId` is set, for a deleted one
  ///   unless asked for, and when there is no published version.
  func page(
    pageId: String, _ shown: PageShown, includesDeleted: Bool, actingUserId: String?
  ) throws(Refusal) -> Snapshot<PageView>
  /// - Throws: `pageNotFound`, also for a deleted one, and when there is no published version.
  func page(userId: String, slug: String, _ shown: PageShown) throws(Refusal) -> Snapshot<PageView>
  /// Newest first, without sections.
  func pages(_ filter: PageFilter) throws(Refusal) -> Snapshot<Page<PageFacts>>
  /// The best first. An engine may rank as it likes.
  func search(_ search: PageSearch) throws(Refusal) -> Snapshot<Page<PageMatch>>
  func versions(_ filter: VersionFilter) throws(Refusal) -> Snapshot<Page<PageFacts>>
  /// - Throws: `pageNotFound`, `versionNotFound`.
  func version(
    pageId: String, version: Int64, actingUserId: String?
  ) throws(Refusal) -> Snapshot<PageView>
  /// Two versions' contents; `to` is the current one when nil.
  /// - Throws: `pageNotFound`, `versionNotFound`.
  func versions(
    pageId: String, from: Int64, to: Int64?, actingUserId: String?
  ) throws(Refusal) -> Snapshot<VersionPair>
  /// A stretch of the last changes of all pages, in the order of their numbers.
  func pageUpdates(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<Slice<PageUpdate>>
  /// - Throws: `mediaNotFound`.
  func media(mediaId: String, actingUserId: String?) throws(Refusal) -> Snapshot<Media>
  func media(_ filter: MediaFilter) throws(Refusal) -> Snapshot<Page<Media>>
}
