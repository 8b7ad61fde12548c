// What is stored of alerts of caps and of credit that expires: a part of the eighth migration.
//
// Invariants:
// 1. The index of rows that open a lot which expires has those alone: a debit's row is not in it, and neither
//    is a hold's, which has an end of its own.
// 2. Each window of some rule has a cursor: the place of the last lot that it has come by.

extension Schema {
  static let noticeIndexes = ["ledger_expiring"]

  static let notices = """

    CREATE INDEX ledger_expiring ON ledger(expires_at)
      WHERE expires_at IS NOT NULL AND hold_id IS NULL;

    CREATE TABLE expiry_cursor(
      window_millis INTEGER PRIMARY KEY CHECK (window_millis > 0),
      expires_at INTEGER NOT NULL,
      lot INTEGER NOT NULL
    ) STRICT;

    ALTER TABLE alert_rule ADD COLUMN since_sequence INTEGER;

    ALTER TABLE event ADD COLUMN expiring_rule_id TEXT;
    ALTER TABLE event ADD COLUMN expiring_within INTEGER;
    ALTER TABLE event ADD COLUMN expiring_lot INTEGER REFERENCES ledger(sequence);
    ALTER TABLE event ADD COLUMN expiring_amount INTEGER CHECK (expiring_amount > 0);
    ALTER TABLE event ADD COLUMN expiring_at INTEGER;

    """
}
