// Check 4 of prices: what a run cost is what the book said when it began, and its classes add up to it.
//
// Invariants:
// 1. Runs whose caller named the cost have no classes, nor have those from before there was a book.
// 2. The rows of the book are numbered without a gap, in the order of their commits.
// 3. A row that is of no class multiplies what a plan pays for any model.
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

  static let bookSQL = "SELECT id, \(PriceTable.columns) FROM price WHERE id > ?1 ORDER BY id LIMIT ?2"

  private let walk: RecordWalk<Price>
  private var lastPrice: Int64 = 0
  /// The last one that a price was seen to name.
  private(set) var lastCommit: Int64 = 0
  private let runs: Statement
  private let prices: PriceTable

  init(_ connection: Connection) throws(SQLiteError) {
    walk = try RecordWalk(
      connection, "price", Self.bookSQL, after: [.integer(Int64.min)], decode: PriceTable.price)
    runs = try connection.prepare(Self.runsSQL)
    prices = try PriceTable(connection)
  }

  /// Walks the next slice of the book.
  /// - Returns: whether there may be more.
  func book(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    try walk.slice(&tally) { (price, tally) in
      let name = "price \(price.id)"
      tally.expect(price.id == lastPrice + 1, "\(name): comes after price \(lastPrice)")
      tally.expect(
        price.unitClass != nil || !price.planId.isEmpty && price.model.isEmpty,
        "\(name): it is of no class, and of no plan or of one model")
      tally.expect(price.commitSequence >= lastCommit, "\(name): its commit is before the last one's")
      (lastPrice, lastCommit) = (price.id, max(lastCommit, price.commitSequence))
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
      var columns = runs.columns()
      let id = columns.int()
      last = id
      do throws(SQLiteError) {
        try runs.row { (row) throws(SQLiteError) in try compare(&row, book, &tally) }
      } catch {
        tally.add("run row \(id): \(error.message)")
      }
    }
    return last
  }

  private func compare(
    _ row: inout Columns, _ book: PriceBook, _ tally: inout VerifyTally
  ) throws(SQLiteError) {
    let (id, model, planId, version) = (row.int(), row.text(), row.optionalText(), row.int())
    let startedAtMicros = row.int()
    let (input, output, images) = (row.int(), row.int(), row.int())
    let others = try row.optionalBlob().map(Packing.units) ?? []
    let cost = row.int()
    guard let packed = row.optionalBlob() else { return }
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
  }
}
