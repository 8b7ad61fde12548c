// Pages, their sections and versions, and media: a part of the second migration, and the fourth.
//
// Invariants:
// 1. `section` holds the current version's sections: positions are dense from 0, ids unique in the page.
// 2. `page_version` holds every version, the current one too; `page` repeats its title, settings, author.
// 3. Rows of `media` are never removed: what was uploaded can be counted again.
// 4. A row of `page` with `purged` = 1 stays until the last of its versions is removed. Its page_id may be
//    given to a new page meanwhile: ids are unique among the other rows only.

internal import TallyCore

extension Schema {
  static let pages = """
    CREATE TABLE media(
      id INTEGER PRIMARY KEY,
      media_id TEXT NOT NULL UNIQUE,
      account INTEGER NOT NULL REFERENCES account(id),
      url TEXT NOT NULL,
      width INTEGER NOT NULL CHECK (width >= 0),
      height INTEGER NOT NULL CHECK (height >= 0),
      byte_count INTEGER NOT NULL CHECK (byte_count >= 0),
      mime_type TEXT NOT NULL,
      source INTEGER NOT NULL CHECK (source BETWEEN 1 AND 2),
      run_id TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      deleted_at INTEGER
    ) STRICT;
    CREATE INDEX media_live ON media(account, id) WHERE deleted_at IS NULL;
    CREATE INDEX media_uploads ON media(created_at, account) WHERE source = 1;
    CREATE INDEX media_source ON media(account, source, id) WHERE deleted_at IS NULL;

    CREATE TABLE page(
      id INTEGER PRIMARY KEY,
      page_id TEXT NOT NULL UNIQUE,
      account INTEGER NOT NULL REFERENCES account(id),
      title TEXT NOT NULL,
      settings TEXT NOT NULL,
      version INTEGER NOT NULL CHECK (version >= 1),
      author TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      published_version INTEGER CHECK (published_version BETWEEN 1 AND version),
      deleted_at INTEGER,
      section_count INTEGER NOT NULL CHECK (section_count BETWEEN 0 AND 256),
      copied_from TEXT
    ) STRICT;
    CREATE INDEX page_history ON page(account, id);
    CREATE INDEX page_live ON page(account, id) WHERE deleted_at IS NULL;
    CREATE INDEX page_published ON page(account) WHERE published_version IS NOT NULL;

    CREATE TABLE page_version(
      id INTEGER PRIMARY KEY,
      page INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE,
      version INTEGER NOT NULL CHECK (version >= 1),
      base_version INTEGER NOT NULL,
      title TEXT NOT NULL,
      settings TEXT NOT NULL,
      author TEXT NOT NULL,
      at INTEGER NOT NULL,
      section_count INTEGER NOT NULL CHECK (section_count BETWEEN 0 AND 256),
      sections BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX page_version_number ON page_version(page, version);

    CREATE TABLE section(
      id INTEGER PRIMARY KEY,
      page INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE,
      position INTEGER NOT NULL CHECK (position BETWEEN 0 AND 255),
      section_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      content TEXT NOT NULL,
      first_media INTEGER REFERENCES media(id),
      second_media INTEGER REFERENCES media(id)
    ) STRICT;
    CREATE UNIQUE INDEX section_order ON section(page, position);
    CREATE UNIQUE INDEX section_name ON section(page, section_id);
    CREATE INDEX section_first_media ON section(first_media, page) WHERE first_media IS NOT NULL;
    CREATE INDEX section_second_media ON section(second_media, page) WHERE second_media IS NOT NULL;
    """

  /// SQLite can neither drop the UNIQUE of `page_id` nor change it, so the table is made anew. It has one row
  /// a page, without the page's content: one transaction is enough.
  ///
  /// Up to version 3 a line feed and the row's number stood in place of a purged page's id, which is lost.
  static let purgedPages = """
    CREATE TABLE new_page(
      id INTEGER PRIMARY KEY,
      page_id TEXT NOT NULL,
      account INTEGER NOT NULL REFERENCES account(id),
      title TEXT NOT NULL,
      settings TEXT NOT NULL,
      version INTEGER NOT NULL CHECK (version >= 1),
      author TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      published_version INTEGER CHECK (published_version BETWEEN 1 AND version),
      deleted_at INTEGER,
      section_count INTEGER NOT NULL CHECK (section_count BETWEEN 0 AND 256),
      copied_from TEXT,
      purged INTEGER NOT NULL DEFAULT 0 CHECK (purged IN (0, 1))
    ) STRICT;
    INSERT INTO new_page
      SELECT id, iif(substr(page_id, 1, 1) = char(10), substr(page_id, 2), page_id), account, title, settings,
        version, author, created_at, updated_at, published_version, deleted_at, section_count, copied_from,
        substr(page_id, 1, 1) = char(10)
      FROM page;
    DROP TABLE page;
    ALTER TABLE new_page RENAME TO page;
    CREATE UNIQUE INDEX page_name ON page(page_id) WHERE purged = 0;
    CREATE INDEX page_purged ON page(id) WHERE purged = 1;
    CREATE INDEX page_history ON page(account, id);
    CREATE INDEX page_live ON page(account, id) WHERE deleted_at IS NULL;
    CREATE INDEX page_published ON page(account) WHERE published_version IS NOT NULL;
    """

  /// The indexes of these tables, for `requiredIndexes`.
  static let pageIndexes = [
    "media_live", "media_uploads", "media_source",
    "page_name", "page_purged", "page_history", "page_live", "page_published",
    "page_version_number",
    "section_order", "section_name", "section_first_media", "section_second_media",
  ]
}
