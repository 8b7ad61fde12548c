// Deciding a command of media.
//
// Invariants:
// 1. No current version shows a deleted medium: it is taken out of them, or not deleted.
// 2. Every page that showed it, in its current or its published version, is touched.
//
// Owner: the writer's queue.

internal import TallySQLite

extension Ledger {
  func create(_ media: Media) throws(SQLiteError) -> Outcome {
    if let known = try pageReaders.media.media(mediaId: media.mediaId) {
      guard known.media.isSame(as: media) else { return refused(PageRefusals.mediaIdInUse(media.mediaId)) }
      return .page(.mediaStored(known.media, replayed: true, commit: placeOfRefusal()))
    }
    var media = media
    media.createdAtMicros = working.nowMicros
    if media.source == .upload,
      let refusal = try quotaRefusal(.uploads, of: try account(userId: media.userId))
    {
      return refused(refusal)
    }
    let account = try madeAccount(userId: media.userId)
    if media.source == .upload {
      try countUpload(account: account.id, atMicros: media.createdAtMicros)
    }
    try pageSavers.media.make(media, account: account.id)
    return .page(.mediaStored(media, replayed: false, commit: takeWritingPlace()))
  }

  func delete(_ it: PageCommand.DeleteMedia) throws(SQLiteError) -> Outcome {
    guard let stored = try pageReaders.media.media(mediaId: it.mediaId),
      it.actingUserId?.isExactly(stored.media.userId) ?? true
    else { return refused(PageRefusals.mediaNotFound(it.mediaId)) }
    if stored.media.deletedAtMicros != nil {
      return .page(.mediaDeleted(detachedPageIds: [], replayed: true, commit: placeOfRefusal()))
    }
    let pages = try pages(using: stored)
    if !pages.isEmpty && !it.detaches {
      return refused(PageRefusals.mediaInUse(it.mediaId, by: pages.map(\.facts.pageId)))
    }
    if pages.count > PageLimits.detachedPageCount {
      return refused(PageRefusals.tooManyPages(it.mediaId))
    }
    var byteCount: Int64 = 0
    for page in pages { byteCount += try pageReaders.versions.byteCount(of: page) }
    if byteCount > Int64(PageLimits.detachedByteCount) {
      return refused(PageRefusals.tooLargePages(it.mediaId))
    }
    if !pages.isEmpty { working.freesMemory = true }
    for page in pages { try detach(stored.media, from: page, author: it.author) }
    for pageId in try pageReaders.pages.published(account: stored.account) {
      working.touched.pages.insert(ExactText(pageId))
    }
    try pageSavers.media.delete(id: stored.id, atMicros: working.nowMicros)
    return .page(
      .mediaDeleted(
        detachedPageIds: pages.map(\.facts.pageId), replayed: false, commit: takeWritingPlace()))
  }

  /// Deleted ones too: they may come back.
  private func pages(using media: StoredMedia) throws(SQLiteError) -> [StoredPage] {
    var pages: [StoredPage] = []
    for row in try pageReaders.sections.pages(using: media.id, limit: PageLimits.detachedPageCount + 1) {
      guard let page = try pageReaders.pages.page(id: row) else {
        throw .malformed("sections of page \(row): no such page")
      }
      pages.append(page)
    }
    return pages
  }

  private func detach(_ media: Media, from page: StoredPage, author: String) throws(SQLiteError) {
    let current = try version(page.facts.version, of: page)
    let content = PageRules.detached(current.content, mediaId: media.mediaId)
    let left = try pageReaders.media.live(content.mediaIds, account: page.account)
    let next = next(page, current, content, baseVersion: current.version, author: author)
    try advance(next, over: current, media: left)
  }
}

/// Refusals of pages and media, with what a client needs to act.
enum PageRefusals {
  static func pageNotFound(_ pageId: String) -> Refusal {
    Refusal(.pageNotFound, "no such page", details: ["page_id": pageId])
  }

  static func versionNotFound(_ version: Int64) -> Refusal {
    Refusal(.versionNotFound, "the page has no such version", details: ["version": String(version)])
  }

  static func mediaNotFound(_ mediaId: String) -> Refusal {
    Refusal(.mediaNotFound, "the user has no such media", details: ["media_id": mediaId])
  }

  /// Of the first, in the order of bytes, that is not there.
  static func missing(_ ids: Set<ExactText>, among media: [ExactText: StoredMedia]) -> Refusal? {
    ids.filter { media[$0] == nil }.min().map { mediaNotFound($0.text) }
  }

  static func pageIdInUse(_ pageId: String) -> Refusal {
    Refusal(
      .idempotencyMismatch, "the page id stands for another page", details: ["page_id": pageId])
  }

  static func mediaIdInUse(_ mediaId: String) -> Refusal {
    Refusal(
      .idempotencyMismatch, "the media id stands for other media", details: ["media_id": mediaId])
  }

  static func conflict(_ difference: PageDifference, _ current: StoredVersion) -> Refusal {
    var fields: [String] = []
    if difference.title { fields.append("title") }
    if difference.settings { fields.append("settings") }
    return Refusal(
      .versionConflict, "the page is at version \(current.version)",
      details: [
        "current_version": String(current.version), "author": current.author,
        "changed_sections": named(difference.sectionIds), "changed_fields": fields.joined(separator: "\n"),
      ])
  }

  static func mediaInUse(_ mediaId: String, by pageIds: [String]) -> Refusal {
    Refusal(
      .mediaInUse, "pages use the media", details: ["media_id": mediaId, "page_ids": named(pageIds)])
  }

  static func tooManyPages(_ mediaId: String) -> Refusal {
    Refusal(
      .batchTooLarge, "more than \(PageLimits.detachedPageCount) pages use the media",
      details: ["media_id": mediaId, "limit": String(PageLimits.detachedPageCount)])
  }

  static func tooLargePages(_ mediaId: String) -> Refusal {
    Refusal(
      .batchTooLarge, "the pages that use the media have more than \(PageLimits.detachedByteCount) bytes",
      details: ["media_id": mediaId, "limit": String(PageLimits.detachedByteCount)])
  }

  private static func named(_ ids: [String]) -> String {
    ids.prefix(PageLimits.namedIdCount).joined(separator: "\n")
  }
}
