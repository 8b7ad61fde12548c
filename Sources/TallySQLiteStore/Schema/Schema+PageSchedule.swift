// Pages that are published at a time to come. A part of the seventh migration.
//
// Invariants:
// 1. A page has both columns of its schedule or neither; a page that was purged has none.

internal import TallyCore

extension Schema {
  static let pageScheduleIndexes = ["page_due", "page_scheduled"]

  /// No row is written anew.
  static let pageSchedule = """

    ALTER TABLE page ADD COLUMN scheduled_version INTEGER CHECK (scheduled_version BETWEEN 1 AND version);
    ALTER TABLE page ADD COLUMN scheduled_at INTEGER
      CHECK ((scheduled_at IS NULL) = (scheduled_version IS NULL));
    CREATE INDEX page_due ON page(scheduled_at) WHERE scheduled_at IS NOT NULL;
    CREATE INDEX page_scheduled ON page(account) WHERE scheduled_version IS NOT NULL;
    """
}
