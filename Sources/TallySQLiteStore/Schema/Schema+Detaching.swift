// What is stored of media that are being taken out of pages: a part of the eighth migration.
//
// Invariants:
// 1. `detaching_author` is set of deleted media only. Sections of current versions name a deleted medium only
//    while it is; it may stay for a moment after the last of them is gone.

extension Schema {
  static let detachingIndexes = ["media_detaching"]

  /// Who is the author of the versions that take it out.
  static let detaching = """
    ALTER TABLE media ADD COLUMN detaching_author TEXT
      CHECK (detaching_author IS NULL OR deleted_at IS NOT NULL);
    CREATE INDEX media_detaching ON media(id) WHERE detaching_author IS NOT NULL;
    """
}
