// Media: making and deleting them, and taking them out of the pages that show them.
//
// Invariants:
// 1. No current version shows a deleted medium: it is taken out of them, or not deleted.
// 2. Every page that showed it, in its current or its published version, is touched.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: PageCommand.CreateMedia) throws(Refusal) -> Decided<MediaReceipt> {
    var media = it.media
    if let known = try records.media(mediaId: media.mediaId) {
      guard known.media.isSame(as: media) else { throw PageRefusals.mediaIdInUse(media.mediaId) }
      return Decided(
        MediaReceipt(media: known.media, replayed: true, commit: records.writes.restingPlace))
    }
    let account = try records.account(userId: media.userId)
    if media.source == .upload, let refusal = try quotaRefusal(.uploads, of: account) { throw refusal }
    media.createdAtMicros = records.nowMicros
    var effects = Effects()
    let owner = owner(account, &effects)
    if media.source == .upload {
      // It stays counted when it is deleted.
      var count = UsageCount(account: owner.id, atMicros: media.createdAtMicros)
      count.cell.uploads = 1
      count.month.uploads = 1
      let events = try quotaEvents(
        .uploads, of: owner, counted: 1, atMicros: media.createdAtMicros)
      effects.set {
        $0.count = count
        $0.events += events
      }
    }
    let stored = StoredMedia(
      id: records.writes.books.lastMediaId + 1, account: owner.id, media: media)
    effects.set { $0.media = stored }
    return Decided(
      MediaReceipt(media: media, replayed: false, commit: records.writes.writingPlace), effects)
  }

  func decide(_ it: PageCommand.DeleteMedia) throws(Refusal) -> Decided<MediaDeletion> {
    guard var stored = try records.media(mediaId: it.mediaId),
      it.actingUserId?.isExactly(stored.media.userId) ?? true
    else { throw PageRefusals.mediaNotFound(it.mediaId) }
    if stored.media.deletedAtMicros != nil {
      return Decided(
        MediaDeletion(detachedPageIds: [], replayed: true, commit: records.writes.restingPlace))
    }
    let pages = try records.pages(using: stored, limit: PageLimits.detachedPageCount + 1)
    if !pages.isEmpty && !it.detaches {
      throw PageRefusals.mediaInUse(it.mediaId, by: pages.map(\.facts.pageId))
    }
    if pages.count > PageLimits.detachedPageCount { throw PageRefusals.tooManyPages(it.mediaId) }
    let byteCounts = try records.all(pages) { (page) throws(Refusal) in try records.byteCount(of: page) }
    let byteCount = byteCounts.reduce(0, +)
    if byteCount > Int64(PageLimits.detachedByteCount) { throw PageRefusals.tooLargePages(it.mediaId) }
    let detached = try records.all(pages) { (page) throws(Refusal) in
      try detach(stored.media, from: page, author: it.author)
    }
    let published = try records.publishedPageIds(account: stored.account)
    stored.media.deletedAtMicros = records.nowMicros
    var effects = Effects()
    effects.set {
      $0.pages = detached
      $0.touchedPageIds = published
      $0.media = stored
    }
    return Decided(
      MediaDeletion(
        detachedPageIds: pages.map(\.facts.pageId), replayed: false,
        commit: records.writes.writingPlace), effects)
  }

  private func detach(
    _ media: Media, from page: StoredPage, author: String
  ) throws(Refusal) -> PageEffect {
    let current = try records.version(page.facts.version, of: page)
    let content = PageRules.detached(current.content, mediaId: media.mediaId)
    let left = try records.liveMedia(content.mediaIds, account: page.account)
    let next = next(page, current, content, baseVersion: current.version, author: author)
    return next.effect(over: current, media: left)
  }
}
