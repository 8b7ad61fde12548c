// The sequential ledger: the ninth migration.
//
// Rows of the ledger are written one behind the other. An index by account or by key would have a page
// written at random for each of them, so there is neither: a user's rows are found by their back pointers
// (`History`), and keys by an index that is written in large strokes (`Keys`).
//
// Invariants:
// 1. `key_index` has for each key the hash of its account and key, and the row's sequence. It may lag behind
//    the ledger, which is the truth: `key_mark` says how far.
// 2. The secret of a file never changes: without it no hash can be made again.

extension Schema {
  static let sequential = Migration(version: 9, name: "the sequential ledger", sql: sequentialLedger)

  private static let sequentialLedger = """
    DROP INDEX ledger_by_key;
    DROP INDEX ledger_by_account;

    CREATE TABLE key_index(
      hash INTEGER NOT NULL CHECK (hash BETWEEN 0 AND 4294967295),
      sequence INTEGER NOT NULL,
      PRIMARY KEY (hash, sequence)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE key_mark(
      segment INTEGER PRIMARY KEY CHECK (segment BETWEEN 0 AND 7),
      sequence INTEGER NOT NULL CHECK (sequence >= 0)
    ) STRICT;

    ALTER TABLE meta ADD COLUMN key_secret BLOB CHECK (length(key_secret) = 16);
    UPDATE meta SET key_secret = randomblob(16);
    """
}
