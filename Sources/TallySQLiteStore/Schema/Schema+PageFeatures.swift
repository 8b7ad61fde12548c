// Pages that are found by a slug, and by their words. A part of the sixth migration.
//
// Invariants:
// 1. `slug` is unique among an account's pages that are not purged; deleted ones keep theirs.
// 2. `page_search` has a row for each page that is neither deleted nor purged (PageSearchTable.swift). Words
//    are folded before they get here, so its tokenizer only divides them. A match in the title counts for
//    eight in the sections.

internal import TallyCore

extension Schema {
  static let pageFeatureIndexes = ["page_slug"]

  /// No row is written anew. `PageSearchTable` then writes the words of all pages, in slices.
  static let pageFeatures = """

    ALTER TABLE page ADD COLUMN slug TEXT CHECK (length(slug) BETWEEN 1 AND 255);
    CREATE UNIQUE INDEX page_slug ON page(account, slug) WHERE slug IS NOT NULL;

    CREATE VIRTUAL TABLE page_search USING fts5(title, body, tokenize = 'ascii');
    INSERT INTO page_search(page_search, rank) VALUES ('rank', 'bm25(8.0, 1.0)');
    """
}
