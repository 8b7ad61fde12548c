// What a caller may ask of pages and media: one value a method.
//
// Invariants:
// 1. A command that names a page or a medium by id is narrowed to its acting user's; another user's is not
//    found.

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

/// Mutations of pages and media.
public enum PageCommand {
  public struct Create: Sendable, Equatable {
    public var userId: String
    /// Not empty: made before, when the caller named none.
    public var pageId: String
    /// Ids of sections are made when empty.
    public var content: PageContent
    public var author: String
    /// nil for none.
    public var slug: String?
    public var maximumReplyByteCount: Int

    public init(
      userId: String, pageId: String, content: PageContent, author: String, slug: String? = nil,
      maximumReplyByteCount: Int
    ) {
      self.userId = userId
      self.pageId = pageId
      self.content = content
      self.author = author
      self.slug = slug
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
    /// The version that it makes is one of many, and need not be kept.
    public var isAutosave: Bool

    public init(
      target: PageTarget, expectedVersion: Int64?, content: PageContent, author: String,
      isAutosave: Bool = false
    ) {
      self.target = target
      self.expectedVersion = expectedVersion
      self.content = content
      self.author = author
      self.isAutosave = isAutosave
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

  public struct Publish: Sendable, Equatable {
    public var target: PageTarget
    /// Zero is the current one.
    public var version: Int64

    public init(target: PageTarget, version: Int64) {
      self.target = target
      self.version = version
    }
  }

  public struct Unpublish: Sendable, Equatable {
    public var target: PageTarget

    public init(target: PageTarget) { self.target = target }
  }

  public struct Schedule: Sendable, Equatable {
    public var target: PageTarget
    /// Zero is the current one.
    public var version: Int64
    public var atMicros: Int64

    public init(target: PageTarget, version: Int64, atMicros: Int64) {
      self.target = target
      self.version = version
      self.atMicros = atMicros
    }
  }

  public struct CancelSchedule: Sendable, Equatable {
    public var target: PageTarget

    public init(target: PageTarget) { self.target = target }
  }

  public struct SetSlug: Sendable, Equatable {
    public var target: PageTarget
    /// nil takes it away.
    public var slug: String?

    public init(target: PageTarget, slug: String?) {
      self.target = target
      self.slug = slug
    }
  }

  public struct Delete: Sendable, Equatable {
    public var target: PageTarget

    public init(target: PageTarget) { self.target = target }
  }

  public struct Undelete: Sendable, Equatable {
    public var target: PageTarget

    public init(target: PageTarget) { self.target = target }
  }

  /// Removes a deleted page for good.
  public struct Purge: Sendable, Equatable {
    public var target: PageTarget

    public init(target: PageTarget) { self.target = target }
  }

  public struct CreateMedia: Sendable, Equatable {
    public var media: Media

    public init(_ media: Media) { self.media = media }
  }

  public struct DeleteMedia: Sendable, Equatable {
    public var mediaId: String
    public var actingUserId: String?
    /// Takes it out of the pages that use it.
    public var detaches: Bool
    /// Of the versions that this makes.
    public var author: String

    public init(mediaId: String, actingUserId: String?, detaches: Bool, author: String) {
      self.mediaId = mediaId
      self.actingUserId = actingUserId
      self.detaches = detaches
      self.author = author
    }
  }
}

/// What the caller of a command that makes or changes a page gets.
public struct PageReceipt: Sendable, Equatable {
  public var view: PageView
  /// The page was so already.
  public var replayed: Bool
  /// A patch made from an older version was applied to a newer one.
  public var rebased: Bool
  public var commit: CommitPoint

  public init(view: PageView, replayed: Bool, rebased: Bool = false, commit: CommitPoint) {
    self.view = view
    self.replayed = replayed
    self.rebased = rebased
    self.commit = commit
  }
}

public struct PurgeReceipt: Sendable, Equatable {
  /// How many versions were removed.
  public var versions: Int64
  public var commit: CommitPoint

  public init(versions: Int64, commit: CommitPoint) {
    self.versions = versions
    self.commit = commit
  }
}

public struct MediaReceipt: Sendable, Equatable {
  public var media: Media
  public var replayed: Bool
  public var commit: CommitPoint

  public init(media: Media, replayed: Bool, commit: CommitPoint) {
    self.media = media
    self.replayed = replayed
    self.commit = commit
  }
}

public struct MediaDeletion: Sendable, Equatable {
  /// Pages that the medium was taken out of in the call's commit, oldest first.
  public var detachedPageIds: [String]
  /// Pages that the writer is yet to take it out of, counted up to `PageLimits.countedPageCount`.
  public var remainingPageCount: Int
  public var replayed: Bool
  public var commit: CommitPoint

  public init(
    detachedPageIds: [String], remainingPageCount: Int = 0, replayed: Bool, commit: CommitPoint
  ) {
    self.detachedPageIds = detachedPageIds
    self.remainingPageCount = remainingPageCount
    self.replayed = replayed
    self.commit = commit
  }
}
