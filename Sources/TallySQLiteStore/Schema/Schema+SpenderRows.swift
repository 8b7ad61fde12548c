// What is stored of alerts of caps, and an index of the ledger's rows by spender: a part of the eighth
// migration.
//
// Invariants:
// 1. Rows without a spender are not in the index, so that it costs nothing where nobody names any.

extension Schema {
  static let spenderRowIndexes = ["ledger_spender"]

  static let spenderRows = """

    ALTER TABLE event ADD COLUMN cap_rule_id TEXT;
    ALTER TABLE event ADD COLUMN cap BLOB;
    ALTER TABLE event ADD COLUMN cap_spender TEXT;
    ALTER TABLE event ADD COLUMN cap_percent INTEGER;
    ALTER TABLE event ADD COLUMN cap_used INTEGER;
    ALTER TABLE event ADD COLUMN cap_resets_at INTEGER;

    CREATE INDEX ledger_spender ON ledger(account, spender, sequence) WHERE spender IS NOT NULL;
    """
}
