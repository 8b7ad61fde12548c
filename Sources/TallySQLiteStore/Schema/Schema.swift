// The database's tables, one migration a version.
//
// Invariants:
// 1. A migration that was released is never changed; a new version is a new migration at the end.
// 2. Everything is STRICT. Money is INTEGER micro-USD, times are INTEGER microseconds since the epoch.
// 3. The last line of defence stands in the tables: uniqueness, balances not below zero, known types.

internal import TallyCore
internal import TallySQLite

enum Schema {
  static let migrations = [
    Migration(version: 1, name: "the ledger", sql: ledger),
    Migration(version: 2, name: "users, usage and pages", sql: users + usage + runs + pages),
    Migration(version: 3, name: "time of commits, open holds, patches", sql: bounds),
    Migration(version: 4, name: "the mark of purged pages", sql: purgedPages, replacesTables: true),
    credits,
    usageAndPages,
    groupsAndLimits,
    Migration(
      version: 8, name: "alerts of caps and of credit that expires, rows by spender, media being detached",
      sql: notices + spenderRows + detaching + closedIntents),
    sequential,
  ]

  private static let usageAndPages = Migration(
    version: 6, name: "attempts, prices, slugs, words of pages, events", sql: prices + pageFeatures + events
  ) { (connection) throws(SQLiteError) in
    try copyPrices(connection)
    try PageSearchTable.beginFilling(connection)
  }

  private static let groupsAndLimits = Migration(
    version: 7, name: "spenders, tags and caps, schedules and changes of pages, top-ups",
    sql: groups + pageSchedule + caps + topUps
  ) { (connection) throws(SQLiteError) in
    try countMore(connection)
  }

  /// The version that this program writes.
  static var version: Int32 { migrations.last?.version ?? 0 }

  /// Indexes that statements rely on; `verify` and the tests assert that they exist and are chosen.
  static let requiredIndexes =
    [
      "account_due", "hold_open", "hold_history", "rate_limit_subject",
      "user_settings_plan", "user_settings_role", "user_settings_approval",
      "page_version_digest",
    ] + creditIndexes + runIndexes + pageIndexes + pageFeatureIndexes + eventIndexes + groupIndexes
    + pageScheduleIndexes + capIndexes + topUpIndexes + noticeIndexes + spenderRowIndexes + detachingIndexes
    + closedIntentIndexes

  /// The key index leads with the key: clients make time-ordered ones, which then share one page, however
  /// many accounts they belong to. Rows of a hold are few, and so is what points back at it.
  private static let ledger = """
    CREATE TABLE account(
      id INTEGER PRIMARY KEY,
      user_id TEXT NOT NULL UNIQUE,
      posted INTEGER NOT NULL CHECK (posted >= 0),
      held INTEGER NOT NULL CHECK (held >= 0 AND held <= posted),
      version INTEGER NOT NULL,
      head INTEGER NOT NULL,
      next_hold_expiry INTEGER,
      next_due INTEGER,
      lots BLOB NOT NULL
    ) STRICT;
    CREATE INDEX account_due ON account(next_due) WHERE next_due IS NOT NULL;

    CREATE TABLE ledger(
      sequence INTEGER PRIMARY KEY,
      account INTEGER NOT NULL REFERENCES account(id),
      type INTEGER NOT NULL CHECK (type BETWEEN 1 AND 13),
      amount INTEGER NOT NULL,
      balance_after INTEGER NOT NULL CHECK (balance_after >= 0),
      held_after INTEGER NOT NULL CHECK (held_after >= 0),
      pending_after INTEGER NOT NULL CHECK (pending_after >= 0),
      version INTEGER NOT NULL,
      at INTEGER NOT NULL,
      effective_at INTEGER NOT NULL,
      commit_sequence INTEGER NOT NULL,
      commit_position INTEGER NOT NULL,
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
      hold_id INTEGER,
      hold_amount INTEGER,
      expires_at INTEGER,
      priority INTEGER,
      package TEXT,
      actor TEXT,
      reason TEXT,
      CHECK ((key IS NULL) = (digest IS NULL))
    ) STRICT;
    CREATE UNIQUE INDEX ledger_key ON ledger(key, account) WHERE key IS NOT NULL;
    CREATE INDEX ledger_history ON ledger(account, sequence);
    CREATE UNIQUE INDEX ledger_payment ON ledger(payment_id) WHERE payment_id IS NOT NULL;
    CREATE UNIQUE INDEX ledger_grant ON ledger(account, plan_id, period_start) WHERE plan_id IS NOT NULL;
    CREATE INDEX ledger_hold ON ledger(hold_id) WHERE hold_id IS NOT NULL;

    CREATE TABLE hold(
      id INTEGER PRIMARY KEY REFERENCES ledger(sequence),
      account INTEGER NOT NULL REFERENCES account(id),
      state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
      amount INTEGER NOT NULL CHECK (amount > 0),
      captured INTEGER NOT NULL CHECK (captured >= 0),
      released INTEGER NOT NULL CHECK (released >= 0),
      forfeited INTEGER NOT NULL CHECK (forfeited >= 0),
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      settled_at INTEGER NOT NULL,
      run_id TEXT NOT NULL,
      pins BLOB NOT NULL,
      CHECK (state = 1 OR captured + released + forfeited = amount)
    ) STRICT;
    CREATE INDEX hold_open ON hold(account, expires_at) WHERE state = 1;
    CREATE INDEX hold_history ON hold(account, id);

    CREATE TABLE plan(
      id TEXT PRIMARY KEY,
      display_name TEXT NOT NULL,
      monthly_credit INTEGER NOT NULL CHECK (monthly_credit > 0),
      expiry INTEGER NOT NULL CHECK (expiry BETWEEN 1 AND 3),
      expires_after_millis INTEGER NOT NULL,
      priority INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE system_account(
      id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4),
      balance INTEGER NOT NULL
    ) STRICT;
    INSERT INTO system_account VALUES (1, 0), (2, 0), (3, 0), (4, 0);

    CREATE TABLE meta(
      id INTEGER PRIMARY KEY CHECK (id = 1),
      commit_sequence INTEGER NOT NULL,
      ledger_sequence INTEGER NOT NULL,
      last_at INTEGER NOT NULL,
      chain_head BLOB NOT NULL CHECK (length(chain_head) = 32)
    ) STRICT;
    INSERT INTO meta VALUES (1, 0, 0, 0, zeroblob(32));
    """

  /// Every user has an account; settings come with the first PutUserSettings.
  private static let users = """
    ALTER TABLE account ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
    UPDATE account SET created_at =
      coalesce((SELECT at FROM ledger WHERE account = account.id ORDER BY sequence LIMIT 1), 0);

    CREATE TABLE user_settings(
      account INTEGER PRIMARY KEY REFERENCES account(id),
      email TEXT NOT NULL,
      role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 2),
      plan_id TEXT REFERENCES plan(id),
      approval INTEGER NOT NULL CHECK (approval BETWEEN 1 AND 3),
      updated_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX user_settings_plan ON user_settings(plan_id, account) WHERE plan_id IS NOT NULL;
    CREATE INDEX user_settings_role ON user_settings(role, account);
    CREATE INDEX user_settings_approval ON user_settings(approval, account);

    CREATE TABLE rate_limit(
      id INTEGER PRIMARY KEY,
      kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
      account INTEGER REFERENCES account(id),
      uid INTEGER CHECK (uid BETWEEN 0 AND 4294967295),
      per_second INTEGER NOT NULL CHECK (per_second BETWEEN 1 AND 1000000),
      burst INTEGER NOT NULL CHECK (burst BETWEEN 1 AND 1000000),
      CHECK ((kind = 1) = (account IS NOT NULL)),
      CHECK ((kind = 2) = (uid IS NOT NULL))
    ) STRICT;
    CREATE UNIQUE INDEX rate_limit_subject ON rate_limit(kind, coalesce(account, uid, 0));
    """

  /// The time of a commit that wrote no ledger row; how many open holds an account has, so that their limit
  /// costs no search; and the request that made a version by a patch, so that the same request finds it
  /// again. Versions from before have no digest: the requests that made them are not known.
  private static let bounds = """
    ALTER TABLE meta ADD COLUMN committed_at INTEGER NOT NULL DEFAULT 0;
    UPDATE meta SET committed_at = last_at;

    ALTER TABLE account ADD COLUMN open_holds INTEGER NOT NULL DEFAULT 0 CHECK (open_holds >= 0);
    UPDATE account SET open_holds =
      (SELECT count(*) FROM hold WHERE hold.account = account.id AND hold.state = 1)
    WHERE held > 0;

    ALTER TABLE page_version ADD COLUMN digest BLOB CHECK (length(digest) = 32);
    CREATE INDEX page_version_digest ON page_version(page, digest) WHERE digest IS NOT NULL;
    """
}
