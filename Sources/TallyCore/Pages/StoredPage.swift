// Pages, their versions and media as they are stored.
//
// Invariants:
// 1. A version is never changed; it goes with its page.

/// A page's row. Its facts show the current version.
struct StoredPage {
  var id: Int64
  var account: Int64
  var facts: PageFacts
  /// The id of the page that it was made a copy of.
  var copiedFrom: String?
}

struct StoredVersion {
  var version: Int64
  /// The version that it was made from, as its maker named it; zero for the first.
  var baseVersion: Int64
  var author: String
  var atMicros: Int64
  var content: PageContent
  /// Of the patch that made it; not read back.
  var digest: Digest?

  /// A page's facts with this version's in place of the current one's.
  func facts(of page: StoredPage) -> PageFacts {
    var facts = page.facts
    facts.title = content.title
    facts.settings = content.settings
    facts.version = version
    facts.author = author
    facts.updatedAtMicros = atMicros
    facts.sectionCount = content.sections.count
    return facts
  }
}

/// A medium and its row.
struct StoredMedia {
  var id: Int64
  var account: Int64
  var media: Media
}
