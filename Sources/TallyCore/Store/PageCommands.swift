// Deciding a command of pages: what exists, what is there already, then the rules.
//
// Invariants:
// 1. The order of checks: the page exists and may be seen; media and versions that the call names exist;
//    what is there already replays; natural keys conflict; the version is the one named; quota; limits.
//    A replay comes before media are missed: they were there when it was applied.
// 2. A commit that changes a page, or what it shows, names it in `touched.pages`.
// 3. A replay answers the version that the call made, with what is true of the page now.
//
// Owner: the writer's queue.

internal import TallySQLite

extension Ledger {
  func decide(_ it: PageCommand, _ command: Command) throws(SQLiteError) -> Outcome {
    let outcome = try decide(it)
    try interrupt(command)
    return outcome
  }

  private func decide(_ command: PageCommand) throws(SQLiteError) -> Outcome {
    switch command {
    case .create(let it): try create(it)
    case .save(let it): try save(it)
    case .patch(let it): try patch(it)
    case .restore(let it): try restore(it)
    case .duplicate(let it): try duplicate(it)
    case .publish(let target, let version): try publish(target, version: version)
    case .unpublish(let target): try unpublish(target)
    case .delete(let target): try delete(target)
    case .undelete(let target): try undelete(target)
    case .purge(let target): try purge(target)
    case .createMedia(let media): try create(media)
    case .deleteMedia(let it): try delete(it)
    }
  }

  // MARK: what is there

  enum PageLife {
    case live, deleted, any
  }

  /// The page that a target names, if its caller may see it.
  func page(_ target: PageTarget, _ life: PageLife = .live) throws(SQLiteError) -> StoredPage? {
    guard let page = try pageReaders.pages.page(pageId: target.pageId),
      target.actingUserId?.isExactly(page.facts.userId) ?? true
    else { return nil }
    switch life {
    case .any: return page
    case .live: return page.facts.isDeleted ? nil : page
    case .deleted: return page.facts.isDeleted ? page : nil
    }
  }

  func version(_ version: Int64, of page: StoredPage) throws(SQLiteError) -> StoredVersion {
    guard let stored = try pageReaders.versions.version(page: page.id, version) else {
      throw .malformed("page \(page.id): no version \(version)")
    }
    return stored
  }

  /// A version that the caller names, which need not exist.
  private func content(ofVersion version: Int64, of page: StoredPage) throws(SQLiteError) -> PageContent? {
    try pageReaders.versions.version(page: page.id, version)?.content
  }

  /// A version of a page as it is shown.
  private func view(_ version: StoredVersion, of page: StoredPage) throws(SQLiteError) -> PageView {
    let media = try pageReaders.media.live(version.content.mediaIds, account: page.account)
    return PageView(
      facts: version.facts(of: page), version.content.sections, media: media.mapValues(\.media))
  }

  func notFound(_ target: PageTarget) -> Outcome {
    refused(PageRefusals.pageNotFound(target.pageId))
  }

  // MARK: making

  private func create(_ it: PageCommand.Create) throws(SQLiteError) -> Outcome {
    let account = try account(userId: it.userId)
    let content = PageRules.named(it.content, version: 1)
    let existing = try pageReaders.pages.page(pageId: it.pageId)
    if let existing, existing.facts.userId.isExactly(it.userId) {
      let first = try version(1, of: existing)
      if first.content == content { return replayed(try view(first, of: existing)) }
    }
    let media = try pageReaders.media.live(content.mediaIds, account: account.id)
    if let missing = PageRefusals.missing(content.mediaIds, among: media) { return refused(missing) }
    if existing != nil { return refused(PageRefusals.pageIdInUse(it.pageId)) }
    return try make(
      it.pageId, of: account, content, author: it.author, media: media,
      maximumReplyByteCount: it.maximumReplyByteCount)
  }

  private func duplicate(_ it: PageCommand.Duplicate) throws(SQLiteError) -> Outcome {
    guard let source = try page(it.target) else { return notFound(it.target) }
    var content = try version(source.facts.version, of: source).content
    if !it.title.isEmpty { content.title = it.title }
    if let existing = try pageReaders.pages.page(pageId: it.newPageId) {
      guard existing.account == source.account else { return refused(PageRefusals.pageIdInUse(it.newPageId)) }
      let first = try version(1, of: existing)
      // The original may have changed since it was copied.
      let isCopy = existing.copiedFrom?.isExactly(source.facts.pageId) ?? false
      if isCopy && (it.title.isEmpty || it.title.isExactly(first.content.title)) || first.content == content {
        return replayed(try view(first, of: existing))
      }
      return refused(PageRefusals.pageIdInUse(it.newPageId))
    }
    do { try PageRules.check(content, field: "title") } catch { return refused(error) }
    let media = try pageReaders.media.live(content.mediaIds, account: source.account)
    return try make(
      it.newPageId, of: try account(userId: source.facts.userId), content, author: it.author, media: media,
      maximumReplyByteCount: it.target.maximumReplyByteCount, copiedFrom: source.facts.pageId)
  }

  /// A page's first version.
  private func make(
    _ pageId: String, of owner: Account, _ content: PageContent, author: String,
    media: [ExactText: StoredMedia], maximumReplyByteCount: Int, copiedFrom: String? = nil
  ) throws(SQLiteError) -> Outcome {
    var facts = PageFacts(pageId: pageId, userId: owner.userId)
    facts.createdAtMicros = working.nowMicros
    let first = StoredVersion(
      version: 1, baseVersion: 0, author: author, atMicros: working.nowMicros, content: content)
    var page = StoredPage(id: 0, account: 0, facts: facts, copiedFrom: copiedFrom)
    page.facts = first.facts(of: page)
    let view = PageView(facts: page.facts, content.sections, media: media.mapValues(\.media))
    do {
      try PageRules.check(view, maximumReplyByteCount: maximumReplyByteCount, field: "sections")
    } catch { return refused(error) }
    if let refusal = try quotaRefusal(.pages, of: owner) { return refused(refusal) }
    page.account = try madeAccount(userId: owner.userId).id
    try countPages(account: page.account, by: 1)
    page.id = try pageSavers.pages.nextId()
    try pageSavers.pages.make(page)
    try pageSavers.versions.make(first, page: page.id)
    try pageSavers.sections.save(content.sections, over: [], page: page.id, media: media)
    return changed(view)
  }

  // MARK: changing

  private func save(_ it: PageCommand.Save) throws(SQLiteError) -> Outcome {
    guard let page = try page(it.target) else { return notFound(it.target) }
    let current = try version(page.facts.version, of: page)
    let decision = PageRules.save(it.content, expectedVersion: it.expectedVersion, over: current.state)
    return try carryOut(
      decision, of: page, current,
      PageEdit(
        target: it.target, expectedVersion: it.expectedVersion ?? current.version, author: it.author,
        mediaIds: it.content.mediaIds, field: "sections"))
  }

  private func patch(_ it: PageCommand.Patch) throws(SQLiteError) -> Outcome {
    guard let page = try page(it.target) else { return notFound(it.target) }
    let current = try version(page.facts.version, of: page)
    let isStale = it.expectedVersion < current.version
    if isStale, let made = try made(by: it, of: page) {
      return replayed(try view(made, of: page), rebased: it.expectedVersion != made.version - 1)
    }
    let base = isStale ? try content(ofVersion: it.expectedVersion, of: page) : nil
    let edit = PageEdit(
      target: it.target, expectedVersion: it.expectedVersion, author: it.author,
      mediaIds: PageContent(sections: it.patch.sections.compactMap(\.section)).mediaIds, field: "patches",
      digest: it.digest)
    let decision: PageDecision
    do {
      decision = try PageRules.patch(
        it.patch, expectedVersion: it.expectedVersion, over: current.state, base: base)
    } catch {
      return try missing(edit, of: page) ?? refused(error)
    }
    return try carryOut(decision, of: page, current, edit)
  }

  /// The version that a stale patch has made when it was sent before. Others may have followed.
  private func made(by it: PageCommand.Patch, of page: StoredPage) throws(SQLiteError) -> StoredVersion? {
    if let number = try pageReaders.versions.version(page: page.id, digest: it.digest) {
      return try version(number, of: page)
    }
    // The first version is no patch's.
    let oldest = max(1, it.expectedVersion, page.facts.version - PageLimits.comparedVersionCount)
    let candidates = try pageReaders.versions.withoutDigest(
      page: page.id, after: oldest, baseVersion: it.expectedVersion)
    for number in candidates {
      let candidate = try version(number, of: page)
      let before = try version(number - 1, of: page).content
      if PageRules.isMade(candidate.content, version: number, by: it.patch, from: before) { return candidate }
    }
    return nil
  }

  private func restore(_ it: PageCommand.Restore) throws(SQLiteError) -> Outcome {
    guard let page = try page(it.target) else { return notFound(it.target) }
    guard let old = try content(ofVersion: it.version, of: page) else {
      return refused(PageRefusals.versionNotFound(it.version))
    }
    let current = try version(page.facts.version, of: page)
    let live = try pageReaders.media.live(old.mediaIds, account: page.account)
    let content = PageRules.withoutMissing(old, live: live)
    let decision = PageRules.save(content, expectedVersion: it.expectedVersion, over: current.state)
    return try carryOut(
      decision, of: page, current,
      PageEdit(
        target: it.target, expectedVersion: it.expectedVersion, author: it.author,
        mediaIds: content.mediaIds, field: "version"))
  }

  private func carryOut(
    _ decision: PageDecision, of page: StoredPage, _ current: StoredVersion, _ edit: PageEdit
  ) throws(SQLiteError) -> Outcome {
    switch decision {
    case .unchanged(let rebased): return replayed(try view(current, of: page), rebased: rebased)
    case .conflict:
      if let missing = try missing(edit, of: page) { return missing }
      let named = try content(ofVersion: edit.expectedVersion, of: page)
      return refused(
        PageRefusals.conflict(
          PageRules.difference(from: named ?? PageContent(), to: current.content), current))
    case .changed(let content, let rebased):
      // A patch may name media of a section that it removes again.
      let named = content.mediaIds.union(edit.mediaIds)
      let media = try pageReaders.media.live(named, account: page.account)
      if let missing = PageRefusals.missing(named, among: media) { return refused(missing) }
      var next = next(page, current, content, baseVersion: edit.expectedVersion, author: edit.author)
      next.version.digest = edit.digest
      let view = PageView(
        facts: next.page.facts, content.sections, media: media.mapValues(\.media))
      do {
        try PageRules.check(
          view, maximumReplyByteCount: edit.target.maximumReplyByteCount, field: edit.field)
      } catch { return refused(error) }
      try advance(next, over: current, media: media)
      return changed(view, rebased: rebased)
    }
  }

  /// Why an edit that changes nothing may not even be compared: it names media that are not there.
  private func missing(_ edit: PageEdit, of page: StoredPage) throws(SQLiteError) -> Outcome? {
    let media = try pageReaders.media.live(edit.mediaIds, account: page.account)
    return PageRefusals.missing(edit.mediaIds, among: media).map { refused($0) }
  }

  struct NextVersion {
    var page: StoredPage
    var version: StoredVersion
  }

  func next(
    _ page: StoredPage, _ current: StoredVersion, _ content: PageContent, baseVersion: Int64, author: String
  ) -> NextVersion {
    let version = StoredVersion(
      version: current.version + 1, baseVersion: baseVersion, author: author,
      atMicros: max(working.nowMicros, current.atMicros), content: content)
    var page = page
    page.facts = version.facts(of: page)
    page.facts.currentVersion = version.version
    return NextVersion(page: page, version: version)
  }

  func advance(
    _ next: NextVersion, over current: StoredVersion, media: [ExactText: StoredMedia]
  ) throws(SQLiteError) {
    try pageSavers.pages.save(next.page)
    try pageSavers.versions.make(next.version, page: next.page.id)
    try pageSavers.sections.save(
      next.version.content.sections, over: current.content.sections, page: next.page.id, media: media)
    touch(next.page)
  }

  // MARK: publication and life

  private func publish(_ target: PageTarget, version: Int64) throws(SQLiteError) -> Outcome {
    guard let page = try page(target) else { return notFound(target) }
    let published = version == 0 ? page.facts.version : version
    if published > page.facts.version { return refused(PageRefusals.versionNotFound(version)) }
    return try change(page, target) { $0.publishedVersion = published }
  }

  private func unpublish(_ target: PageTarget) throws(SQLiteError) -> Outcome {
    guard let page = try page(target) else { return notFound(target) }
    return try change(page, target) { $0.publishedVersion = nil }
  }

  private func delete(_ target: PageTarget) throws(SQLiteError) -> Outcome {
    guard let page = try page(target, .any) else { return notFound(target) }
    let nowMicros = working.nowMicros
    return try change(page, target, counting: -1) { $0.deletedAtMicros = $0.deletedAtMicros ?? nowMicros }
  }

  private func undelete(_ target: PageTarget) throws(SQLiteError) -> Outcome {
    guard let page = try page(target, .any) else { return notFound(target) }
    return try change(page, target, counting: 1) { $0.deletedAtMicros = nil }
  }

  /// A change of a page that makes no version.
  /// - Parameter pages: how many more live pages there are then; the quota is asked for one more.
  private func change(
    _ page: StoredPage, _ target: PageTarget, counting pages: Int64 = 0, _ body: (inout PageFacts) -> Void
  ) throws(SQLiteError) -> Outcome {
    let current = try version(page.facts.version, of: page)
    var page = page
    let before = page.facts
    body(&page.facts)
    let view = try view(current, of: page)
    if page.facts.publishedVersion == before.publishedVersion
      && page.facts.deletedAtMicros == before.deletedAtMicros
    {
      return replayed(view)
    }
    do {
      try PageRules.check(view, maximumReplyByteCount: target.maximumReplyByteCount, field: "page_id")
    } catch { return refused(error) }
    if pages > 0, let refusal = try quotaRefusal(.pages, of: try account(userId: page.facts.userId)) {
      return refused(refusal)
    }
    if pages != 0 { try countPages(account: page.account, by: pages) }
    try pageSavers.pages.save(page)
    touch(page)
    return changed(view)
  }

  private func purge(_ target: PageTarget) throws(SQLiteError) -> Outcome {
    guard let page = try page(target, .deleted) else { return notFound(target) }
    try pageSavers.pages.remove(page)
    working.freesMemory = true
    touch(page)
    return .page(.purged(versions: page.facts.version, commit: takeWritingPlace()))
  }

  /// For the writer's ticks.
  func removePurgedSlice() throws(SQLiteError) {
    try pageSavers.pages.removeSlice()
    working.freesMemory = true
    _ = takeWritingPlace()
  }

  // MARK: answers

  private func touch(_ page: StoredPage) { working.touched.pages.insert(ExactText(page.facts.pageId)) }

  private func changed(_ view: PageView, rebased: Bool = false) -> Outcome {
    .page(.changed(view, replayed: false, rebased: rebased, commit: takeWritingPlace()))
  }

  private func replayed(_ view: PageView, rebased: Bool = false) -> Outcome {
    .page(.changed(view, replayed: true, rebased: rebased, commit: placeOfRefusal()))
  }
}

/// What a call that may make a version has said of it.
private struct PageEdit {
  var target: PageTarget
  /// The version that it was made from.
  var expectedVersion: Int64
  var author: String
  /// Of all media that the call names.
  var mediaIds: Set<ExactText>
  /// Named when the page would be too large.
  var field: String
  /// Of the request, when a retry is to find its version by it.
  var digest: Digest?
}

extension StoredVersion {
  fileprivate var state: PageState {
    PageState(version: version, baseVersion: baseVersion, content: content)
  }
}

extension SectionPatch {
  fileprivate var section: PageSection? {
    switch self {
    case .add(let section, _), .update(let section): section
    case .move, .remove: nil
    }
  }
}
