// The book of prices, written and read.
//
// Invariants:
// 1. Rows are appended only.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PriceTable {
  static let columns = ColumnList(
    "id", "plan_id", "model", "class", "micros_per_million", "effective_from", "put_at", "commit_sequence")
  static let allSQL = "SELECT \(columns) FROM price ORDER BY id"

  private let all: Statement
  private let insert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    all = try connection.prepare(Self.allSQL)
    insert = try connection.prepare("INSERT INTO price(\(Self.columns)) VALUES (\(Self.columns.parameters))")
  }

  func book() throws(SQLiteError) -> PriceBook {
    var book = PriceBook()
    for price in try all.all(Self.price) { book.append(price) }
    return book
  }

  /// Takes `columns`.
  static func price(_ row: inout Columns) throws(SQLiteError) -> Price {
    let (id, planId, model, number) = (row.int(), row.text(), row.text(), row.int32())
    let unitClass = UnitClass(rawValue: number)
    guard unitClass != nil || number == 0 else { throw .malformed("class of price \(id)") }
    var price = Price(
      planId: planId, model: model, unitClass: unitClass, micros: row.optionalInt(),
      effectiveFromMicros: row.int())
    guard price.micros ?? 0 >= 0 else { throw .malformed("price \(id)") }
    price.id = id
    price.putAtMicros = row.int()
    price.commitSequence = row.int()
    return price
  }

  func append(_ price: Price) throws(SQLiteError) {
    insert.bind(price.id)
    insert.bind(price.planId)
    insert.bind(price.model)
    insert.bind(Int64(price.unitClass?.rawValue ?? 0))
    insert.bind(price.micros)
    insert.bind(price.effectiveFromMicros)
    insert.bind(price.putAtMicros)
    insert.bind(price.commitSequence)
    try insert.run()
  }
}
