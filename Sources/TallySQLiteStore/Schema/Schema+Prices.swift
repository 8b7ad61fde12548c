// Attempts of runs: a hold says which attempt of its run it was opened for. The sixth migration.
//
// Invariants:
// 1. A hold of a first attempt has none, as those from before there were attempts.

extension Schema {
  static let prices = """
    ALTER TABLE hold ADD COLUMN attempt INTEGER CHECK (attempt > 0);
    """
}
