// Pages: what exists, what is there already, then the rules.
//
// Invariants:
// 1. The order of checks: the page exists and may be seen; media and versions that the call names exist;
//    what is there already replays; natural keys conflict; the version is the one named; quota; limits.
//    A replay comes before media are missed: they were there when it was applied.
// 2. A replay answers the version that the call made, with what is true of the page now.
//
// Owner: the writer's queue.

extension Decider {
  // MARK: what is there

  enum PageLife {
    case live, deleted, any
  }

  /// The page that a target names, if its caller may see it.
  func page(_ target: PageTarget, _ life: PageLife = .live) throws(Refusal) -> StoredPage? {
    guard let page = try records.page(pageId: target.pageId),
      target.actingUserId?.isExactly(page.facts.userId) ?? true
    else { return nil }
    switch life {
    case .any: return page
    case .live: return page.facts.isDeleted ? nil : page
    case .deleted: return page.facts.isDeleted ? page : nil
    }
  }

  /// A version of a page as it is shown.
  private func view(_ version: StoredVersion, of page: StoredPage) throws(Refusal) -> PageView {
    let media = try records.liveMedia(version.content.mediaIds, account: page.account)
    return PageView(
      facts: version.facts(of: page), version.content.sections, media: media.mapValues(\.media))
  }

  /// Why no page is found: it is not there or another user's, or it is deleted where a live one is asked for.
  private func notFound(_ target: PageTarget) throws(Refusal) -> Refusal {
    guard let page = try page(target, .any) else { return PageRefusals.pageNotFound(target.pageId) }
    return page.facts.isDeleted
      ? PageRefusals.pageDeleted(page.facts) : PageRefusals.pageNotDeleted(target.pageId)
  }

  // MARK: making

  func decide(_ it: PageCommand.Create) throws(Refusal) -> Decided<PageReceipt> {
    let account = try records.account(userId: it.userId)
    let content = PageRules.named(it.content, version: 1)
    let existing = try records.page(pageId: it.pageId)
    if let existing, existing.facts.userId.isExactly(it.userId) {
      let first = try records.version(1, of: existing)
      if first.content == content { return replayed(try view(first, of: existing)) }
    }
    let media = try records.liveMedia(content.mediaIds, account: account.id)
    if let missing = PageRefusals.missing(content.mediaIds, among: media) { throw missing }
    if existing != nil { throw PageRefusals.pageIdInUse(it.pageId) }
    if let slug = it.slug { try requireFree(slug, account: account.id, but: it.pageId) }
    return try make(
      it.pageId, of: account, content, author: it.author, media: media,
      maximumReplyByteCount: it.maximumReplyByteCount, slug: it.slug)
  }

  func decide(_ it: PageCommand.Duplicate) throws(Refusal) -> Decided<PageReceipt> {
    guard let source = try page(it.target) else { throw try notFound(it.target) }
    var content = try records.version(source.facts.version, of: source).content
    let media = try records.liveMedia(content.mediaIds, account: source.account)
    content = PageRules.withoutMissing(content, live: media)
    if !it.title.isEmpty { content.title = it.title }
    if let existing = try records.page(pageId: it.newPageId) {
      guard existing.account == source.account else { throw PageRefusals.pageIdInUse(it.newPageId) }
      let first = try records.version(1, of: existing)
      // The original may have changed since it was copied.
      let isCopy = existing.copiedFrom?.isExactly(source.facts.pageId) ?? false
      if isCopy && (it.title.isEmpty || it.title.isExactly(first.content.title)) || first.content == content {
        return replayed(try view(first, of: existing))
      }
      throw PageRefusals.pageIdInUse(it.newPageId)
    }
    try PageRules.check(content, field: "title")
    return try make(
      it.newPageId, of: try records.account(userId: source.facts.userId), content, author: it.author,
      media: media, maximumReplyByteCount: it.target.maximumReplyByteCount, copiedFrom: source.facts.pageId)
  }

  /// A page's first version.
  private func make(
    _ pageId: String, of owner: Account, _ content: PageContent, author: String,
    media: [ExactText: StoredMedia], maximumReplyByteCount: Int, slug: String? = nil,
    copiedFrom: String? = nil
  ) throws(Refusal) -> Decided<PageReceipt> {
    var facts = PageFacts(pageId: pageId, userId: owner.userId)
    facts.createdAtMicros = records.nowMicros
    facts.slug = slug
    let first = StoredVersion(
      version: 1, baseVersion: 0, author: author, atMicros: records.nowMicros, content: content)
    var page = StoredPage(id: 0, account: 0, facts: facts, copiedFrom: copiedFrom)
    page.facts = first.facts(of: page)
    let view = PageView(facts: page.facts, content.sections, media: media.mapValues(\.media))
    try PageRules.check(view, maximumReplyByteCount: maximumReplyByteCount, field: "sections")
    if let refusal = try quotaRefusal(.pages, of: owner) { throw refusal }
    var effects = Effects()
    let numbered = self.owner(owner, &effects)
    page.account = numbered.id
    page.id = records.writes.books.lastPageId + 1
    page.facts.currentVersion = first.version
    let effect = PageEffect(
      page: page, kind: .created, isNew: true, version: first, changesSearch: true, media: media,
      countedPages: 1)
    let events = try quotaEvents(.pages, of: numbered, now: 1)
    effects.set {
      $0.pages = [effect]
      $0.events += events
    }
    return changed(view, effects)
  }

  // MARK: changing

  func decide(_ it: PageCommand.Save) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target) else { throw try notFound(it.target) }
    let current = try records.version(page.facts.version, of: page)
    return try carryOut(
      try decision(on: it, over: current, of: page), of: page, current,
      PageEdit(
        target: it.target, expectedVersion: it.expectedVersion ?? current.version, author: it.author,
        mediaIds: it.content.mediaIds, field: "sections", isAutosave: it.isAutosave))
  }

  func decide(_ it: PageCommand.Patch) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target) else { throw try notFound(it.target) }
    let current = try records.version(page.facts.version, of: page)
    let isStale = it.expectedVersion < current.version
    if isStale, let made = try made(by: it, of: page) {
      return replayed(try view(made, of: page), rebased: it.expectedVersion != made.version - 1)
    }
    let base = isStale ? try records.namedVersion(it.expectedVersion, of: page)?.content : nil
    let edit = PageEdit(
      target: it.target, expectedVersion: it.expectedVersion, author: it.author,
      mediaIds: PageContent(sections: it.patch.sections.compactMap(\.section)).mediaIds, field: "patches",
      digest: it.digest)
    let decision: PageDecision
    do {
      decision = try PageRules.patch(
        it.patch, expectedVersion: it.expectedVersion, over: current.state, base: base)
    } catch {
      try requireMedia(of: edit, on: page, current)
      throw error
    }
    return try carryOut(decision, of: page, current, edit)
  }

  /// The version that a stale patch has made when it was sent before. Others may have followed.
  private func made(by it: PageCommand.Patch, of page: StoredPage) throws(Refusal) -> StoredVersion? {
    if let made = try records.version(of: page, digest: it.digest) { return made }
    // The first version is no patch's.
    let oldest = max(1, it.expectedVersion, page.facts.version - PageLimits.comparedVersionCount)
    let candidates = try records.versionsWithoutDigest(
      of: page, after: oldest, baseVersion: it.expectedVersion)
    for number in candidates {
      // The one before may be an autosave that is gone.
      guard let before = try records.namedVersion(number - 1, of: page)?.content else { continue }
      let candidate = try records.version(number, of: page)
      if PageRules.isMade(candidate.content, version: number, by: it.patch, from: before) { return candidate }
    }
    return nil
  }

  func decide(_ it: PageCommand.Restore) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target) else { throw try notFound(it.target) }
    guard let old = try records.namedVersion(it.version, of: page)?.content else {
      throw PageRefusals.versionNotFound(it.version)
    }
    let current = try records.version(page.facts.version, of: page)
    let live = try records.liveMedia(old.mediaIds, account: page.account)
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
  ) throws(Refusal) -> Decided<PageReceipt> {
    switch decision {
    case .unchanged(let rebased):
      if current.isAutosave && !edit.isAutosave { return try keep(current, of: page, edit, rebased: rebased) }
      return replayed(try view(current, of: page), rebased: rebased)
    case .conflict:
      try requireMedia(of: edit, on: page, current)
      let named = try records.namedVersion(edit.expectedVersion, of: page)?.content
      throw PageRefusals.conflict(
        PageRules.difference(from: named ?? PageContent(), to: current.content), current)
    case .changed(let edited, let rebased):
      // A patch may name media of a section that it removes again.
      let named = edited.mediaIds.union(edit.mediaIds)
      let media = try records.liveMedia(named.union(current.content.mediaIds), account: page.account)
      let detaching = detaching(current, live: media)
      if let missing = PageRefusals.missing(named.subtracting(detaching), among: media) { throw missing }
      let content = PageRules.detached(edited, mediaIds: detaching)
      var next = next(
        page, current, content, baseVersion: edit.expectedVersion, author: edit.author,
        isAutosave: edit.isAutosave)
      next.version.digest = edit.digest
      let view = PageView(
        facts: next.page.facts, content.sections, media: media.mapValues(\.media))
      try PageRules.check(
        view, maximumReplyByteCount: edit.target.maximumReplyByteCount, field: edit.field)
      return changed(view, rebased: rebased, Effects(page: next.effect(over: current, media: media)))
    }
  }

  /// What an autosave has made is saved now. It is the same version.
  private func keep(
    _ current: StoredVersion, of page: StoredPage, _ edit: PageEdit, rebased: Bool
  ) throws(Refusal) -> Decided<PageReceipt> {
    var (current, page) = (current, page)
    current.isAutosave = false
    page.facts.isAutosave = false
    let view = try view(current, of: page)
    try PageRules.check(
      view, maximumReplyByteCount: edit.target.maximumReplyByteCount, field: edit.field)
    return changed(
      view, rebased: rebased,
      Effects(page: PageEffect(page: page, kind: .saved, keptVersion: current.version)))
  }

  /// An edit that changes nothing may not even be compared when it names media that are not there.
  private func requireMedia(
    of edit: PageEdit, on page: StoredPage, _ current: StoredVersion
  ) throws(Refusal) {
    let media = try records.liveMedia(
      edit.mediaIds.union(current.content.mediaIds), account: page.account)
    let required = edit.mediaIds.subtracting(detaching(current, live: media))
    if let missing = PageRefusals.missing(required, among: media) { throw missing }
  }

  struct NextVersion {
    var page: StoredPage
    var version: StoredVersion

    func effect(over current: StoredVersion, media: [ExactText: StoredMedia]) -> PageEffect {
      PageEffect(
        page: page, kind: .saved, version: version,
        changesSearch: !PageTexts.areSame(current.content, version.content),
        replacedSections: current.content.sections, media: media)
    }
  }

  func next(
    _ page: StoredPage, _ current: StoredVersion, _ content: PageContent, baseVersion: Int64, author: String,
    isAutosave: Bool = false
  ) -> NextVersion {
    let version = StoredVersion(
      version: current.version + 1, baseVersion: baseVersion, author: author,
      atMicros: max(records.nowMicros, current.atMicros), content: content, isAutosave: isAutosave)
    var page = page
    page.facts = version.facts(of: page)
    if current.isAutosave { page.thin(autosaveOf: current.atMicros) }
    if isAutosave { page.thin(autosaveOf: version.atMicros) }
    page.facts.currentVersion = version.version
    return NextVersion(page: page, version: version)
  }

  // MARK: publication and life

  func decide(_ it: PageCommand.Publish) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target) else { throw try notFound(it.target) }
    let published = try version(it.version, of: page)
    return try change(page, it.target, .published, keeping: published) {
      $0.publishedVersion = published.version
    }
  }

  /// The version that a call names; zero is the current one.
  private func version(_ number: Int64, of page: StoredPage) throws(Refusal) -> StoredVersion {
    if number == 0 { return try records.version(page.facts.version, of: page) }
    guard let version = try records.namedVersion(number, of: page) else {
      throw PageRefusals.versionNotFound(number)
    }
    return version
  }

  func decide(_ it: PageCommand.Unpublish) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target) else { throw try notFound(it.target) }
    return try change(page, it.target, .unpublished) { $0.publishedVersion = nil }
  }

  func decide(_ it: PageCommand.Schedule) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target) else { throw try notFound(it.target) }
    let version = try version(it.version, of: page)
    let nowMicros = records.nowMicros
    let kind: PageUpdateKind = it.atMicros <= nowMicros ? .published : .scheduled
    return try change(page, it.target, kind, keeping: version) {
      $0.schedule = PublishSchedule(version: version.version, atMicros: it.atMicros)
      $0.settle(nowMicros: nowMicros)
    }
  }

  func decide(_ it: PageCommand.CancelSchedule) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target) else { throw try notFound(it.target) }
    return try change(page, it.target, .scheduleCancelled) { $0.schedule = nil }
  }

  /// A page as it is now, with what was due of it; nil when it is gone.
  func publication(of pageId: String) throws(Refusal) -> Effects? {
    try records.page(pageId: pageId).map { Effects(page: PageEffect(page: $0, kind: .published)) }
  }

  /// Removes some of a page's autosaves that are not kept any more; nil when the page is gone.
  func thinning(of pageId: String) throws(Refusal) -> Effects? {
    let room = PageLimits.thinnedVersionCount - records.writes.thinned.count
    guard room > 0, var page = try records.page(pageId: pageId) else { return nil }
    let found = try records.autosaves(of: page, limit: PageLimits.scannedAutosaveCount)
    let plan = AutosaveThinning.plan(
      found, isWhole: found.count < PageLimits.scannedAutosaveCount, current: page.facts.currentVersion,
      nowMicros: records.nowMicros, limit: room)
    page.thinAtMicros = plan.nextMicros
    page.thinnedCount += Int64(plan.removed.count)
    return Effects(page: PageEffect(page: page, thinnedVersions: plan.removed))
  }

  func decide(_ it: PageCommand.SetSlug) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target) else { throw try notFound(it.target) }
    if let slug = it.slug { try requireFree(slug, account: page.account, but: page.facts.pageId) }
    return try change(page, it.target, .slugChanged) { $0.slug = it.slug }
  }

  /// - Parameter pageId: may have the slug.
  /// - Throws: `slugTaken`.
  private func requireFree(_ slug: String, account: Int64, but pageId: String) throws(Refusal) {
    guard let other = try records.page(slug: slug, account: account), !other.isExactly(pageId) else { return }
    throw PageRefusals.slugTaken(slug, by: other)
  }

  func decide(_ it: PageCommand.Delete) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target, .any) else { throw try notFound(it.target) }
    let nowMicros = records.nowMicros
    return try change(page, it.target, .deleted, counting: -1) {
      $0.deletedAtMicros = $0.deletedAtMicros ?? nowMicros
    }
  }

  func decide(_ it: PageCommand.Undelete) throws(Refusal) -> Decided<PageReceipt> {
    guard let page = try page(it.target, .any) else { throw try notFound(it.target) }
    return try change(page, it.target, .undeleted, counting: 1) { $0.deletedAtMicros = nil }
  }

  /// A change of a page that makes no version.
  /// - Parameters:
  ///   - pages: how many more live pages there are then; the quota is asked for one more.
  ///   - kept: a version that is no autosave from then on.
  private func change(
    _ page: StoredPage, _ target: PageTarget, _ kind: PageUpdateKind, counting pages: Int64 = 0,
    keeping kept: StoredVersion? = nil, _ body: (inout PageFacts) -> Void
  ) throws(Refusal) -> Decided<PageReceipt> {
    var current = try records.version(page.facts.version, of: page)
    var page = page
    let before = page.facts
    body(&page.facts)
    if kept?.version == current.version { current.isAutosave = false }
    page.facts.isAutosave = current.isAutosave
    let view = try view(current, of: page)
    if page.facts.publishedVersion == before.publishedVersion
      && page.facts.deletedAtMicros == before.deletedAtMicros && page.facts.slug == before.slug
      && page.facts.schedule == before.schedule
    {
      return replayed(view)
    }
    try PageRules.check(view, maximumReplyByteCount: target.maximumReplyByteCount, field: "page_id")
    var events: [WriteSet.EventRow] = []
    if pages > 0 {
      let owner = try records.account(userId: page.facts.userId)
      if let refusal = try quotaRefusal(.pages, of: owner) { throw refusal }
      events = try quotaEvents(.pages, of: owner, now: pages)
    }
    let changesSlug = page.facts.slug != before.slug
    var effects = Effects(
      page: PageEffect(
        page: page, kind: kind, keptVersion: kept.flatMap { $0.isAutosave ? $0.version : nil },
        changesSlug: changesSlug, changesSearch: page.facts.isDeleted != before.isDeleted,
        countedPages: pages))
    if !events.isEmpty { effects.set { $0.events = events } }
    return changed(view, effects)
  }

  func decide(_ it: PageCommand.Purge) throws(Refusal) -> Decided<PurgeReceipt> {
    guard let page = try page(it.target, .deleted) else { throw try notFound(it.target) }
    var effects = Effects()
    effects.set { $0.purgedPage = page }
    return Decided(
      PurgeReceipt(
        versions: page.facts.version - page.thinnedCount, commit: records.writes.writingPlace), effects)
  }

  // MARK: answers

  private func changed(
    _ view: PageView, rebased: Bool = false, _ effects: Effects
  ) -> Decided<PageReceipt> {
    let receipt = PageReceipt(
      view: view, replayed: false, rebased: rebased, commit: records.writes.writingPlace)
    var decided = Decided(receipt, effects)
    decided.pageByteCount = view.replyByteCount
    return decided
  }

  private func replayed(_ view: PageView, rebased: Bool = false) -> Decided<PageReceipt> {
    var decided = Decided(
      PageReceipt(view: view, replayed: true, rebased: rebased, commit: records.writes.restingPlace))
    decided.pageByteCount = view.replyByteCount
    return decided
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
  var isAutosave = false
}

extension StoredVersion {
  var state: PageState {
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

extension Effects {
  /// One page is changed.
  fileprivate init(page: PageEffect) {
    self.init()
    set { $0.pages = [page] }
  }
}
