// The table of runs as it is up to version 4; version 5 makes it anew (Schema+Credits.swift).
//
// Invariants:
// 1. A run id is unique across all users; since version 5 it may have several attempts.
// 2. A run has `finished_at` once it has ended. Then charged + uncollected = cost, unless it was only
//    recorded.
// 3. `digest`, `commit_sequence` and `commit_position` are those of BeginRun or RecordRun. The columns that
//    begin with `finish` are FinishRun's; `finish_sequence` is the last ledger row that it wrote.

internal import TallyCore

extension Schema {
  static let runIndexes = ["run_by_id", "run_by_account", "run_by_start", "run_under_way"]

  static let runs = """
    CREATE TABLE run(
      id INTEGER PRIMARY KEY,
      run_id TEXT NOT NULL UNIQUE,
      account INTEGER NOT NULL REFERENCES account(id),
      model TEXT NOT NULL,
      type TEXT NOT NULL,
      status INTEGER NOT NULL CHECK (status BETWEEN 1 AND 4),
      estimate INTEGER NOT NULL CHECK (estimate >= 0),
      hold_id INTEGER REFERENCES hold(id),
      input_tokens INTEGER NOT NULL CHECK (input_tokens >= 0),
      output_tokens INTEGER NOT NULL CHECK (output_tokens >= 0),
      images INTEGER NOT NULL CHECK (images >= 0),
      cost INTEGER NOT NULL CHECK (cost >= 0),
      charged INTEGER NOT NULL CHECK (charged >= 0),
      uncollected INTEGER NOT NULL CHECK (uncollected >= 0),
      started_at INTEGER NOT NULL,
      finished_at INTEGER,
      expires_at INTEGER,
      error TEXT NOT NULL,
      recorded INTEGER NOT NULL CHECK (recorded IN (0, 1)),
      digest BLOB NOT NULL CHECK (length(digest) = 32),
      commit_sequence INTEGER NOT NULL,
      commit_position INTEGER NOT NULL,
      finish_digest BLOB CHECK (length(finish_digest) = 32),
      finish_commit_sequence INTEGER,
      finish_commit_position INTEGER,
      finish_sequence INTEGER REFERENCES ledger(sequence),
      CHECK ((status = 1) = (finished_at IS NULL)),
      CHECK ((recorded = 1) = (expires_at IS NULL)),
      CHECK (recorded = 0 OR (status <> 1 AND charged = 0 AND uncollected = 0 AND hold_id IS NULL)),
      CHECK (recorded = 1 OR charged + uncollected = cost),
      CHECK ((finish_digest IS NULL) = (status = 1 OR recorded = 1)),
      CHECK ((finish_digest IS NULL) = (finish_commit_sequence IS NULL))
    ) STRICT;
    CREATE INDEX run_history ON run(account, started_at, id);
    CREATE INDEX run_open ON run(account, expires_at) WHERE status = 1;
    CREATE INDEX run_recent ON run(started_at, id);
    """
}
