// Complete credits: refunds, reversals, what is owed, the grant calendar. The fifth migration.
//
// SQLite can neither change the CHECK of `ledger.type` nor drop the UNIQUE of `run.run_id`, so both tables
// are made anew (Rewriter.swift), once, with all columns that are known to be needed. The numbers of
// `TransactionType` are verification's to check from now on.
//
// Invariants:
// 1. A row of the ledger is never changed, and of runs those only that are under way, by every version up to
//    this one: what a program of version 4 does while the copies are made is to append to both, and to extend
//    or end runs whose status is 1. So the switch copies the runs once more that were under way when they
//    were copied.
// 2. `previous` is the row of the same account before, `skip` one further back (`SkipMarks`); zero for none.
//    Neither is in the row's hash. The migration reckons both for older rows.
// 3. A plan's grant has the first day of its period, and since version 5 the day after its last. That of an
//    older one is the UTC date of its start.
// 4. `format_2_from` is the first row that is in the chain's second format.

internal import TallyCore
internal import TallySQLite

extension Schema {
  static let creditIndexes = [
    "ledger_by_plan", "ledger_by_hold", "ledger_refers", "ledger_event",
    "plan_default",
  ]

  /// The key index leads with the key: clients make time-ordered ones, which then share one page, however
  /// many accounts they belong to. Rows of a hold are few, and so is what points back at a row.
  private static let ledgerColumns = """
    (
      sequence INTEGER PRIMARY KEY,
      account INTEGER NOT NULL REFERENCES account(id),
      type INTEGER NOT NULL CHECK (type >= 1),
      amount INTEGER NOT NULL,
      balance_after INTEGER NOT NULL CHECK (balance_after >= 0),
      held_after INTEGER NOT NULL CHECK (held_after >= 0),
      pending_after INTEGER NOT NULL CHECK (pending_after >= 0),
      version INTEGER NOT NULL,
      at INTEGER NOT NULL,
      effective_at INTEGER NOT NULL,
      commit_sequence INTEGER NOT NULL,
      commit_position INTEGER NOT NULL,
      previous INTEGER NOT NULL,
      skip INTEGER NOT NULL,
      lots BLOB NOT NULL,
      hash BLOB NOT NULL CHECK (length(hash) = 32),
      key TEXT,
      digest BLOB CHECK (length(digest) = 32),
      next_expiry_at INTEGER,
      next_expiry_amount INTEGER,
      run_id TEXT,
      description TEXT,
      metadata BLOB,
      text_digest BLOB CHECK (length(text_digest) = 32),
      payment_id TEXT,
      plan_id TEXT,
      period_start INTEGER,
      period_start_day INTEGER,
      period_end_day INTEGER,
      hold_id INTEGER,
      hold_amount INTEGER,
      expires_at INTEGER,
      priority INTEGER,
      package TEXT,
      actor TEXT,
      reason TEXT,
      refers_to INTEGER,
      event_id TEXT,
      asked_amount INTEGER CHECK (asked_amount > 0),
      short_amount INTEGER,
      owed_amount INTEGER CHECK (owed_amount > 0),
      owed_after INTEGER CHECK (owed_after > 0),
      spender TEXT,
      attempt INTEGER CHECK (attempt > 0),
      intent_id TEXT,
      rollover_cap INTEGER CHECK (rollover_cap > 0),
      rollover_end INTEGER,
      CHECK ((key IS NULL) = (digest IS NULL)),
      CHECK (period_end_day > period_start_day),
      CHECK ((rollover_cap IS NULL) = (rollover_end IS NULL))
    ) STRICT
    """

  private static let runColumns = """
    (
      id INTEGER PRIMARY KEY,
      run_id TEXT NOT NULL,
      attempt INTEGER NOT NULL DEFAULT 1 CHECK (attempt > 0),
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
      owed INTEGER NOT NULL DEFAULT 0 CHECK (owed BETWEEN 0 AND uncollected),
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
      spender TEXT,
      provider_cost INTEGER,
      price_version INTEGER,
      units BLOB,
      breakdown BLOB,
      tags BLOB,
      CHECK ((status = 1) = (finished_at IS NULL)),
      CHECK ((recorded = 1) = (expires_at IS NULL)),
      CHECK (recorded = 0 OR (status <> 1 AND charged = 0 AND uncollected = 0 AND hold_id IS NULL)),
      CHECK (recorded = 1 OR charged + uncollected = cost),
      CHECK ((finish_digest IS NULL) = (status = 1 OR recorded = 1)),
      CHECK ((finish_digest IS NULL) = (finish_commit_sequence IS NULL))
    ) STRICT
    """

  private static let ledgerRewrite = Rewrite(
    table: "ledger", key: "sequence", columns: ledgerColumns,
    indexes: [
      Rewrite.Index(
        name: "ledger_by_key", sql: "ON new_ledger(key, account) WHERE key IS NOT NULL", isUnique: true),
      Rewrite.Index(name: "ledger_by_account", sql: "ON new_ledger(account, sequence)"),
      Rewrite.Index(
        name: "ledger_by_plan",
        sql: "ON new_ledger(account, plan_id, period_start_day) WHERE plan_id IS NOT NULL AND type = 3"),
      Rewrite.Index(
        name: "ledger_by_period",
        sql: """
          ON new_ledger(account, plan_id, period_start_day) WHERE period_end_day IS NOT NULL AND type = 3
          """, isUnique: true),
      Rewrite.Index(name: "ledger_by_hold", sql: "ON new_ledger(hold_id) WHERE hold_id IS NOT NULL"),
      Rewrite.Index(name: "ledger_refers", sql: "ON new_ledger(refers_to) WHERE refers_to IS NOT NULL"),
      Rewrite.Index(
        name: "ledger_event", sql: "ON new_ledger(event_id) WHERE event_id IS NOT NULL", isUnique: true),
      Rewrite.Index(
        name: "ledger_pending", sql: "ON new_ledger(account, effective_at) WHERE effective_at > at"),
    ],
    makeCopier: { (connection) throws(SQLiteError) in try LedgerCopier(connection) })

  private static let runRewrite = Rewrite(
    table: "run", key: "id", columns: runColumns,
    indexes: [
      Rewrite.Index(name: "run_by_id", sql: "ON new_run(run_id, attempt)", isUnique: true),
      Rewrite.Index(name: "run_by_account", sql: "ON new_run(account, started_at, id)"),
      Rewrite.Index(name: "run_by_start", sql: "ON new_run(started_at, id)"),
      Rewrite.Index(name: "run_under_way", sql: "ON new_run(account, expires_at) WHERE status = 1"),
    ],
    makeCopier: { (connection) throws(SQLiteError) in try RunCopier(connection) })

  /// What both tables had before.
  static let oldLedger = ColumnList(
    "sequence", "account", "type", "amount", "balance_after", "held_after", "pending_after", "version", "at",
    "effective_at", "commit_sequence", "commit_position", "lots", "hash", "key", "digest", "next_expiry_at",
    "next_expiry_amount", "run_id", "description", "metadata", "text_digest", "payment_id", "plan_id",
    "period_start", "hold_id", "hold_amount", "expires_at", "priority", "package", "actor", "reason")
  static let oldRun = ColumnList(
    "id", "run_id", "account", "model", "type", "status", "estimate", "hold_id", "input_tokens",
    "output_tokens", "images", "cost", "charged", "uncollected", "started_at", "finished_at", "expires_at",
    "error", "recorded", "digest", "commit_sequence", "commit_position", "finish_digest",
    "finish_commit_sequence", "finish_commit_position", "finish_sequence")

  static let credits = Migration(
    version: 5, name: "complete credits",
    sql: switching + accounts + plans, replacesTables: true, rewrites: [ledgerRewrite, runRewrite])

  private static let switching = """
    REPLACE INTO new_run(\(oldRun)) SELECT \(oldRun) FROM run
      WHERE id IN (SELECT id FROM new_run WHERE status = 1);

    CREATE TABLE payment_ref(
      ref TEXT PRIMARY KEY,
      sequence INTEGER NOT NULL REFERENCES ledger(sequence)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO payment_ref
      SELECT payment_id, sequence FROM ledger WHERE payment_id IS NOT NULL ORDER BY payment_id;

    DROP TABLE run;
    ALTER TABLE new_run RENAME TO run;
    DROP TABLE ledger;
    ALTER TABLE new_ledger RENAME TO ledger;

    """

  /// Accounts with less than 64 rows have no marks yet; those with marks are few for each row of the ledger.
  private static let accounts = """
    ALTER TABLE meta ADD COLUMN format_2_from INTEGER NOT NULL DEFAULT 1;
    UPDATE meta SET format_2_from = ledger_sequence + 1;

    ALTER TABLE hold ADD COLUMN spender TEXT;

    ALTER TABLE account ADD COLUMN owed INTEGER NOT NULL DEFAULT 0 CHECK (owed >= 0);
    ALTER TABLE account ADD COLUMN owed_parts BLOB;
    ALTER TABLE account ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1));
    ALTER TABLE account ADD COLUMN next_grant_at INTEGER;
    ALTER TABLE account ADD COLUMN mark_64 INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE account ADD COLUMN mark_4096 INTEGER NOT NULL DEFAULT 0;
    UPDATE account SET mark_64 = coalesce(
      (SELECT iif(l.version % 64 = 0, l.sequence, l.skip) FROM ledger l WHERE l.sequence = account.head), 0)
    WHERE version >= 64;
    UPDATE account SET mark_4096 = coalesce(
      (WITH RECURSIVE step(sequence, version, skip) AS (
        SELECT sequence, version, skip FROM ledger WHERE sequence = account.mark_64
        UNION ALL
        SELECT l.sequence, l.version, l.skip FROM step s JOIN ledger l ON l.sequence = s.skip
        WHERE s.version % 4096 <> 0)
      SELECT sequence FROM step WHERE version % 4096 = 0), 0)
    WHERE version >= 4096;

    """

  private static let plans = """
    ALTER TABLE plan ADD COLUMN on_short INTEGER NOT NULL DEFAULT 1 CHECK (on_short BETWEEN 1 AND 3);
    ALTER TABLE plan ADD COLUMN rollover_cap INTEGER CHECK (rollover_cap > 0);
    ALTER TABLE plan ADD COLUMN is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1));
    CREATE UNIQUE INDEX plan_default ON plan(is_default) WHERE is_default = 1;

    ALTER TABLE user_settings ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1));
    ALTER TABLE user_settings ADD COLUMN subscription_plan TEXT REFERENCES plan(id);
    ALTER TABLE user_settings ADD COLUMN subscription_start_day INTEGER
      CHECK ((subscription_start_day IS NULL) = (subscription_plan IS NULL));
    ALTER TABLE user_settings ADD COLUMN subscription_automatic INTEGER
      CHECK ((subscription_automatic IS NULL) = (subscription_plan IS NULL))
      CHECK (subscription_automatic IN (0, 1));
    """
}
