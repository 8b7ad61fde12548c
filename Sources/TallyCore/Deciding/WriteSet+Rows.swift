// Rows of a write set that are put as they are.
//
// Values; the write set owns them.

extension WriteSet {
  package struct HoldRow {
    package var hold: Hold
    package var account: Int64
  }

  package struct RunRow {
    package var run: StoredRun
    package var isNew: Bool
    /// Ended in this batch.
    package var isFinished: Bool
  }

  package struct PageRow {
    package var page: StoredPage
    package var isNew: Bool
    /// What is stored has another slug. All such give theirs up before any page is given one.
    package var changesSlug = false
    /// What is searched of the page is another.
    package var changesSearch = false
    package var hasSections = false
    package var storedSections: [PageSection] = []
    package var sections: [PageSection] = []
    package var media: [ExactText: StoredMedia] = [:]
  }

  package struct VersionKey: Hashable, Comparable {
    package var page: Int64
    package var version: Int64

    package static func < (left: Self, right: Self) -> Bool {
      (left.page, left.version) < (right.page, right.version)
    }

    package init(page: Int64, version: Int64) {
      self.page = page
      self.version = version
    }
  }

  package struct MediaRow {
    package var media: StoredMedia
    package var isNew: Bool
  }

  package struct EventRow {
    package var event: AccountEvent
    package var account: Int64
  }

  package struct PageUpdateRow {
    package var update: PageUpdate
    package var account: Int64
  }
}
