// Check 4 of prices: what a run cost is what the book said when it began, and its classes add up to it.
//
// Invariants:
// 1. Runs whose caller named the cost have no classes, nor have those from before there was a book.
// 2. The rows of the book are numbered without a gap.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyPrices {
  static let runsSQL = """
    SELECT id, model, plan_id, price_version, started_at, input_tokens, output_tokens, images, units, cost,
      breakdown
    FROM run WHERE id > ?1 ORDER BY id LIMIT ?2
    """

  private let runs: Statement
  private let prices: PriceTable

  init(_ connection: Connection) throws(SQLiteError) {
    runs = try connection.prepare(Self.runsSQL)
    prices = try PriceTable(connection)
  }

  func compareBook(_ tally: inout VerifyTally) throws(SQLiteError) {
    var last: Int64 = 0
    for row in try prices.book().rows {
      tally.examined += 1
      tally.expect(row.id == last + 1, "price \(row.id): comes after price \(last)")
      last = row.id
    }
  }

  /// Compares the next slice of runs with the book.
  /// - Returns: the last run; nil when there is none.
  func compare(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    let book = try prices.book()
    runs.bind(id)
    runs.bind(VerifyReader.sliceRows)
    defer { runs.reset() }
    var last: Int64?
    while try runs.step() {
      last = try runs.row { (row) throws(SQLiteError) in try compare(&row, book, &tally) }
    }
    return last
  }

  /// - Returns: the run.
  private func compare(
    _ row: inout Columns, _ book: PriceBook, _ tally: inout VerifyTally
  ) throws(SQLiteError) -> Int64 {
    let (id, model, planId, version) = (row.int(), row.text(), row.optionalText(), row.int())
    let startedAtMicros = row.int()
    let (input, output, images) = (row.int(), row.int(), row.int())
    let others = try row.optionalBlob().map(Packing.units) ?? []
    let cost = row.int()
    guard let packed = row.optionalBlob() else { return id }
    tally.examined += 1
    let stored = RunCost(micros: cost, breakdown: try Packing.breakdown(packed))
    let pricing = RunPricing(
      book, planId: planId, version: version, atMicros: startedAtMicros)
    let units = [UnitCount](input: input, output: output, images: images, others: others)
    do throws(Refusal) {
      let priced = try pricing.cost(of: units, model: model)
      tally.expect(
        stored == priced, "run row \(id): cost \(cost) by its classes, the book says \(priced.micros)")
    } catch {
      tally.add("run row \(id): cost \(cost) by its classes, the book has no price for them")
    }
    return id
  }
}
