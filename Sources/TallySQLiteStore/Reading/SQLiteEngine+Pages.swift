// What the engine reads of pages and media.
//
// Invariants:
// 1. Each read is one snapshot. GetPage takes two statements for the current version and three for the
//    published one, however many sections there are.
//
// Owner: the engine's readers.

public import TallyCore
internal import TallySQLite

extension SQLiteEngine: PageStore {
  public func page(
    pageId: String, _ shown: PageShown, includesDeleted: Bool, actingUserId: String?
  ) throws(Refusal) -> Snapshot<PageView> {
    try found(PageRefusals.pageNotFound(pageId)) { (reader) throws(SQLiteError) -> PageView? in
      guard let page = try Self.page(pageId, includesDeleted, actingUserId, reader) else { return nil }
      switch shown {
      case .current:
        return PageView(facts: page.facts, sections: try reader.tables.sections.sections(of: page))
      case .published:
        guard let version = page.facts.publishedVersion else { return nil }
        return try Self.view(version, of: page, reader)
      }
    }
  }

  public func pages(_ filter: PageFilter) throws(Refusal) -> Snapshot<Page<PageFacts>> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.account(userId: filter.userId) else {
        return Page(rows: [], nextBefore: nil)
      }
      return try reader.tables.pages.page(account: account.id, filter)
    }
  }

  public func versions(_ filter: VersionFilter) throws(Refusal) -> Snapshot<Page<PageFacts>> {
    try found(PageRefusals.pageNotFound(filter.pageId)) { (reader) throws(SQLiteError) in
      guard let page = try Self.page(filter.pageId, false, filter.actingUserId, reader) else { return nil }
      return try reader.tables.pageVersions.page(of: page, filter)
    }
  }

  public func version(
    pageId: String, version: Int64, actingUserId: String?
  ) throws(Refusal) -> Snapshot<PageView> {
    let read = try found(PageRefusals.pageNotFound(pageId)) { (reader) throws(SQLiteError) -> FoundVersion? in
      guard let page = try Self.page(pageId, false, actingUserId, reader) else { return nil }
      return FoundVersion(view: try Self.view(version, of: page, reader))
    }
    guard let view = read.value.view else { throw PageRefusals.versionNotFound(version) }
    return Snapshot(view, commitSequence: read.commitSequence)
  }

  public func media(mediaId: String, actingUserId: String?) throws(Refusal) -> Snapshot<Media> {
    try found(PageRefusals.mediaNotFound(mediaId)) { (reader) throws(SQLiteError) in
      guard let media = try reader.tables.media.media(mediaId: mediaId)?.media,
        media.deletedAtMicros == nil, actingUserId?.isExactly(media.userId) ?? true
      else { return nil }
      return media
    }
  }

  public func media(_ filter: MediaFilter) throws(Refusal) -> Snapshot<Page<Media>> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.account(userId: filter.userId) else {
        return Page(rows: [], nextBefore: nil)
      }
      return try reader.tables.media.page(account: account.id, filter)
    }
  }

  private struct FoundVersion: Sendable {
    var view: PageView?
  }

  private func found<Value>(
    _ refusal: Refusal, _ body: (Reader) throws(SQLiteError) -> Value?
  ) throws(Refusal) -> Snapshot<Value> {
    let read = try read { (reader, _) throws(SQLiteError) in try body(reader) }
    guard let value = read.value else { throw refusal }
    return Snapshot(value, commitSequence: read.commitSequence)
  }

  private static func page(
    _ pageId: String, _ includesDeleted: Bool, _ actingUserId: String?, _ reader: Reader
  ) throws(SQLiteError) -> StoredPage? {
    guard let page = try reader.tables.pages.page(pageId: pageId),
      includesDeleted || !page.facts.isDeleted, actingUserId?.isExactly(page.facts.userId) ?? true
    else { return nil }
    return page
  }

  private static func view(
    _ version: Int64, of page: StoredPage, _ reader: Reader
  ) throws(SQLiteError) -> PageView? {
    guard let stored = try reader.tables.pageVersions.version(page: page.id, version) else { return nil }
    let media = try reader.tables.media.live(stored.content.mediaIds, account: page.account)
    return PageView(facts: stored.facts(of: page), stored.content.sections, media: media.mapValues(\.media))
  }
}
