// The tables of plans' terms and of what was used: a part of migration 2.
//
// Layout. A `rollup` row holds what happened to one account on one UTC day under one label, in quarter hours
// (RollupCell+Packing.swift has the bytes). Account 0 stands for all users together, label 0 for all runs of
// any model and type; the row of label 0 counts uploads too. Rows lead with the day, not with the account:
// rows that are written at one time share pages, however many accounts they belong to. The quarter hours,
// which are many times longer than a day's total, stand in a table of their own and are found by number: a
// dashboard of whole days never reads them, and a search for a day does not have to pass them.

internal import TallyCore

extension Schema {
  static let usage = """
    ALTER TABLE plan ADD COLUMN monthly_generations INTEGER CHECK (monthly_generations >= 0);
    ALTER TABLE plan ADD COLUMN monthly_uploads INTEGER CHECK (monthly_uploads >= 0);
    ALTER TABLE plan ADD COLUMN page_count INTEGER CHECK (page_count >= 0);
    ALTER TABLE plan ADD COLUMN time_zone TEXT NOT NULL DEFAULT '';
    ALTER TABLE plan ADD COLUMN prices BLOB NOT NULL DEFAULT x'';

    CREATE TABLE run_label(
      id INTEGER PRIMARY KEY CHECK (id > 0),
      model TEXT NOT NULL,
      type TEXT NOT NULL,
      UNIQUE (model, type)
    ) STRICT;

    CREATE TABLE rollup(
      day INTEGER NOT NULL,
      account INTEGER NOT NULL,
      label INTEGER NOT NULL,
      total BLOB NOT NULL,
      quarters_id INTEGER NOT NULL REFERENCES rollup_quarters(id),
      PRIMARY KEY (day, account, label)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE rollup_quarters(
      id INTEGER PRIMARY KEY,
      quarters BLOB NOT NULL
    ) STRICT;

    CREATE TABLE usage_month(
      month INTEGER NOT NULL,
      account INTEGER NOT NULL REFERENCES account(id),
      generations INTEGER NOT NULL CHECK (generations >= 0),
      uploads INTEGER NOT NULL CHECK (uploads >= 0),
      PRIMARY KEY (month, account)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE page_counter(
      account INTEGER PRIMARY KEY REFERENCES account(id),
      pages INTEGER NOT NULL CHECK (pages >= 0)
    ) STRICT;

    CREATE TABLE run_total(
      id INTEGER PRIMARY KEY CHECK (id = 1),
      runs INTEGER NOT NULL,
      cost INTEGER NOT NULL,
      input_tokens INTEGER NOT NULL,
      output_tokens INTEGER NOT NULL,
      images INTEGER NOT NULL
    ) STRICT;
    """
}
