// The tables of top-ups, and what events and rules have since then. A part of the seventh migration.
//
// Invariants:
// 1. A user has one open intent at most, by a unique index.
// 2. An account carries the line below which its top-ups are looked at, and when they are looked at by time
//    alone.

extension Schema {
  static let topUpIndexes = [
    "top_up_intent_open", "top_up_intent_due", "top_up_intent_leased", "top_up_intent_by_account",
  ]

  static let topUps = """

    ALTER TABLE account ADD COLUMN top_up_below INTEGER;
    ALTER TABLE account ADD COLUMN top_up_at INTEGER;

    CREATE TABLE top_up(
      account INTEGER PRIMARY KEY REFERENCES account(id),
      threshold INTEGER NOT NULL CHECK (threshold > 0),
      target INTEGER NOT NULL CHECK (target >= threshold),
      cap INTEGER CHECK (cap > 0),
      cap_count INTEGER CHECK (cap_count > 0),
      cooldown_millis INTEGER NOT NULL CHECK (cooldown_millis >= 0),
      enabled INTEGER NOT NULL CHECK (enabled BETWEEN 0 AND 1),
      updated_at INTEGER NOT NULL,
      open_intent INTEGER,
      month INTEGER,
      month_micros INTEGER,
      month_count INTEGER,
      ended_at INTEGER,
      ended_closed INTEGER CHECK (ended_closed BETWEEN 0 AND 1),
      CHECK ((month IS NULL) = (month_micros IS NULL)),
      CHECK ((month IS NULL) = (month_count IS NULL)),
      CHECK ((ended_at IS NULL) = (ended_closed IS NULL))
    ) STRICT;

    CREATE TABLE top_up_intent(
      id INTEGER PRIMARY KEY CHECK (id > 0),
      account INTEGER NOT NULL REFERENCES account(id),
      state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 62),
      amount INTEGER NOT NULL CHECK (amount > 0),
      available INTEGER NOT NULL CHECK (available >= 0),
      owed INTEGER NOT NULL CHECK (owed >= 0),
      month INTEGER NOT NULL,
      opened_at INTEGER NOT NULL,
      due_at INTEGER NOT NULL,
      worker TEXT NOT NULL,
      leased_until INTEGER,
      failures INTEGER NOT NULL CHECK (failures >= 0),
      message TEXT NOT NULL,
      ended_at INTEGER,
      purchase INTEGER REFERENCES ledger(sequence),
      CHECK ((state = 1) = (ended_at IS NULL)),
      CHECK ((state = 2) = (purchase IS NOT NULL))
    ) STRICT;
    CREATE UNIQUE INDEX top_up_intent_open ON top_up_intent(account) WHERE state = 1;
    CREATE INDEX top_up_intent_due ON top_up_intent(due_at, id) WHERE state = 1;
    CREATE INDEX top_up_intent_leased ON top_up_intent(worker, due_at)
      WHERE state = 1 AND leased_until IS NOT NULL;
    CREATE INDEX top_up_intent_by_account ON top_up_intent(account, id);

    ALTER TABLE event ADD COLUMN intent INTEGER;
    ALTER TABLE event ADD COLUMN intent_state INTEGER;
    ALTER TABLE event ADD COLUMN intent_amount INTEGER;
    ALTER TABLE event ADD COLUMN quota_rule_id TEXT;
    ALTER TABLE event ADD COLUMN quota INTEGER;
    ALTER TABLE event ADD COLUMN quota_percent INTEGER;
    ALTER TABLE event ADD COLUMN quota_used INTEGER;
    ALTER TABLE event ADD COLUMN quota_limit INTEGER;

    ALTER TABLE alert_rule ADD COLUMN quota INTEGER;
    """
}
