// What has become of a page, for whoever follows pages.
//
// Invariants:
// 1. Every change of a page gets the next number. Of each page of a user only the last change is kept, so
//    that numbers that are kept have gaps; a page that is gone for good keeps its last one.

/// Numbers are the wire's and the disk's; never reused.
public enum PageUpdateKind: Int32, Sendable, CaseIterable {
  case created = 1
  case saved = 2
  case published = 3
  case unpublished = 4
  case scheduled = 5
  case scheduleCancelled = 6
  case slugChanged = 7
  case deleted = 8
  case undeleted = 9
  case purged = 10
}

public struct PageUpdate: Sendable, Equatable {
  public var number: Int64 = 0
  public var kind: PageUpdateKind
  public var pageId: String
  public var userId: String
  /// The page with this change; one that is read later, as it is then. nil when it is gone for good.
  public var facts: PageFacts?
  public var atMicros: Int64
  public var commit = CommitPoint(sequence: 0, position: 0)

  package init(kind: PageUpdateKind, pageId: String, userId: String, facts: PageFacts?, atMicros: Int64) {
    self.kind = kind
    self.pageId = pageId
    self.userId = userId
    self.facts = facts
    self.atMicros = atMicros
  }
}
