// Pages that are published at a time to come, and autosaves. A part of the seventh migration.
//
// Invariants:
// 1. A page has both columns of its schedule or neither; a page that was purged has none.
// 2. `page_autosave` names the versions that autosaves have made, until they go or are kept. A table of its
//    own needs no look at the versions that are there already, which hold whole pages. `page.autosave` says it of
//    the current version.
// 3. `thinned` counts a page's versions that went: all others are there.

internal import TallyCore

extension Schema {
  static let pageScheduleIndexes = ["page_due", "page_scheduled", "page_thin"]

  /// No row is written anew.
  static let pageSchedule = """

    ALTER TABLE page ADD COLUMN scheduled_version INTEGER CHECK (scheduled_version BETWEEN 1 AND version);
    ALTER TABLE page ADD COLUMN scheduled_at INTEGER
      CHECK ((scheduled_at IS NULL) = (scheduled_version IS NULL));
    CREATE INDEX page_due ON page(scheduled_at) WHERE scheduled_at IS NOT NULL;
    CREATE INDEX page_scheduled ON page(account) WHERE scheduled_version IS NOT NULL;

    ALTER TABLE page ADD COLUMN autosave INTEGER NOT NULL DEFAULT 0 CHECK (autosave IN (0, 1));
    ALTER TABLE page ADD COLUMN thin_at INTEGER;
    ALTER TABLE page ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0 CHECK (thinned BETWEEN 0 AND version - 1);
    CREATE INDEX page_thin ON page(thin_at) WHERE thin_at IS NOT NULL;

    CREATE TABLE page_autosave(
      page INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE,
      version INTEGER NOT NULL,
      at INTEGER NOT NULL,
      PRIMARY KEY (page, version)
    ) STRICT, WITHOUT ROWID;
    """
}
