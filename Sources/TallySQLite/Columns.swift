// The columns of one row, read in the order in which the statement selects them.
//
// Invariants:
// 1. Each call takes the next column. `end` compares how many were taken with how many there are, in every
//    build, so that a column that was added to a statement and not to its reader is noticed at the first row.
// 2. It reads the row that its statement stands on: it is of no use after the statement's next step.
//
// A copy goes on by itself: it reads ahead of the one that it was made of.

@frozen public struct Columns {
  @usableFromInline let statement: Statement
  /// The number of the column that is read next, from 0.
  @usableFromInline var next: Int32 = 0

  @inlinable
  init(_ statement: Statement) { self.statement = statement }

  @inlinable
  mutating func take() -> Int32 {
    let column = next
    next += 1
    return column
  }

  /// Zero for NULL.
  @inlinable
  public mutating func int() -> Int64 { statement.int(take()) }

  @inlinable
  public mutating func optionalInt() -> Int64? { isNull ? skipped() : int() }

  /// Empty for NULL.
  @inlinable
  public mutating func text() -> String { statement.text(take()) }

  @inlinable
  public mutating func optionalText() -> String? { isNull ? skipped() : text() }

  /// Empty for NULL.
  @inlinable
  public mutating func blob() -> [UInt8] { statement.blob(take()) }

  @inlinable
  public mutating func optionalBlob() -> [UInt8]? { isNull ? skipped() : blob() }

  @inlinable
  public mutating func value() -> ColumnValue { statement.value(take()) }

  /// Whether the next column is NULL; it is not taken.
  @inlinable
  public var isNull: Bool { statement.isNull(next) }

  /// Takes columns without reading them.
  @inlinable
  public mutating func skip(_ count: Int = 1) { next += Int32(truncatingIfNeeded: count) }

  @inlinable
  mutating func skipped<Value>() -> Value? {
    next += 1
    return nil
  }

  /// Comes after the last column.
  /// - Throws: a defect when the row has more columns than were taken, or fewer; else what kept one of them
  ///   from being read.
  @inlinable
  public func end() throws(SQLiteError) {
    guard next == statement.columnCount else { throw statement.misread(next) }
    try statement.endRow()
  }
}
