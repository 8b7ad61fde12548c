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
    try found { (reader) throws(SQLiteError) -> Found<PageView> in
      try page(pageId, includesDeleted, actingUserId, reader) { (page) throws(SQLiteError) in
        try Self.view(shown, of: page, reader)
      }
    }
  }

  public func page(userId: String, slug: String, _ shown: PageShown) throws(Refusal) -> Snapshot<PageView> {
    try found { (reader) throws(SQLiteError) -> Found<PageView> in
      guard let account = try reader.tables.accounts.account(userId: userId),
        let page = try reader.tables.pages.page(slug: slug, account: account.id)
      else { return .refused(PageRefusals.slugNotFound(slug)) }
      if page.facts.isDeleted { return .refused(PageRefusals.pageDeleted(page.facts)) }
      return try Self.view(shown, of: page.settled(nowMicros: nowMicros()), reader)
    }
  }

  private static func view(
    _ shown: PageShown, of page: StoredPage, _ reader: Reader
  ) throws(SQLiteError) -> Found<PageView> {
    switch shown {
    case .current:
      return .found(PageView(facts: page.facts, sections: try reader.tables.sections.sections(of: page)))
    case .published:
      guard let version = page.facts.publishedVersion, let view = try view(version, of: page, reader) else {
        return .refused(PageRefusals.pageNotPublished(page.facts.pageId))
      }
      return .found(view)
    }
  }

  public func pages(_ filter: PageFilter) throws(Refusal) -> Snapshot<Page<PageFacts>> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.account(userId: filter.userId) else {
        return Page(rows: [], nextBefore: nil)
      }
      return try reader.tables.pages.page(account: account.id, filter, nowMicros: nowMicros())
    }
  }

  public func search(_ search: PageSearch) throws(Refusal) -> Snapshot<Page<PageMatch>> {
    try found(isLong: true) { (reader) throws(SQLiteError) -> Found<Page<PageMatch>> in
      guard let account = try reader.tables.accounts.account(userId: search.userId) else {
        return .found(Page(rows: [], nextBefore: nil))
      }
      do throws(SQLiteError) {
        return .found(
          try reader.limited(processorNanoseconds: search.processorNanoseconds) { () throws(SQLiteError) in
            try reader.tables.pageSearch.page(account: account.id, search, nowMicros: nowMicros())
          })
      } catch {
        guard error.isInterrupted else { throw error }
        return .refused(PageRefusals.searchTooLong)
      }
    }
  }

  public func versions(_ filter: VersionFilter) throws(Refusal) -> Snapshot<Page<PageFacts>> {
    try found { (reader) throws(SQLiteError) in
      try page(filter.pageId, false, filter.actingUserId, reader) { (page) throws(SQLiteError) in
        .found(try reader.tables.pageVersions.page(of: page, filter))
      }
    }
  }

  public func version(
    pageId: String, version: Int64, actingUserId: String?
  ) throws(Refusal) -> Snapshot<PageView> {
    try found { (reader) throws(SQLiteError) -> Found<PageView> in
      try page(pageId, false, actingUserId, reader) { (page) throws(SQLiteError) in
        guard let view = try Self.view(version, of: page, reader) else {
          return .refused(PageRefusals.versionNotFound(version))
        }
        return .found(view)
      }
    }
  }

  public func versions(
    pageId: String, from: Int64, to: Int64?, actingUserId: String?
  ) throws(Refusal) -> Snapshot<VersionPair> {
    try found(isLong: true) { (reader) throws(SQLiteError) -> Found<VersionPair> in
      try page(pageId, false, actingUserId, reader) { (page) throws(SQLiteError) in
        let versions = reader.tables.pageVersions
        guard let older = try versions.version(page: page.id, from) else {
          return .refused(PageRefusals.versionNotFound(from))
        }
        let number = to ?? page.facts.currentVersion
        guard let newer = try versions.version(page: page.id, number) else {
          return .refused(PageRefusals.versionNotFound(number))
        }
        return .found(VersionPair(from: older, to: newer))
      }
    }
  }

  public func pageUpdates(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<Slice<PageUpdate>> {
    try read { (reader, _) throws(SQLiteError) in
      Slice(
        rows: try reader.tables.pageUpdates.stretch(filter, nowMicros: nowMicros()), filter,
        lastSequence: try reader.tables.pageUpdates.lastNumber())
    }
  }

  public func media(mediaId: String, actingUserId: String?) throws(Refusal) -> Snapshot<Media> {
    try found { (reader) throws(SQLiteError) -> Found<Media> in
      guard let media = try reader.tables.media.media(mediaId: mediaId)?.media,
        media.deletedAtMicros == nil, actingUserId?.isExactly(media.userId) ?? true
      else { return .refused(PageRefusals.mediaNotFound(mediaId)) }
      return .found(media)
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

  /// What a read has found, or why it is refused.
  private enum Found<Value: Sendable>: Sendable {
    case found(Value)
    case refused(Refusal)
  }

  private func found<Value: Sendable>(
    isLong: Bool = false, _ body: (Reader) throws(SQLiteError) -> Found<Value>
  ) throws(Refusal) -> Snapshot<Value> {
    let read = try read(isLong: isLong) { (reader, _) throws(SQLiteError) in try body(reader) }
    switch read.value {
    case .found(let value): return Snapshot(value, commitSequence: read.commitSequence)
    case .refused(let refusal): throw refusal
    }
  }

  /// Reads from a page that the caller may see, as it is now.
  private func page<Value: Sendable>(
    _ pageId: String, _ includesDeleted: Bool, _ actingUserId: String?, _ reader: Reader,
    _ body: (StoredPage) throws(SQLiteError) -> Found<Value>
  ) throws(SQLiteError) -> Found<Value> {
    guard let page = try reader.tables.pages.page(pageId: pageId),
      actingUserId?.isExactly(page.facts.userId) ?? true
    else { return .refused(PageRefusals.pageNotFound(pageId)) }
    if page.facts.isDeleted && !includesDeleted { return .refused(PageRefusals.pageDeleted(page.facts)) }
    return try body(page.settled(nowMicros: nowMicros()))
  }

  private static func view(
    _ version: Int64, of page: StoredPage, _ reader: Reader
  ) throws(SQLiteError) -> PageView? {
    guard let stored = try reader.tables.pageVersions.version(page: page.id, version) else { return nil }
    let media = try reader.tables.media.live(stored.content.mediaIds, account: page.account)
    return PageView(facts: stored.facts(of: page), stored.content.sections, media: media.mapValues(\.media))
  }
}
