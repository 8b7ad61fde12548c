// What pages and media should be, in the plainest way: arrays in memory, changed one command at a time.
//
// Invariants:
// 1. Nothing here is shared with what is tested, but for values.
//
// Values; lives for one run.

import TallyCore

struct PageModel {
  struct Version {
    var content: PageContent
    var base: Int64
    /// Of the patch that made it.
    var digest: Digest?
    var author: String
    var atMicros: Int64
    var isAutosave = false
    /// It was thinned.
    var isGone = false
  }

  struct Entry {
    var pageId: String
    var userId: String
    /// Version n is at n - 1.
    var versions: [Version]
    var published: Int64?
    var deletedAtMicros: Int64?
    var copiedFrom: String?
    var slug: String?
    var schedule: PublishSchedule?

    var current: Int64 { Int64(versions.count) }
    var content: PageContent { versions[versions.count - 1].content }

    func has(_ version: Int64) -> Bool {
      version > 0 && version <= current && !versions[Int(version) - 1].isGone
    }
  }

  enum Expected: Equatable {
    case changed(PageView, replayed: Bool, rebased: Bool)
    case purged(Int64)
    case media(Media, replayed: Bool)
    case mediaDeleted([String], left: Int, replayed: Bool)
    case refused(Reason)
  }

  /// Oldest first.
  var pages: [Entry] = []
  var media: [Media] = []
  /// Deleted media that are yet to be taken out of pages, with the author of the versions that do it.
  var detaching: [String: String] = [:]
  /// Pages that a call takes a medium out of; the sweep goes on with the others.
  static let detachedPages = 1
  var nowMicros: Int64 = 0 {
    didSet { for index in pages.indices { publishDue(index) } }
  }
  var pageLimit: Int?
  /// Autosaves that were saved as they are, and that went.
  private(set) var keptCount = 0
  var thinnedCount = 0
  /// Edits that named media that were being taken out of the page, pages that the sweep has taken them out
  /// of, and saves that were sent again after such an edit.
  private(set) var carriedCount = 0
  var detachedCount = 0
  private(set) var carriedAgainCount = 0

  // MARK: what is asked

  func index(_ pageId: String, _ acting: String?, deleted: Bool? = false) -> Int? {
    pages.firstIndex {
      $0.pageId == pageId && (acting == nil || acting == $0.userId)
        && (deleted == nil || deleted == ($0.deletedAtMicros != nil))
    }
  }

  func view(_ page: Entry, _ number: Int64) -> PageView {
    let version = page.versions[Int(number) - 1]
    var facts = PageFacts(pageId: page.pageId, userId: page.userId)
    facts.title = version.content.title
    facts.settings = version.content.settings
    facts.version = number
    facts.author = version.author
    facts.createdAtMicros = page.versions[0].atMicros
    facts.updatedAtMicros = version.atMicros
    facts.currentVersion = page.current
    facts.publishedVersion = page.published
    facts.deletedAtMicros = page.deletedAtMicros
    facts.sectionCount = version.content.sections.count
    facts.slug = page.slug
    facts.schedule = page.schedule
    facts.isAutosave = version.isAutosave
    return PageView(
      facts: facts,
      sections: version.content.sections.map {
        SectionView(
          sectionId: $0.sectionId, kind: $0.kind, content: $0.content,
          firstImage: live($0.firstMediaId, page.userId), secondImage: live($0.secondMediaId, page.userId))
      })
  }

  func live(_ mediaId: String, _ userId: String) -> Media? {
    media.first { $0.mediaId == mediaId && $0.userId == userId && $0.deletedAtMicros == nil }
  }

  static func mediaIds(_ content: PageContent) -> Set<String> {
    Set(content.sections.flatMap { [$0.firstMediaId, $0.secondMediaId] }).subtracting([""])
  }

  /// Media that a content names although they are not there.
  private func dead(_ content: PageContent, _ userId: String) -> Set<String> {
    Self.mediaIds(content).filter { live($0, userId) == nil }
  }

  /// Media that are being taken out of a page are still in it.
  func namesGone(_ page: Entry) -> Bool { !dead(page.content, page.userId).isEmpty }

  private func isMissing(_ content: PageContent, _ userId: String, but carried: Set<String> = []) -> Bool {
    !dead(content, userId).isSubset(of: carried)
  }

  static func without(_ mediaIds: Set<String>, _ content: PageContent) -> PageContent {
    var content = content
    for place in content.sections.indices {
      if mediaIds.contains(content.sections[place].firstMediaId) { content.sections[place].firstMediaId = "" }
      if mediaIds.contains(content.sections[place].secondMediaId) {
        content.sections[place].secondMediaId = ""
      }
    }
    return content
  }

  private func isFull(_ userId: String) -> Bool {
    guard let pageLimit else { return false }
    return pages.filter { $0.userId == userId && $0.deletedAtMicros == nil }.count >= pageLimit
  }

  // MARK: what is done

  mutating func decide(_ command: PageCommand) -> Expected {
    switch command {
    case .create(let it): create(it)
    case .save(let it): save(it)
    case .patch(let it): patch(it)
    case .restore(let it): restore(it)
    case .duplicate(let it): duplicate(it)
    case .publish(let target, let version): publish(target, version)
    case .unpublish(let target): change(target) { $0.published = nil }
    case .setSlug(let target, let slug): setSlug(target, slug)
    case .schedule(let target, let version, let atMicros): schedule(target, version, atMicros)
    case .cancelSchedule(let target): change(target) { $0.schedule = nil }
    case .delete(let target):
      change(target, deleted: nil) { [nowMicros] in $0.deletedAtMicros = $0.deletedAtMicros ?? nowMicros }
    case .undelete(let target): undelete(target)
    case .purge(let target): purge(target)
    case .createMedia(let media): create(media)
    case .deleteMedia(let it): delete(it)
    }
  }

  private mutating func make(
    _ pageId: String, _ userId: String, _ content: PageContent, _ author: String, from: String? = nil,
    slug: String? = nil
  ) -> Expected {
    if isFull(userId) { return .refused(.quotaExceeded) }
    let first = Version(content: content, base: 0, author: author, atMicros: nowMicros)
    let page = Entry(pageId: pageId, userId: userId, versions: [first], copiedFrom: from, slug: slug)
    pages.append(page)
    return .changed(view(page, 1), replayed: false, rebased: false)
  }

  private mutating func create(_ it: PageCommand.Create) -> Expected {
    let content = Self.named(it.content, 1)
    let known = index(it.pageId, nil, deleted: nil).map { pages[$0] }
    if let known, known.userId == it.userId, known.versions[0].content == content {
      return .changed(view(known, 1), replayed: true, rebased: false)
    }
    if isMissing(content, it.userId) { return .refused(.mediaNotFound) }
    if known != nil { return .refused(.idempotencyMismatch) }
    if isTaken(it.slug, it.userId, by: it.pageId) { return .refused(.slugTaken) }
    return make(it.pageId, it.userId, content, it.author, slug: it.slug)
  }

  private mutating func duplicate(_ it: PageCommand.Duplicate) -> Expected {
    guard let index = index(it.target.pageId, it.target.actingUserId) else { return .refused(.pageNotFound) }
    let source = pages[index]
    var content = Self.without(dead(source.content, source.userId), source.content)
    if !it.title.isEmpty { content.title = it.title }
    if let known = self.index(it.newPageId, nil, deleted: nil).map({ pages[$0] }) {
      let first = known.versions[0].content
      let isCopy = known.copiedFrom == source.pageId && (it.title.isEmpty || it.title == first.title)
      guard known.userId == source.userId, isCopy || first == content else {
        return .refused(.idempotencyMismatch)
      }
      return .changed(view(known, 1), replayed: true, rebased: false)
    }
    return make(it.newPageId, source.userId, content, it.author, from: source.pageId)
  }

  /// The next version of a page.
  mutating func advance(
    _ index: Int, _ content: PageContent, base: Int64, author: String, digest: Digest? = nil,
    rebased: Bool = false, isAutosave: Bool = false
  ) -> Expected {
    pages[index].versions.append(
      Version(
        content: content, base: base, digest: digest, author: author, atMicros: nowMicros,
        isAutosave: isAutosave))
    return .changed(view(pages[index], pages[index].current), replayed: false, rebased: rebased)
  }

  private mutating func save(_ it: PageCommand.Save) -> Expected {
    guard let index = index(it.target.pageId, it.target.actingUserId) else { return .refused(.pageNotFound) }
    return put(index, it.content, it.expectedVersion, it.author, isAutosave: it.isAutosave)
  }

  /// The content is there: of an autosave's it is saved now.
  private mutating func unchanged(_ index: Int, isAutosave: Bool = false, rebased: Bool = false) -> Expected {
    let place = pages[index].versions.count - 1
    let isKept = pages[index].versions[place].isAutosave && !isAutosave
    if isKept {
      pages[index].versions[place].isAutosave = false
      keptCount += 1
    }
    return .changed(view(pages[index], pages[index].current), replayed: !isKept, rebased: rebased)
  }

  private mutating func put(
    _ index: Int, _ content: PageContent, _ expected: Int64?, _ author: String, isAutosave: Bool = false
  ) -> Expected {
    let page = pages[index]
    let made = page.versions[page.versions.count - 1].base
    if expected == nil || expected == page.current || expected == made,
      Self.named(content, page.current) == page.content
    {
      return unchanged(index, isAutosave: isAutosave)
    }
    if expected == nil || expected == made, page.has(made) {
      let gone = dead(content, page.userId)
      if gone.isSubset(of: Self.mediaIds(page.versions[Int(made) - 1].content)),
        Self.named(Self.without(gone, content), page.current) == page.content
      {
        carriedAgainCount += 1
        return unchanged(index, isAutosave: isAutosave)
      }
    }
    let carried = dead(page.content, page.userId)
    if isMissing(content, page.userId, but: carried) { return .refused(.mediaNotFound) }
    if let expected, expected != page.current { return .refused(.versionConflict) }
    if !carried.isDisjoint(with: Self.mediaIds(content)) { carriedCount += 1 }
    return advance(
      index, Self.named(Self.without(carried, content), page.current + 1), base: expected ?? page.current,
      author: author, isAutosave: isAutosave)
  }

  private mutating func restore(_ it: PageCommand.Restore) -> Expected {
    guard let index = index(it.target.pageId, it.target.actingUserId) else { return .refused(.pageNotFound) }
    let page = pages[index]
    guard page.has(it.version) else { return .refused(.versionNotFound) }
    let old = page.versions[Int(it.version) - 1].content
    let content = Self.without(dead(old, page.userId), old)
    return put(index, content, it.expectedVersion, it.author)
  }

  // MARK: patches

  private mutating func patch(_ it: PageCommand.Patch) -> Expected {
    guard let index = index(it.target.pageId, it.target.actingUserId) else { return .refused(.pageNotFound) }
    let page = pages[index]
    let (current, expected) = (page.current, it.expectedVersion)
    if expected < current, let place = page.versions.lastIndex(where: { $0.digest == it.digest }) {
      let number = Int64(place) + 1
      return .changed(view(page, number), replayed: true, rebased: expected != number - 1)
    }
    let named = PageContent(
      sections: it.patch.sections.compactMap {
        switch $0 {
        case .add(let section, _), .update(let section): section
        case .move, .remove: nil
        }
      })
    let carried = dead(page.content, page.userId)
    let isMissing = isMissing(named, page.userId, but: carried)
    if expected > current || (expected < current && isTouched(it.patch, page, expected)) {
      return .refused(isMissing ? .mediaNotFound : .versionConflict)
    }
    switch Self.apply(it.patch, page.content, current + 1) {
    case .failure(let failure): return .refused(isMissing ? .mediaNotFound : failure.reason)
    case .success(let next) where next == page.content:
      return unchanged(index, rebased: expected != current)
    case .success(let next):
      if isMissing { return .refused(.mediaNotFound) }
      if !carried.isDisjoint(with: Self.mediaIds(next)) { carriedCount += 1 }
      return advance(
        index, Self.without(carried, next), base: expected, author: it.author, digest: it.digest,
        rebased: expected != current)
    }
  }

  private func isTouched(_ patch: PagePatch, _ page: Entry, _ base: Int64) -> Bool {
    if !page.has(base) { return true }
    let (old, new) = (page.versions[Int(base) - 1].content, page.content)
    if patch.title != nil && Array(old.title.utf8) != Array(new.title.utf8) { return true }
    if patch.settings != nil && Array(old.settings.utf8) != Array(new.settings.utf8) { return true }
    func order(_ one: PageContent, in other: PageContent) -> [String] {
      one.sections.map(\.sectionId).filter { id in other.sections.contains { $0.sectionId == id } }
    }
    let isReordered = order(old, in: new) != order(new, in: old)
    return patch.sections.contains {
      let (id, isPlaced) =
        switch $0 {
        case .add(let section, _): (section.sectionId, true)
        case .move(let id, _): (id, true)
        case .update(let section): (section.sectionId, false)
        case .remove(let id): (id, false)
        }
      let before = old.sections.first { $0.sectionId == id }
      if before != new.sections.first(where: { $0.sectionId == id }) { return true }
      if case .move = $0, isReordered { return true }
      return isPlaced && isReordered && before != nil
    }
  }

  private struct Failure: Error {
    var reason: Reason
  }

  private static func apply(
    _ patch: PagePatch, _ content: PageContent, _ version: Int64
  ) -> Result<PageContent, Failure> {
    var content = content
    content.title = patch.title ?? content.title
    content.settings = patch.settings ?? content.settings
    for (number, operation) in patch.sections.enumerated() {
      var ids: [String] { content.sections.map(\.sectionId) }
      func put(_ section: PageSection, _ position: Int32) {
        let end = content.sections.count
        content.sections.insert(section, at: position < 0 ? end : min(Int(position), end))
      }
      switch operation {
      case .add(var section, let position):
        if section.sectionId.isEmpty { section.sectionId = "section-\(version)-\(number)" }
        if ids.contains(section.sectionId) { return .failure(Failure(reason: .duplicateSection)) }
        put(section, position)
      case .update(let section):
        guard let place = ids.firstIndex(of: section.sectionId) else { return unknown }
        content.sections[place] = section
      case .move(let id, let position):
        guard let place = ids.firstIndex(of: id) else { return unknown }
        put(content.sections.remove(at: place), position)
      case .remove(let id):
        guard let place = ids.firstIndex(of: id) else { return unknown }
        content.sections.remove(at: place)
      }
    }
    return .success(content)
  }

  private static var unknown: Result<PageContent, Failure> { .failure(Failure(reason: .invalidField)) }

  private static func named(_ content: PageContent, _ version: Int64) -> PageContent {
    var content = content
    for place in content.sections.indices where content.sections[place].sectionId.isEmpty {
      content.sections[place].sectionId = "section-\(version)-\(place)"
    }
    return content
  }

  // MARK: life

  private mutating func change(
    _ target: PageTarget, deleted: Bool? = false, _ body: (inout Entry) -> Void
  ) -> Expected {
    guard let index = index(target.pageId, target.actingUserId, deleted: deleted) else {
      return .refused(.pageNotFound)
    }
    let before = pages[index]
    body(&pages[index])
    let page = pages[index]
    let isSame =
      before.published == page.published && before.deletedAtMicros == page.deletedAtMicros
      && before.slug == page.slug && before.schedule == page.schedule
    return .changed(view(page, page.current), replayed: isSame, rebased: false)
  }

  private mutating func publish(_ target: PageTarget, _ version: Int64) -> Expected {
    guard let index = index(target.pageId, target.actingUserId) else { return .refused(.pageNotFound) }
    if version != 0 && !pages[index].has(version) { return .refused(.versionNotFound) }
    return change(target) { page in
      let shown = version == 0 ? page.current : version
      page.published = shown
      page.versions[Int(shown) - 1].isAutosave = false
    }
  }

  private mutating func publishDue(_ index: Int) {
    guard let due = pages[index].schedule, due.atMicros <= nowMicros else { return }
    pages[index].published = due.version
    pages[index].schedule = nil
  }

  private mutating func schedule(_ target: PageTarget, _ version: Int64, _ atMicros: Int64) -> Expected {
    guard let index = index(target.pageId, target.actingUserId) else { return .refused(.pageNotFound) }
    if version != 0 && !pages[index].has(version) { return .refused(.versionNotFound) }
    return change(target) { [nowMicros] page in
      let shown = version == 0 ? page.current : version
      page.versions[Int(shown) - 1].isAutosave = false
      if atMicros > nowMicros {
        page.schedule = PublishSchedule(version: shown, atMicros: atMicros)
      } else {
        (page.published, page.schedule) = (shown, nil)
      }
    }
  }

  private func isTaken(_ slug: String?, _ userId: String, by pageId: String) -> Bool {
    slug != nil && pages.contains { $0.slug == slug && $0.userId == userId && $0.pageId != pageId }
  }

  private mutating func setSlug(_ target: PageTarget, _ slug: String?) -> Expected {
    guard let index = index(target.pageId, target.actingUserId) else { return .refused(.pageNotFound) }
    if isTaken(slug, pages[index].userId, by: target.pageId) { return .refused(.slugTaken) }
    return change(target) { $0.slug = slug }
  }

  private mutating func undelete(_ target: PageTarget) -> Expected {
    if let index = index(target.pageId, target.actingUserId, deleted: true), isFull(pages[index].userId) {
      return .refused(.quotaExceeded)
    }
    return change(target, deleted: nil) { $0.deletedAtMicros = nil }
  }

  private mutating func purge(_ target: PageTarget) -> Expected {
    guard let index = index(target.pageId, target.actingUserId, deleted: true) else {
      return .refused(.pageNotFound)
    }
    return .purged(Int64(pages.remove(at: index).versions.filter { !$0.isGone }.count))
  }
}
