// Pages that are published at a time to come, autosaves, and the changes of pages: a part of the seventh
// migration.
//
// Invariants:
// 1. A page has both columns of its schedule or neither; a page that was purged has none.
// 2. `page_autosave` names the versions that autosaves have made, until they go or are kept. A table of its
//    own needs no look at the versions that are there already, which hold whole pages. `page.autosave` says
//    it of the current version.
// 3. `thinned` counts a page's versions that went: all others are there.
// 4. `page_update` has the last change of each page, of purged ones too. Of what changed before there was
//    this table the order is that of the pages.

internal import TallyCore

extension Schema {
  static let pageScheduleIndexes = ["page_due", "page_scheduled", "page_thin", "page_update_by_account"]

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

    CREATE TABLE page_update(
      number INTEGER PRIMARY KEY CHECK (number > 0),
      account INTEGER NOT NULL REFERENCES account(id),
      page_id TEXT NOT NULL,
      kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 62),
      at INTEGER NOT NULL,
      commit_sequence INTEGER NOT NULL,
      commit_position INTEGER NOT NULL,
      UNIQUE (page_id, account)
    ) STRICT;
    INSERT INTO page_update
      SELECT row_number() OVER (ORDER BY id), account, page_id, iif(deleted_at IS NULL, 2, 8),
        coalesce(deleted_at, updated_at), (SELECT commit_sequence FROM meta), 0
      FROM page WHERE purged = 0;
    CREATE INDEX page_update_by_account ON page_update(account, number);
    """
}
