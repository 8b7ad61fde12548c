// Pages, versions and media, as a batch's decisions see them.
//
// Owner: the writer's queue.

extension ReadSet {
  /// Deleted or not.
  func page(pageId: String) throws(Refusal) -> StoredPage? {
    if let row = writes.pages[ExactText(pageId)] { return row.page }
    return try load { (it) throws(StorageFailure) in try it.page(pageId: pageId) }?.settled(
      nowMicros: nowMicros)
  }

  /// The id of the account's page that has a slug, deleted or not.
  func page(slug: String, account: Int64) throws(Refusal) -> String? {
    if account == 0 { return nil }
    let here = writes.pages.values.first {
      $0.page.account == account && $0.page.facts.slug?.isExactly(slug) ?? false
    }
    if let here { return here.page.facts.pageId }
    let stored = try load { (it) throws(StorageFailure) in try it.page(slug: slug, account: account) }
    // One that the batch has changed has another slug by now.
    return stored.flatMap { writes.pages[ExactText($0)] == nil ? $0 : nil }
  }

  func page(id: Int64) throws(Refusal) -> StoredPage {
    if let pageId = writes.pageIds[id], let row = writes.pages[pageId] { return row.page }
    return try load { (it) throws(StorageFailure) in
      guard let page = try it.page(id: id) else { throw .malformed("sections of page \(id): no such page") }
      return page.settled(nowMicros: nowMicros)
    }
  }

  /// One that a caller names, which need not exist.
  func namedVersion(_ version: Int64, of page: StoredPage) throws(Refusal) -> StoredVersion? {
    let key = WriteSet.VersionKey(page: page.id, version: version)
    if let known = writes.versions[key] { return known }
    var stored = try load { (it) throws(StorageFailure) in try it.version(page: page.id, version) }
    if writes.keptVersions.contains(key) { stored?.isAutosave = false }
    return stored
  }

  /// The oldest autosaves of a page, as they were before the batch.
  func autosaves(of page: StoredPage, limit: Int) throws(Refusal) -> [Autosave] {
    try load { (it) throws(StorageFailure) in try it.autosaves(page: page.id, limit: limit) }
  }

  func version(_ version: Int64, of page: StoredPage) throws(Refusal) -> StoredVersion {
    guard let stored = try namedVersion(version, of: page) else {
      throw StorageFailure.malformed("page \(page.id): no version \(version)").refusal
    }
    return stored
  }

  /// The version that a patch has made, by the digest of its request.
  func version(of page: StoredPage, digest: Digest) throws(Refusal) -> StoredVersion? {
    let made = writes.versions.first { $0.key.page == page.id && $0.value.digest == digest }
    if let made { return made.value }
    let number = try load { (it) throws(StorageFailure) in try it.version(page: page.id, digest: digest) }
    guard let number else { return nil }
    return try version(number, of: page)
  }

  /// Numbers of the versions after one that were made from `baseVersion` and have no digest, newest first.
  func versionsWithoutDigest(
    of page: StoredPage, after version: Int64, baseVersion: Int64
  ) throws(Refusal) -> [Int64] {
    let here = writes.versions.filter { key, made in
      key.page == page.id && made.digest == nil && made.version > version && made.baseVersion == baseVersion
    }
    let stored = try load { (it) throws(StorageFailure) in
      try it.versionsWithoutDigest(page: page.id, after: version, baseVersion: baseVersion)
    }
    return here.keys.map(\.version).sorted(by: >) + stored
  }

  /// Of the sections of a page's current version.
  func byteCount(of page: StoredPage) throws(Refusal) -> Int64 {
    let key = WriteSet.VersionKey(page: page.id, version: page.facts.currentVersion)
    if let version = writes.versions[key] { return Int64(version.content.byteCount) }
    return try load { (it) throws(StorageFailure) in try it.byteCount(of: page) }
  }

  /// Deleted or not.
  func media(mediaId: String) throws(Refusal) -> StoredMedia? {
    if let row = writes.media[ExactText(mediaId)] { return row.media }
    return try load { (it) throws(StorageFailure) in try it.media(mediaId: mediaId) }
  }

  /// Those of an account that are live, by id.
  func liveMedia(_ ids: Set<ExactText>, account: Int64) throws(Refusal) -> [ExactText: StoredMedia] {
    try media(ids, account: account).filter { $0.value.media.deletedAtMicros == nil }
  }

  /// Those of an account, deleted or not, by id.
  func media(_ ids: Set<ExactText>, account: Int64) throws(Refusal) -> [ExactText: StoredMedia] {
    if ids.isEmpty { return [:] }
    var found: [ExactText: StoredMedia] = [:]
    let others = ids.filter { writes.media[$0] == nil }
    if !others.isEmpty {
      let stored = try load { (it) throws(StorageFailure) in try it.media(mediaIds: others.map(\.text)) }
      for media in stored { found[ExactText(media.media.mediaId)] = media }
    }
    for id in ids { if let row = writes.media[id] { found[id] = row.media } }
    return found.filter { $0.value.account == account }
  }

  /// Numbers of pages whose current version names a medium, in order; deleted ones too.
  func pages(using media: StoredMedia, limit: Int) throws(Refusal) -> [Int64] {
    let stored = try load { (it) throws(StorageFailure) in
      try it.pages(using: media.id, limit: limit + writes.pages.count)
    }
    let changed = writes.pages.values.filter(\.hasSections)
    let here = changed.filter { row in row.sections.contains { $0.shows(media.media.mediaId) } }
    let gone = Set(changed.map(\.page.id))
    let ids = stored.filter { !gone.contains($0) } + here.map(\.page.id)
    return Array(ids.sorted().prefix(limit))
  }

  /// Ids of an account's pages that are published or are going to be, deleted or not.
  func publishedPageIds(account: Int64) throws(Refusal) -> [String] {
    let stored = try load { (it) throws(StorageFailure) in try it.publishedPageIds(account: account) }
    let here = writes.pages.values.filter {
      $0.page.account == account && ($0.page.facts.publishedVersion != nil || $0.page.facts.schedule != nil)
    }
    return stored.filter { writes.pages[ExactText($0)] == nil } + here.map(\.page.facts.pageId)
  }
}

extension PageSection {
  fileprivate func shows(_ mediaId: String) -> Bool {
    firstMediaId.isExactly(mediaId) || secondMediaId.isExactly(mediaId)
  }
}
