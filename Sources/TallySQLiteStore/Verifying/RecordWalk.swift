// A table read in the order of its key, in slices that are one snapshot each.
//
// Invariants:
// 1. A row that makes no sense is a finding that names it, and the walk goes on behind it.
// 2. One row is in memory at a time.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

/// Of whatever table.
protocol SliceWalk: AnyObject {
  /// - Returns: whether there may be more.
  func slice(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool
}

final class RecordWalk<Record>: SliceWalk {
  typealias Law = (Record, inout VerifyTally) -> Void
  typealias Decode = (inout Columns) throws(SQLiteError) -> Record

  private let name: String
  private let statement: Statement
  private let sliceRows: Int64
  private let decode: Decode
  private let law: Law
  /// The key of the last row that was read.
  private var place: [ColumnValue]

  /// - Parameters:
  ///   - name: of a row, to stand before its key.
  ///   - sql: selects the key, then what `decode` takes, of rows behind a key; its parameters are that key,
  ///     then how many rows.
  ///   - start: lies before every key.
  ///   - law: what a row has to keep.
  init(
    _ connection: Connection, _ name: String, _ sql: String, after start: [ColumnValue] = [.integer(0)],
    sliceRows: Int64 = VerifyReader.sliceRows, law: @escaping Law = { _, _ in }, decode: @escaping Decode
  ) throws(SQLiteError) {
    (self.name, self.sliceRows, place) = (name, sliceRows, start)
    (self.law, self.decode) = (law, decode)
    statement = try connection.prepare(sql)
  }

  func slice(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool { try slice(&tally, law) }

  /// - Returns: whether there may be more.
  func slice(
    _ tally: inout VerifyTally, _ body: (Record, inout VerifyTally) -> Void
  ) throws(SQLiteError) -> Bool {
    for value in place { statement.bind(value) }
    statement.bind(sliceRows)
    defer { statement.reset() }
    var count: Int64 = 0
    while try statement.step() {
      count += 1
      tally.examined += 1
      var key = statement.columns()
      place = place.map { _ in key.value() }
      do throws(SQLiteError) {
        let record = try statement.row { (row) throws(SQLiteError) in
          row.skip(place.count)
          return try decode(&row)
        }
        body(record, &tally)
      } catch {
        tally.add("\(name) \(place.map(Self.text).joined(separator: ", ")): \(error.message)")
      }
    }
    return count == sliceRows
  }

  private static func text(_ value: ColumnValue) -> String {
    switch value {
    case .integer(let number): "\(number)"
    case .text(let bytes): "'\(String(decoding: bytes, as: UTF8.self))'"
    case .blob, .null: "?"
    }
  }
}
