// The tables of caps: a part of the seventh migration.
//
// Invariants:
// 1. A user's own caps are those of the account (spender '') and of its spenders, one row a list; `own_caps`
//    says how many there are in all, so that whoever has none needs no look-up.

extension Schema {
  static let caps = """
    ALTER TABLE plan ADD COLUMN caps BLOB;
    ALTER TABLE plan ADD COLUMN spender_caps BLOB;
    ALTER TABLE account ADD COLUMN own_caps INTEGER NOT NULL DEFAULT 0 CHECK (own_caps >= 0);

    CREATE TABLE cap_list(
      account INTEGER NOT NULL REFERENCES account(id),
      spender TEXT NOT NULL,
      caps BLOB NOT NULL,
      PRIMARY KEY (account, spender)
    ) STRICT, WITHOUT ROWID;

    """
}
