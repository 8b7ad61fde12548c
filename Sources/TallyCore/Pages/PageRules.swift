// What becomes of a page's content: pure rules, asked by the writer.
//
// Invariants:
// 1. A version's sections have ids, each once, and are within `PageLimits`.
// 2. The same command on the same page gives the same content: ids that are made come from the version and
//    the place in the request, so that a retry makes them again.
// 3. Content that is there already makes no version. A call that made the current version from the version
//    it names is a replay, a patch also when it made an earlier one; another made from an older version is a
//    conflict, unless it is a patch and nothing that it names was changed since.

/// A page's current version, as rules see it.
struct PageState {
  package var version: Int64
  /// The version that the current one was made from, as its maker named it; zero for the first.
  package var baseVersion: Int64
  package var content: PageContent
}

enum PageDecision: Equatable {
  /// The content is there already.
  case unchanged(rebased: Bool)
  /// The next version's content.
  case changed(PageContent, rebased: Bool)
  case conflict
}

/// What tells two contents apart.
struct PageDifference: Equatable {
  /// Sections that were added, changed or moved, in the newer order, then those removed, in the older.
  var sectionIds: [String] = []
  var title = false
  package var settings = false
}

package enum PageRules {
  // MARK: ids

  /// The same content with ids for the sections that have none.
  /// - Parameter version: that the content is to be.
  static func named(_ content: PageContent, version: Int64) -> PageContent {
    guard content.sections.contains(where: { $0.sectionId.isEmpty }) else { return content }
    var content = content
    var taken = Set(content.sections.map { ExactText($0.sectionId) })
    for index in content.sections.indices where content.sections[index].sectionId.isEmpty {
      content.sections[index].sectionId = madeId(version: version, index: index, &taken)
    }
    return content
  }

  /// An id that none of the sections has.
  static func madeId(version: Int64, index: Int, in sections: [PageSection]) -> String {
    var taken = Set(sections.map { ExactText($0.sectionId) })
    return madeId(version: version, index: index, &taken)
  }

  /// An id that is not taken; then it is.
  private static func madeId(version: Int64, index: Int, _ taken: inout Set<ExactText>) -> String {
    let id = "section-\(version)-\(index)"
    if taken.insert(ExactText(id)).inserted { return id }
    // Somebody gave such an id by hand. One of `count + 1` further ones is free.
    var suffix = 1
    while !taken.insert(ExactText("\(id)-\(suffix)")).inserted { suffix += 1 }
    return "\(id)-\(suffix)"
  }

  /// Whether a text may be a slug, whatever its length: parts of a to z, 0 to 9 and '-', divided by '/', each
  /// of which begins and ends with a letter or a digit.
  package static func isSlug(_ text: String) -> Bool {
    func isInner(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    return text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
      part in
      guard let first = part.first, let last = part.last else { return false }
      return isInner(first) && isInner(last) && part.allSatisfy { isInner($0) || $0 == UInt8(ascii: "-") }
    }
  }

  // MARK: what a call does

  /// - Parameter content: ids may be empty.
  static func save(_ content: PageContent, expectedVersion: Int64?, over state: PageState) -> PageDecision {
    let (expects, isForced) = (expectedVersion ?? state.version, expectedVersion == nil)
    let isCurrent = expects == state.version
    // As the call that made the current version would have named them.
    if isForced || isCurrent || state.baseVersion == expects,
      named(content, version: state.version) == state.content
    {
      return .unchanged(rebased: false)
    }
    guard isCurrent else { return .conflict }
    return .changed(named(content, version: state.version + 1), rebased: false)
  }

  /// What one that is no replay does.
  /// - Parameter base: the content of the version that the patch was made from; nil when there is none such.
  static func patch(
    _ patch: PagePatch, expectedVersion: Int64, over state: PageState, base: PageContent?
  ) throws(Refusal) -> PageDecision {
    let rebased = expectedVersion != state.version
    if rebased {
      guard let base, expectedVersion < state.version, isDisjoint(patch, from: base, to: state.content) else {
        return .conflict
      }
    }
    let next = try apply(patch, to: state.content, version: state.version + 1)
    if next == state.content { return .unchanged(rebased: rebased) }
    try check(next, field: "patches")
    return .changed(next, rebased: rebased)
  }

  /// Content without a medium.
  static func detached(_ content: PageContent, mediaId: String) -> PageContent {
    var content = content
    for index in content.sections.indices {
      if content.sections[index].firstMediaId.isExactly(mediaId) { content.sections[index].firstMediaId = "" }
      if content.sections[index].secondMediaId.isExactly(mediaId) {
        content.sections[index].secondMediaId = ""
      }
    }
    return content
  }

  /// Content without media that are gone.
  /// - Parameter live: of all that it names, those that are there.
  static func withoutMissing(_ content: PageContent, live: [ExactText: some Any]) -> PageContent {
    detached(content, mediaIds: content.mediaIds.filter { live[$0] == nil })
  }

  /// Content without some media.
  static func detached(_ content: PageContent, mediaIds: Set<ExactText>) -> PageContent {
    mediaIds.reduce(content) { detached($0, mediaId: $1.text) }
  }

  // MARK: limits

  /// - Throws: `invalidField`, naming `field`, when the content is beyond what a version may hold.
  static func check(_ content: PageContent, field: String) throws(Refusal) {
    if content.sections.count > PageLimits.sectionCount {
      throw tooMuch(field, "would make \(content.sections.count) sections", PageLimits.sectionCount)
    }
    let byteCount = content.byteCount
    if byteCount > PageLimits.pageByteCount {
      throw tooMuch(field, "would make a page of \(byteCount) bytes", PageLimits.pageByteCount)
    }
  }

  /// - Throws: `invalidField` when the page does not fit into a reply.
  static func check(_ view: PageView, maximumReplyByteCount limit: Int, field: String) throws(Refusal) {
    let byteCount = view.replyByteCount
    if byteCount > limit { throw tooMuch(field, "would make a reply of \(byteCount) bytes", limit) }
  }

  private static func tooMuch(_ field: String, _ problem: String, _ limit: Int) -> Refusal {
    Refusal(
      .invalidField, "\(field) \(problem); the limit is \(limit)",
      details: ["field": field, "limit": String(limit)])
  }
}
