// What differs between two versions of a page, for people to read.
//
// Invariants:
// 1. Sections that differ stand in the newer order, then those that are gone, in the older one. Taking the
//    removed and moved ones out of the older version and putting the moved and added ones in, each at its
//    newer place in ascending order, gives the newer version's order.
// 2. The work and the length are bounded, whatever the contents.

public struct PageDiff: Sendable, Equatable {
  public enum Change: Sendable, Equatable {
    case added, removed
    /// It is in both, and differs, or stands elsewhere.
    case changed
  }

  public struct Section: Sendable, Equatable {
    public var sectionId: String
    public var change: Change
    /// As few as possible count as moved.
    public var isMoved = false
    /// From 0; nil when it was added.
    public var fromPosition: Int?
    /// nil when it was removed.
    public var toPosition: Int?
    /// Empty where there is none.
    public var fromKind = ""
    public var toKind = ""
    public var hasOtherImages = false
    /// nil when it is the same.
    public var content: TextDiff?
  }

  /// nil when it is the same.
  public private(set) var title: TextDiff?
  public private(set) var settings: TextDiff?
  public private(set) var sections: [Section] = []

  /// Steps that all its texts' comparisons may take: some 50 ms. To find a mebibyte's words takes longer.
  static let work = 4_000_000
  private var workLeft = PageDiff.work
  private var bytesLeft: Int

  /// - Parameter maximumByteCount: texts that would make its encoding longer are left out.
  public init(from older: PageContent, to newer: PageContent, maximumByteCount: Int) {
    bytesLeft = maximumByteCount - 64
    title = compare(older.title, newer.title)
    settings = compare(older.settings, newer.settings)
    let (before, after) = (PageRules.places(older), PageRules.places(newer))
    let kept = newer.sections.compactMap { before[ExactText($0.sectionId)] }
    let inOrder = Set(PageRules.longestIncreasing(kept))
    // What is not text fits: there are few sections, and their ids and kinds are short.
    bytesLeft -= (older.sections + newer.sections).reduce(0) {
      $0 + 64 + $1.sectionId.utf8.count + $1.kind.utf8.count
    }
    for (position, section) in newer.sections.enumerated() {
      let place = before[ExactText(section.sectionId)]
      let old = place.map { older.sections[$0] }
      let isMoved = place.map { !inOrder.contains($0) } ?? false
      if old == section, !isMoved { continue }
      add(old, place, section, position, isMoved: isMoved)
    }
    for (place, section) in older.sections.enumerated() where after[ExactText(section.sectionId)] == nil {
      add(section, place, nil, nil, isMoved: false)
    }
  }

  private mutating func add(
    _ old: PageSection?, _ fromPosition: Int?, _ new: PageSection?, _ toPosition: Int?, isMoved: Bool
  ) {
    var section = Section(
      sectionId: (new ?? old)?.sectionId ?? "",
      change: old == nil ? .added : new == nil ? .removed : .changed,
      isMoved: isMoved, fromPosition: fromPosition, toPosition: toPosition)
    section.fromKind = old?.kind ?? ""
    section.toKind = new?.kind ?? ""
    if let old, let new {
      section.hasOtherImages =
        !old.firstMediaId.isExactly(new.firstMediaId) || !old.secondMediaId.isExactly(new.secondMediaId)
    }
    section.content = compare(old?.content ?? "", new?.content ?? "")
    sections.append(section)
  }

  private mutating func compare(_ older: String, _ newer: String) -> TextDiff? {
    if older.isExactly(newer) { return nil }
    // Whatever is alike, the pieces have the longer of both texts.
    guard max(older.utf8.count, newer.utf8.count) <= bytesLeft else { return TextDiff(leftOut: ()) }
    let diff = TextDiff(from: older, to: newer, work: &workLeft)
    guard diff.byteCount <= bytesLeft else { return TextDiff(leftOut: ()) }
    bytesLeft -= diff.byteCount
    return diff
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.title == right.title && left.settings == right.settings && left.sections == right.sections
  }
}

/// Two versions of a page.
public struct VersionPair: Sendable, Equatable {
  public var fromVersion: Int64
  public var toVersion: Int64
  public var from: PageContent
  public var to: PageContent

  package init(from: StoredVersion, to: StoredVersion) {
    (fromVersion, self.from) = (from.version, from.content)
    (toVersion, self.to) = (to.version, to.content)
  }
}
