// Media: making and deleting them, and taking them out of the pages that show them.
//
// Invariants:
// 1. A medium is deleted for everybody from the commit of its call on: no read shows it, whatever names it. A
//    current version names a deleted medium only while that is marked as being detached
//    (`StoredMedia.detachingAuthor`), which it is when one commit does not take it out of all pages. Upkeep
//    goes on, a slice a commit, and takes the mark away with the last one.
// 2. Every page that showed it, in its current or its published version, is touched by the call.
// 3. No new version names a deleted medium, but for the one that takes another medium out of a page. An edit
//    of a page that still names one is neither refused for it nor keeps it.
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
      let left =
        stored.detachingAuthor == nil
        ? [] : try records.pages(using: stored, limit: PageLimits.countedPageCount)
      return Decided(
        MediaDeletion(
          detachedPageIds: [], remainingPageCount: left.count, replayed: true,
          commit: records.writes.restingPlace))
    }
    let users = try records.pages(
      using: stored, limit: PageLimits.countedPageCount + PageLimits.detachedPageCount)
    if !users.isEmpty && !it.detaches { throw try inUse(stored.media, by: users) }
    let slice = Self.slice(
      of: try records.all(users.prefix(records.detachedPages)) { (id) throws(Refusal) in try sized(id) })
    let detached = try records.all(slice) { (page) throws(Refusal) in
      try detach(stored.media, from: page, author: it.author)
    }
    let left = users.count - slice.count
    stored.media.deletedAtMicros = records.nowMicros
    if left > 0 { stored.detachingAuthor = it.author }
    // More pages than this show it from now on without it, so they are not named one by one.
    let published = left > 0 ? [] : try records.publishedPageIds(account: stored.account)
    var effects = Effects()
    effects.set {
      $0.pages = detached
      $0.touchedPageIds = published
      $0.touchesAllPages = left > 0
      $0.media = stored
    }
    return Decided(
      MediaDeletion(
        detachedPageIds: slice.map(\.facts.pageId),
        remainingPageCount: min(left, PageLimits.countedPageCount), replayed: false,
        commit: records.writes.writingPlace), effects)
  }

  private func inUse(_ media: Media, by pages: [Int64]) throws(Refusal) -> Refusal {
    let named = try records.all(pages.prefix(PageLimits.namedIdCount)) { (id) throws(Refusal) in
      try records.page(id: id).facts.pageId
    }
    return PageRefusals.mediaInUse(media.mediaId, by: named)
  }

  // MARK: taking it out of pages

  /// The next slice of the pages that a deleted medium is yet to be taken out of; nil when there is nothing
  /// to be done, or nothing can be.
  func detachment(of mediaId: String) throws(Refusal) -> Effects? {
    guard var stored = try records.media(mediaId: mediaId), let author = stored.detachingAuthor else {
      return nil
    }
    let users = try records.pages(using: stored, limit: records.detachedPages + 1)
    let slice = Self.slice(
      of: try records.allReadable(users.prefix(records.detachedPages)) { (id) throws(Refusal) in
        try sized(id)
      })
    let detached = try records.allReadable(slice) { (page) throws(Refusal) in
      try detach(stored.media, from: page, author: author)
    }
    let isLast = detached.count == users.count
    if detached.isEmpty && !isLast { return nil }
    if isLast { stored.detachingAuthor = nil }
    var effects = Effects()
    effects.set {
      $0.pages = detached
      if isLast { $0.media = stored }
    }
    return effects
  }

  private typealias SizedPage = (page: StoredPage, byteCount: Int64)

  private func sized(_ id: Int64) throws(Refusal) -> SizedPage {
    let page = try records.page(id: id)
    return (page, try records.byteCount(of: page))
  }

  /// As many of the first pages as one commit takes a medium out of.
  private static func slice(of pages: [SizedPage]) -> [StoredPage] {
    var byteCount: Int64 = 0
    let count = pages.prefix {
      byteCount += $0.byteCount
      return byteCount <= Int64(PageLimits.detachedByteCount)
    }.count
    return pages.prefix(max(1, count)).map(\.page)
  }

  private func detach(
    _ media: Media, from page: StoredPage, author: String
  ) throws(Refusal) -> PageEffect {
    let current = try records.version(page.facts.version, of: page)
    let content = PageRules.detached(current.content, mediaId: media.mediaId)
    // Another one may be gone as well, and has its turn yet.
    let named = try records.media(content.mediaIds, account: page.account)
    let next = next(page, current, content, baseVersion: current.version, author: author)
    return next.effect(over: current, media: named)
  }

  // MARK: what callers say of media that are being detached

  /// What a save does. One that was sent again may name media that were taken out of the page when it was
  /// applied, or since.
  func decision(on it: PageCommand.Save, over current: StoredVersion, of page: StoredPage)
    throws(Refusal) -> PageDecision
  {
    let decision = PageRules.save(it.content, expectedVersion: it.expectedVersion, over: current.state)
    if case .unchanged = decision { return decision }
    if let expected = it.expectedVersion, expected != current.baseVersion { return decision }
    let live = try records.liveMedia(it.content.mediaIds, account: page.account)
    let gone = it.content.mediaIds.filter { live[$0] == nil }
    guard !gone.isEmpty,
      let before = try records.namedVersion(current.baseVersion, of: page)?.content,
      gone.isSubset(of: before.mediaIds)
    else { return decision }
    let left = PageRules.detached(it.content, mediaIds: gone)
    let again = PageRules.save(left, expectedVersion: it.expectedVersion, over: current.state)
    return again == .unchanged(rebased: false) ? again : decision
  }

  /// Media that a page's current version names although they are gone: what still names them there is taken
  /// for what does not.
  /// - Parameter live: of all media that it names, those that are there.
  func detaching(_ current: StoredVersion, live: [ExactText: StoredMedia]) -> Set<ExactText> {
    current.content.mediaIds.filter { live[$0] == nil }
  }
}
