// The sums over all runs, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class RunTotalTable {
  /// In the order in which `Columns.runSums` takes them.
  private static let columns = ColumnList(
    "runs", "cost", "input_tokens", "output_tokens", "images", "provider_cost", "units")

  private let total: Statement
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    total = try connection.prepare("SELECT \(Self.columns) FROM run_total WHERE id = 1")
    upsert = try connection.prepare(
      """
      INSERT INTO run_total(\(Self.columns), id) VALUES (\(Self.columns.parameters), 1)
      ON CONFLICT (id) DO UPDATE SET \(Self.columns.replaced)
      """)
  }

  /// Zeros before the first run was counted.
  func load() throws(SQLiteError) -> RunSums {
    try total.first { (row) throws(SQLiteError) in try row.runSums() } ?? RunSums()
  }

  func save(_ sums: RunSums) throws(SQLiteError) {
    upsert.bind(sums.count)
    upsert.bind(sums.costMicros)
    upsert.bind(sums.inputTokens)
    upsert.bind(sums.outputTokens)
    upsert.bind(sums.images)
    upsert.bind(sums.providerCostMicros)
    upsert.bind(sums.units.isEmpty ? nil : Packing.pack(sums.units))
    try upsert.run()
  }
}
