// The tables of events and of the rules that make them. A part of the sixth migration.
//
// Invariants:
// 1. An event of a rule names the ledger row that crossed its line, and what the figure was before and after.
// 2. A rule is of all users (scope 1), of a plan (2) or of a user (3).

internal import TallyCore

extension Schema {
  static let eventIndexes = ["event_by_account"]

  static let events = """

    CREATE TABLE event(
      id INTEGER PRIMARY KEY CHECK (id > 0),
      account INTEGER NOT NULL REFERENCES account(id),
      kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 62),
      at INTEGER NOT NULL,
      effective_at INTEGER NOT NULL,
      commit_sequence INTEGER NOT NULL,
      commit_position INTEGER NOT NULL,
      rule_id TEXT,
      threshold INTEGER,
      figure_before INTEGER,
      figure_after INTEGER,
      sequence INTEGER REFERENCES ledger(sequence),
      plan_id TEXT,
      cause INTEGER,
      start_day INTEGER,
      other_start_day INTEGER,
      CHECK ((rule_id IS NULL) = (threshold IS NULL)),
      CHECK ((rule_id IS NULL) = (figure_before IS NULL)),
      CHECK ((rule_id IS NULL) = (figure_after IS NULL)),
      CHECK ((rule_id IS NULL) = (sequence IS NULL)),
      CHECK ((plan_id IS NULL) = (cause IS NULL)),
      CHECK ((plan_id IS NULL) = (start_day IS NULL))
    ) STRICT;
    CREATE INDEX event_by_account ON event(account, id);

    CREATE TABLE alert_rule(
      id TEXT PRIMARY KEY,
      scope INTEGER NOT NULL CHECK (scope BETWEEN 1 AND 3),
      plan_id TEXT REFERENCES plan(id),
      account INTEGER REFERENCES account(id),
      kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 62),
      threshold INTEGER NOT NULL CHECK (threshold >= 0),
      updated_at INTEGER NOT NULL,
      CHECK ((scope = 2) = (plan_id IS NOT NULL)),
      CHECK ((scope = 3) = (account IS NOT NULL))
    ) STRICT, WITHOUT ROWID;
    """
}
