// Attempts of runs, and the book of prices. A part of the sixth migration.
//
// Invariants:
// 1. A hold of a first attempt has none, as those from before there were attempts.
// 2. Prices that plans have are rows of the book from the beginning of time. Runs that are under way are
//    priced by them, under the plan that their users have.

internal import TallyCore
internal import TallySQLite

extension Schema {
  /// Class 0 is a plan's multiplier of the book's prices.
  static let prices = """
    ALTER TABLE hold ADD COLUMN attempt INTEGER CHECK (attempt > 0);
    ALTER TABLE run ADD COLUMN plan_id TEXT;

    ALTER TABLE plan ADD COLUMN cancelled_cost INTEGER NOT NULL DEFAULT 1
      CHECK (cancelled_cost BETWEEN 1 AND 2);
    ALTER TABLE plan ADD COLUMN multiplier INTEGER CHECK (multiplier > 0);

    CREATE TABLE price(
      id INTEGER PRIMARY KEY,
      plan_id TEXT NOT NULL,
      model TEXT NOT NULL,
      class INTEGER NOT NULL CHECK (class BETWEEN 0 AND 11),
      micros_per_million INTEGER CHECK (micros_per_million >= 0),
      effective_from INTEGER NOT NULL,
      put_at INTEGER NOT NULL,
      commit_sequence INTEGER NOT NULL
    ) STRICT;
    """

  /// In the same transaction.
  static func copyPrices(_ connection: Connection) throws(SQLiteError) {
    let table = try PriceTable(connection)
    let head = try MetaTable(connection).load()
    let plans = try connection.prepare("SELECT id, prices FROM plan ORDER BY id")
    let underWay = try connection.prepare(
      """
      UPDATE run SET price_version = ?1, plan_id = coalesce(
        (SELECT s.plan_id FROM user_settings s WHERE s.account = run.account),
        (SELECT p.id FROM plan p WHERE p.is_default = 1))
      WHERE status = 1
      """)
    var id: Int64 = 0
    for (planId, packed) in try plans.all({ (row) in (row.text(), row.blob()) }) {
      for price in try Packing.prices(packed) {
        for (unitClass, micros) in price.rates {
          id += 1
          var row = Price(
            planId: planId, model: price.model, unitClass: unitClass, micros: micros, effectiveFromMicros: 0)
          (row.id, row.putAtMicros, row.commitSequence) = (id, head.lastAtMicros, head.commitSequence)
          try table.append(row)
        }
      }
    }
    underWay.bind(id == 0 ? nil : id)
    try underWay.run()
  }
}
