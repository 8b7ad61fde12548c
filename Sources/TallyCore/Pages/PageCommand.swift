// What a caller may ask of pages and media.
//
// Invariants:
// 1. A command that names a page or a medium by id is narrowed to its acting user's; another user's is not
//    found.
//
// Values, owned by nobody.

/// A page by its id, as the caller may see it.
public struct PageTarget: Sendable, Equatable {
  public var pageId: String
  /// A page of another user is not found; nil may touch any.
  public var actingUserId: String?
  /// What does not fit into a reply of this size is refused, not applied.
  public var maximumReplyByteCount: Int

  public init(pageId: String, actingUserId: String?, maximumReplyByteCount: Int) {
    self.pageId = pageId
    self.actingUserId = actingUserId
    self.maximumReplyByteCount = maximumReplyByteCount
  }
}

/// One operation of a patch.
public enum SectionPatch: Sendable, Equatable {
  /// Its id is made when empty. Positions count from 0; negative or beyond the end is at the end.
  case add(PageSection, position: Int32)
  case update(PageSection)
  case move(sectionId: String, position: Int32)
  case remove(sectionId: String)
}

public struct PagePatch: Sendable, Equatable {
  /// In order.
  public var sections: [SectionPatch] = []
  /// nil is unchanged.
  public var title: String?
  public var settings: String?

  public init() {}
}

/// One mutation of pages or media.
public enum PageCommand: Sendable, Equatable {
  case create(Create)
  case save(Save)
  case patch(Patch)
  case restore(Restore)
  case duplicate(Duplicate)
  /// Version zero is the current one.
  case publish(PageTarget, version: Int64)
  case unpublish(PageTarget)
  case delete(PageTarget)
  case undelete(PageTarget)
  case purge(PageTarget)
  case createMedia(Media)
  case deleteMedia(DeleteMedia)

  public struct Create: Sendable, Equatable {
    public var userId: String
    /// Not empty: made before, when the caller named none.
    public var pageId: String
    /// Ids of sections are made when empty.
    public var content: PageContent
    public var author: String
    public var maximumReplyByteCount: Int

    public init(
      userId: String, pageId: String, content: PageContent, author: String, maximumReplyByteCount: Int
    ) {
      self.userId = userId
      self.pageId = pageId
      self.content = content
      self.author = author
      self.maximumReplyByteCount = maximumReplyByteCount
    }
  }

  public struct Save: Sendable, Equatable {
    public var target: PageTarget
    /// nil saves over whatever is there.
    public var expectedVersion: Int64?
    /// Ids of sections are made when empty.
    public var content: PageContent
    public var author: String

    public init(target: PageTarget, expectedVersion: Int64?, content: PageContent, author: String) {
      self.target = target
      self.expectedVersion = expectedVersion
      self.content = content
      self.author = author
    }
  }

  public struct Patch: Sendable, Equatable {
    public var target: PageTarget
    public var expectedVersion: Int64
    public var patch: PagePatch
    public var author: String
    /// Of the request: a version that it has made is found by it.
    public var digest: Digest

    public init(
      target: PageTarget, expectedVersion: Int64, patch: PagePatch, author: String, digest: Digest
    ) {
      self.target = target
      self.expectedVersion = expectedVersion
      self.patch = patch
      self.author = author
      self.digest = digest
    }
  }

  public struct Restore: Sendable, Equatable {
    public var target: PageTarget
    public var version: Int64
    public var expectedVersion: Int64
    public var author: String

    public init(target: PageTarget, version: Int64, expectedVersion: Int64, author: String) {
      self.target = target
      self.version = version
      self.expectedVersion = expectedVersion
      self.author = author
    }
  }

  public struct Duplicate: Sendable, Equatable {
    public var target: PageTarget
    /// Not empty: made before, when the caller named none.
    public var newPageId: String
    /// Of the copy; empty is the original's.
    public var title: String
    public var author: String

    public init(target: PageTarget, newPageId: String, title: String, author: String) {
      self.target = target
      self.newPageId = newPageId
      self.title = title
      self.author = author
    }
  }

  public struct DeleteMedia: Sendable, Equatable {
    public var mediaId: String
    public var actingUserId: String?
    /// Takes it out of the pages that use it.
    public var detaches: Bool
    public var author: String

    public init(mediaId: String, actingUserId: String?, detaches: Bool, author: String) {
      self.mediaId = mediaId
      self.actingUserId = actingUserId
      self.detaches = detaches
      self.author = author
    }
  }
}

/// What became of one that was applied.
public enum PageOutcome: Sendable, Equatable {
  /// - replayed: the page was so already.
  /// - rebased: a patch made from an older version was applied to a newer one.
  case changed(PageView, replayed: Bool, rebased: Bool, commit: CommitPoint)
  /// - versions: how many were removed.
  case purged(versions: Int64, commit: CommitPoint)
  case mediaStored(Media, replayed: Bool, commit: CommitPoint)
  /// - detachedPageIds: pages that it was taken out of, oldest first.
  case mediaDeleted(detachedPageIds: [String], replayed: Bool, commit: CommitPoint)
}
