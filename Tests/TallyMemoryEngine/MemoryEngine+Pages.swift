// Pages, versions and media, read over all rows.

package import TallyCore

extension MemoryEngine {
  /// Pages as they are now.
  private func readSettled<Value: Sendable>(
    _ body: (MemoryTables) throws(Refusal) -> Value
  ) throws(Refusal) -> Snapshot<Value> {
    let nowMicros = nowMicros()
    return try read { (tables) throws(Refusal) in try body(tables.settled(nowMicros: nowMicros)) }
  }

  package func page(
    pageId: String, _ shown: PageShown, includesDeleted: Bool, actingUserId: String?
  ) throws(Refusal) -> Snapshot<PageView> {
    try readSettled { (tables) throws(Refusal) in
      try tables.view(shown, of: try tables.page(pageId, includesDeleted: includesDeleted, actingUserId))
    }
  }

  package func page(userId: String, slug: String, _ shown: PageShown) throws(Refusal) -> Snapshot<PageView> {
    try readSettled { (tables) throws(Refusal) in
      let page = tables.pages.values.first { page in
        page.facts.userId.isExactly(userId) && page.facts.slug == slug && !page.facts.isDeleted
      }
      guard let page else { throw PageRefusals.slugNotFound(slug) }
      return try tables.view(shown, of: page)
    }
  }

  package func pages(_ filter: PageFilter) throws(Refusal) -> Snapshot<Page<PageFacts>> {
    try readSettled { tables in
      let pages = tables.pages.values.filter { page in
        page.facts.userId.isExactly(filter.userId) && (filter.includesDeleted || !page.facts.isDeleted)
          && page.id < filter.before ?? Int64.max
      }
      var cut = PageCut<PageFacts>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
      for page in pages.sorted(by: { $0.id > $1.id })
      where !cut.add(page.facts, number: page.id, byteCount: page.facts.listedByteCount) { break }
      return cut.page
    }
  }

  package func search(_ search: PageSearch) throws(Refusal) -> Snapshot<Page<PageMatch>> {
    try readSettled { tables in
      let found = tables.pages.values.compactMap {
        page -> (id: Int64, facts: PageFacts, content: PageContent)? in
        guard page.facts.userId.isExactly(search.userId), !page.facts.isDeleted,
          let content = tables.version(page: page.id, page.facts.currentVersion)?.content,
          search.query.isFound(in: content)
        else { return nil }
        return (page.id, page.facts, content)
      }
      var cut = PageCut<PageMatch>(limit: search.limit, maximumByteCount: search.maximumByteCount)
      var byteCount = PageLimits.excerptedByteCount
      for (place, page) in found.sorted(by: { $0.id > $1.id }).enumerated() where place >= search.from {
        let match = search.query.match(page.facts, page.content, lookingAt: &byteCount)
        if !cut.add(match, number: Int64(place) + 1, byteCount: match.listedByteCount) { break }
      }
      return cut.page
    }
  }

  package func versions(_ filter: VersionFilter) throws(Refusal) -> Snapshot<Page<PageFacts>> {
    try readSettled { (tables) throws(Refusal) in
      let page = try tables.page(filter.pageId, includesDeleted: false, filter.actingUserId)
      var cut = PageCut<PageFacts>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
      for version in tables.allVersions(page: page.id).reversed()
      where version.version < filter.before ?? Int64.max {
        let facts = version.facts(of: page)
        if !cut.add(facts, number: facts.version, byteCount: facts.listedByteCount) { break }
      }
      return cut.page
    }
  }

  package func version(
    pageId: String, version: Int64, actingUserId: String?
  ) throws(Refusal) -> Snapshot<PageView> {
    try readSettled { (tables) throws(Refusal) in
      let page = try tables.page(pageId, includesDeleted: false, actingUserId)
      guard let stored = tables.version(page: page.id, version) else {
        throw PageRefusals.versionNotFound(version)
      }
      return tables.view(stored, of: page)
    }
  }

  package func versions(
    pageId: String, from: Int64, to: Int64?, actingUserId: String?
  ) throws(Refusal) -> Snapshot<VersionPair> {
    try readSettled { (tables) throws(Refusal) in
      let page = try tables.page(pageId, includesDeleted: false, actingUserId)
      let numbers = [from, to ?? page.facts.currentVersion]
      let found = numbers.map { tables.version(page: page.id, $0) }
      for (number, version) in zip(numbers, found) where version == nil {
        throw PageRefusals.versionNotFound(number)
      }
      guard let older = found[0], let newer = found[1] else { throw PageRefusals.versionNotFound(from) }
      return VersionPair(from: older, to: newer)
    }
  }

  package func pageUpdates(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<Slice<PageUpdate>> {
    try readSettled { tables in
      let userIds = Set(filter.userIds.map(ExactText.init))
      let all = tables.pageUpdates
      let wanted = all.indices.lazy.filter { index in
        let (account, update) = (all[index].account, all[index].update)
        return update.number >= filter.fromSequence && update.number < filter.beforeSequence
          && (userIds.isEmpty || userIds.contains(ExactText(update.userId)))
          // The last one of its page.
          && !all[(index + 1)...].contains {
            $0.account == account && $0.update.pageId.isExactly(update.pageId)
          }
      }
      let rows = wanted.prefix(filter.limit).map { index in
        var update = all[index].update
        let page = tables.pages[ExactText(update.pageId)]
        update.facts = page?.account == all[index].account ? page?.facts : nil
        return update
      }
      return Slice(rows: Array(rows), filter, lastSequence: Int64(all.count))
    }
  }

  package func media(mediaId: String, actingUserId: String?) throws(Refusal) -> Snapshot<Media> {
    try readSettled { (tables) throws(Refusal) in
      guard let media = tables.media[ExactText(mediaId)]?.media, media.deletedAtMicros == nil,
        actingUserId?.isExactly(media.userId) ?? true
      else { throw PageRefusals.mediaNotFound(mediaId) }
      return media
    }
  }

  package func media(_ filter: MediaFilter) throws(Refusal) -> Snapshot<Page<Media>> {
    try readSettled { tables in
      let media = tables.media.values.filter { stored in
        stored.media.userId.isExactly(filter.userId) && stored.media.deletedAtMicros == nil
          && (filter.source.map { $0 == stored.media.source } ?? true)
          && stored.id < filter.before ?? Int64.max
      }
      var cut = PageCut<Media>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
      for stored in media.sorted(by: { $0.id > $1.id })
      where !cut.add(stored.media, number: stored.id, byteCount: stored.media.replyByteCount) { break }
      return cut.page
    }
  }
}

extension MemoryTables {
  /// - Throws: `pageNotFound`.
  fileprivate func page(
    _ pageId: String, includesDeleted: Bool, _ actingUserId: String?
  ) throws(Refusal) -> StoredPage {
    guard let page = pages[ExactText(pageId)], includesDeleted || !page.facts.isDeleted,
      actingUserId?.isExactly(page.facts.userId) ?? true
    else { throw PageRefusals.pageNotFound(pageId) }
    return page
  }

  fileprivate func view(_ shown: PageShown, of page: StoredPage) throws(Refusal) -> PageView {
    let number = shown == .current ? page.facts.currentVersion : page.facts.publishedVersion
    guard let number, let version = version(page: page.id, number) else {
      throw PageRefusals.pageNotFound(page.facts.pageId)
    }
    return view(version, of: page)
  }

  fileprivate func view(_ version: StoredVersion, of page: StoredPage) -> PageView {
    PageView(
      facts: version.facts(of: page), version.content.sections,
      media: liveMedia(version.content.mediaIds, account: page.account))
  }
}
