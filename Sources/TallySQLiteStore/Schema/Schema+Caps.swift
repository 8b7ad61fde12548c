// The tables of caps: a part of the seventh migration.
//
// Invariants:
// 1. A user's own caps are those of the account (spender '') and of its spenders, one row a list; `own_caps`
//    says how many there are in all, so that whoever has none needs no look-up.
// 2. What is counted for caps is one row an account, and one for each spender that has caps. `cap_counted`
//    says whether there are any; while it does, all of them are up to date.

extension Schema {
  static let capIndexes = ["plan_capped"]

  static let caps = """
    ALTER TABLE plan ADD COLUMN caps BLOB;
    ALTER TABLE plan ADD COLUMN spender_caps BLOB;
    ALTER TABLE plan ADD COLUMN capped INTEGER NOT NULL DEFAULT 0 CHECK (capped IN (0, 1));
    CREATE INDEX plan_capped ON plan(capped) WHERE capped = 1;
    ALTER TABLE account ADD COLUMN own_caps INTEGER NOT NULL DEFAULT 0 CHECK (own_caps >= 0);
    ALTER TABLE account ADD COLUMN cap_counted INTEGER NOT NULL DEFAULT 0 CHECK (cap_counted IN (0, 1));

    CREATE TABLE cap_list(
      account INTEGER NOT NULL REFERENCES account(id),
      spender TEXT NOT NULL,
      caps BLOB NOT NULL,
      PRIMARY KEY (account, spender)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE cap_counter(
      account INTEGER NOT NULL REFERENCES account(id),
      spender TEXT NOT NULL,
      zone TEXT NOT NULL,
      counters BLOB NOT NULL,
      PRIMARY KEY (account, spender)
    ) STRICT, WITHOUT ROWID;

    """
}
