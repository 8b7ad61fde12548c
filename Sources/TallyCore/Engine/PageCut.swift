// Where a list of rows that differ in size is cut.

/// Cuts a walk into pages: at a number of rows or of bytes, whichever comes first, but never empty.
package struct PageCut<Row: Sendable> {
  private let limit: Int
  private let maximumByteCount: Int
  private var rows: [Row] = []
  private var byteCount = 0
  private var last: Int64 = 0
  private var hasMore = false

  package init(limit: Int, maximumByteCount: Int) {
    self.limit = limit
    self.maximumByteCount = maximumByteCount
  }

  /// - Parameter number: that the walk goes down by.
  /// - Returns: false when the row belongs to the next page.
  package mutating func add(_ row: Row, number: Int64, byteCount: Int) -> Bool {
    self.byteCount += byteCount
    if rows.count == limit || (self.byteCount > maximumByteCount && !rows.isEmpty) {
      hasMore = true
      return false
    }
    rows.append(row)
    last = number
    return true
  }

  package var page: Page<Row> { Page(rows: rows, nextBefore: hasMore ? last : nil) }
}
