// Pages, their versions and media as they are stored.
//
// Invariants:
// 1. What a version holds is never changed; it goes with its page, or when autosaves are thinned.

/// A page's row. Its facts show the current version.
package struct StoredPage {
  package var id: Int64
  package var account: Int64
  package var facts: PageFacts
  /// The id of the page that it was made a copy of.
  package var copiedFrom: String?
  /// Before it no autosave of the page goes; nil: none ever will, as long as no version is made.
  package var thinAtMicros: Int64?
  /// Versions that went.
  package var thinnedCount: Int64 = 0

  package init(id: Int64, account: Int64, facts: PageFacts, copiedFrom: String? = nil) {
    self.id = id
    self.account = account
    self.facts = facts
    self.copiedFrom = copiedFrom
  }
}

extension StoredPage {
  /// The page with what was due until now.
  package func settled(nowMicros: Int64) -> StoredPage {
    var page = self
    page.facts.settle(nowMicros: nowMicros)
    return page
  }

  /// Has an autosave of this time looked at when it may go.
  mutating func thin(autosaveOf atMicros: Int64) {
    let endMicros = AutosaveThinning.earliestEndMicros(of: atMicros)
    thinAtMicros = min(thinAtMicros ?? Int64.max, endMicros)
  }
}

package struct StoredVersion {
  package var version: Int64
  /// The version that it was made from, as its maker named it; zero for the first.
  package var baseVersion: Int64
  package var author: String
  package var atMicros: Int64
  package var content: PageContent
  /// Of the patch that made it; not read back.
  package var digest: Digest?
  package var isAutosave: Bool

  package init(
    version: Int64, baseVersion: Int64, author: String, atMicros: Int64, content: PageContent,
    digest: Digest? = nil, isAutosave: Bool = false
  ) {
    self.version = version
    self.baseVersion = baseVersion
    self.author = author
    self.atMicros = atMicros
    self.content = content
    self.digest = digest
    self.isAutosave = isAutosave
  }

  /// A page's facts with this version's in place of the current one's.
  package func facts(of page: StoredPage) -> PageFacts {
    var facts = page.facts
    facts.title = content.title
    facts.settings = content.settings
    facts.version = version
    facts.author = author
    facts.updatedAtMicros = atMicros
    facts.sectionCount = content.sections.count
    facts.isAutosave = isAutosave
    return facts
  }
}

/// A medium and its row.
package struct StoredMedia {
  package var id: Int64
  package var account: Int64
  package var media: Media
  /// It is deleted, and is yet to be taken out of pages, by versions of this author; nil otherwise.
  package var detachingAuthor: String?

  package init(id: Int64, account: Int64, media: Media, detachingAuthor: String? = nil) {
    self.id = id
    self.account = account
    self.media = media
    self.detachingAuthor = detachingAuthor
  }
}
