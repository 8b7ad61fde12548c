// Pages and media as values.
//
// Invariants:
// 1. Whether content is the same is told by its bytes (`PageSection`, `PageContent`): `==` of Swift's texts
//    would take an edit of a letter's composition for no edit.

/// What pages and their parts are held to, whatever the wire allows.
public enum PageLimits {
  public static let sectionCount = 256
  /// Of a section's content, in bytes.
  public static let contentByteCount = 65_536
  /// Of all that a version holds, by `PageContent.byteCount`.
  public static let pageByteCount = 1_048_576
  /// Pages that one commit takes a medium out of, and the bytes that they hold together; a page that holds
  /// more goes alone.
  public static let detachedPageCount = 256
  public static let detachedByteCount = 33_554_432
  /// Pages that a medium is yet to be taken out of are counted up to here.
  public static let countedPageCount = 10_000
  /// Versions of a page that one transaction removes.
  public static let purgedVersionCount = 16
  /// Autosaves that one transaction removes, and of one page how many it looks at. Of those that are older
  /// than an hour a page keeps no more than 31 of days and 25 of hours, so that never all it looks at stays.
  public static let thinnedVersionCount = 16
  public static let scannedAutosaveCount = 128
  /// Newest versions of a page among which the one that a retried patch has made is looked for by its
  /// content, when they are from before a version kept its request's digest. Each costs the writer up to 5
  /// ms.
  public static let comparedVersionCount: Int64 = 4
  public static let slugByteCount = 255
  /// Of one search.
  public static let queryByteCount = 1_024
  public static let queryWordCount = 32
  /// What one search may take of the processor's time.
  package static let searchProcessorNanoseconds: Int64 = 5_000_000_000
  public static let matchCount = 100
  public static let defaultMatchCount = 20
  /// Of texts that one search looks at for excerpts.
  public static let excerptedByteCount = 4_194_304
  /// Ids that a refusal names.
  public static let namedIdCount = 50
}

/// A section as it is stored: media by their ids.
public struct PageSection: Sendable {
  /// Unique in its page; empty only in what a caller sends.
  public var sectionId: String
  public var kind: String
  public var content: String
  /// Empty for none.
  public var firstMediaId: String
  public var secondMediaId: String

  public init(
    sectionId: String, kind: String, content: String = "", firstMediaId: String = "",
    secondMediaId: String = ""
  ) {
    self.sectionId = sectionId
    self.kind = kind
    self.content = content
    self.firstMediaId = firstMediaId
    self.secondMediaId = secondMediaId
  }

}

extension PageSection: Equatable {
  public static func == (left: Self, right: Self) -> Bool {
    left.sectionId.isExactly(right.sectionId) && left.kind.isExactly(right.kind)
      && left.firstMediaId.isExactly(right.firstMediaId) && left.secondMediaId.isExactly(right.secondMediaId)
      && left.content.isExactly(right.content)
  }
}

/// All that a version of a page holds.
public struct PageContent: Sendable {
  public var title: String
  public var settings: String
  /// In order.
  public var sections: [PageSection]

  public init(title: String = "", settings: String = "", sections: [PageSection] = []) {
    self.title = title
    self.settings = settings
    self.sections = sections
  }

  /// Without ids, which may be made and media taken out when the rest stays.
  var byteCount: Int {
    sections.reduce(title.utf8.count + settings.utf8.count) {
      $0 + $1.kind.utf8.count + $1.content.utf8.count
    }
  }

  /// - Throws: `invalidField`, naming `field`, when it is beyond what a version may hold.
  public func check(field: String) throws(Refusal) { try PageRules.check(self, field: field) }

  /// Of all media that its sections name, each once.
  package var mediaIds: Set<ExactText> {
    var ids: Set<ExactText> = []
    for section in sections {
      if !section.firstMediaId.isEmpty { ids.insert(ExactText(section.firstMediaId)) }
      if !section.secondMediaId.isEmpty { ids.insert(ExactText(section.secondMediaId)) }
    }
    return ids
  }
}

extension PageContent: Equatable {
  public static func == (left: Self, right: Self) -> Bool {
    left.title.isExactly(right.title) && left.settings.isExactly(right.settings)
      && left.sections == right.sections
  }
}

/// When a version of a page is to be published.
public struct PublishSchedule: Sendable, Equatable {
  public var version: Int64
  public var atMicros: Int64

  package init(version: Int64, atMicros: Int64) {
    self.version = version
    self.atMicros = atMicros
  }
}

/// What is known of a page beside its sections, with one version's title and settings.
public struct PageFacts: Sendable, Equatable {
  public var pageId: String
  public var userId: String
  public var title = ""
  public var settings = ""
  /// Of the content shown here.
  public var version: Int64 = 1
  public var author = ""
  public var createdAtMicros: Int64 = 0
  /// When this version was made.
  public var updatedAtMicros: Int64 = 0
  public var currentVersion: Int64 = 1
  public var publishedVersion: Int64?
  public var deletedAtMicros: Int64?
  public var sectionCount = 0
  /// Unique among the user's pages that are not purged; nil for none.
  public var slug: String?
  /// nil for none.
  public var schedule: PublishSchedule?
  /// Whether the version shown here was made by an autosave, and is not kept for ever.
  public var isAutosave = false

  public init(pageId: String, userId: String) {
    self.pageId = pageId
    self.userId = userId
  }

  package var isDeleted: Bool { deletedAtMicros != nil }

  /// What was due until now has happened, whether or not it was written so.
  package mutating func settle(nowMicros: Int64) {
    guard let due = schedule, due.atMicros <= nowMicros else { return }
    publishedVersion = due.version
    schedule = nil
  }
}

/// A section as it is shown: with its images.
public struct SectionView: Sendable, Equatable {
  public var sectionId: String
  public var kind: String
  public var content: String
  /// nil for none, and for media that were deleted since.
  public var firstImage: Media?
  public var secondImage: Media?

  public init(sectionId: String, kind: String, content: String, firstImage: Media?, secondImage: Media?) {
    self.sectionId = sectionId
    self.kind = kind
    self.content = content
    self.firstImage = firstImage
    self.secondImage = secondImage
  }
}

/// A page with one version's sections, in order.
public struct PageView: Sendable, Equatable {
  public var facts: PageFacts
  public var sections: [SectionView]

  public init(facts: PageFacts, sections: [SectionView]) {
    self.facts = facts
    self.sections = sections
  }

  /// - Parameter media: those that are live, by id; what is not among them is not shown.
  package init(facts: PageFacts, _ sections: [PageSection], media: [ExactText: Media]) {
    self.facts = facts
    self.sections = sections.map { section in
      SectionView(
        sectionId: section.sectionId, kind: section.kind, content: section.content,
        firstImage: media[ExactText(section.firstMediaId)],
        secondImage: media[ExactText(section.secondMediaId)])
    }
  }

  /// Not less than its encoding in a reply: every number at its longest.
  package var replyByteCount: Int {
    sections.reduce(296 + facts.byteCount) { total, section in
      total + 32 + section.sectionId.utf8.count + section.kind.utf8.count + section.content.utf8.count
        + (section.firstImage?.replyByteCount ?? 0) + (section.secondImage?.replyByteCount ?? 0)
    }
  }
}

extension PageFacts {
  fileprivate var byteCount: Int {
    pageId.utf8.count + userId.utf8.count + title.utf8.count + settings.utf8.count + author.utf8.count
      + (slug?.utf8.count ?? 0)
  }

  /// Not less than its encoding in a list: every number at its longest.
  package var listedByteCount: Int { 200 + byteCount }
}
