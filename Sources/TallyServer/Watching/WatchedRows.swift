// The rows that watchers have yet to be sent, encoded once for all of them.
//
// Invariants:
// 1. Rows have places that rise by one with each row that is kept, in the order of their sequences. What was
//    dropped was at the front.
//
// Owner: the thread that serves watchers.

internal import TallyCore
internal import TallyMessages

/// A row as part of a message: encoded messages that are put together are one message.
struct EncodedRow: Sendable {
  var sequence: Int64
  var bytes: [UInt8]

  private init(sequence: Int64, bytes: [UInt8]) { (self.sequence, self.bytes) = (sequence, bytes) }

  init(_ entry: Entry) {
    sequence = entry.sequence
    var response = TallystickV1.WatchTransactionsResponse()
    response.transactions = [TallystickV1.Transaction(entry)]
    bytes = response.encode()
  }

  init(_ event: AccountEvent) {
    sequence = event.id
    var response = TallystickV1.WatchEventsResponse()
    response.events = [TallystickV1.Event(event)]
    bytes = response.encode()
  }
}

extension EncodedRow {
  init(_ update: PageUpdate) {
    var response = TallystickV1.WatchPagesResponse()
    response.updates = [TallystickV1.PageUpdate(update)]
    self.init(sequence: update.number, bytes: response.encode())
  }
}

enum WatchMessage {
  /// Of a message, unless it has only one row, and unless the server's messages must be smaller. Large enough
  /// that sending it costs little a row, and so small that a client shows rows as they come.
  static let byteCount = 65_536
  /// Of `next_sequence`, at most.
  private static let endByteCount = 11

  /// The messages of events and of pages have the same fields, by their numbers.
  static func end(nextSequence: Int64) -> [UInt8] {
    var response = TallystickV1.WatchTransactionsResponse()
    response.nextSequence = nextSequence
    return response.encode()
  }

  /// How many of the first rows one message has; at least one.
  /// - Parameter limit: bytes of the message.
  static func count<Rows: Collection>(_ rows: Rows, atMost limit: Int) -> Int
  where Rows.Element == EncodedRow {
    var (count, byteCount) = (0, endByteCount)
    for row in rows {
      byteCount += row.bytes.count
      if count > 0 && byteCount > limit { break }
      count += 1
    }
    return count
  }

  static func make<Rows: Collection>(_ rows: Rows, nextSequence: Int64) -> [UInt8]
  where Rows.Element == EncodedRow {
    let end = end(nextSequence: nextSequence)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(rows.reduce(end.count) { $0 + $1.bytes.count })
    for row in rows { bytes.append(contentsOf: row.bytes) }
    bytes.append(contentsOf: end)
    return bytes
  }
}

struct WatchedRows {
  private var rows: [EncodedRow] = []
  /// Those at the front that are dropped, and still take up space.
  private var droppedCount = 0
  /// The place of `rows[0]`.
  private var base = 0
  private(set) var byteCount = 0

  var firstPlace: Int { base + droppedCount }
  var endPlace: Int { base + rows.count }
  var count: Int { rows.count - droppedCount }

  subscript(place: Int) -> EncodedRow { rows[place - base] }

  /// From a place that is kept to the end.
  func suffix(from place: Int) -> ArraySlice<EncodedRow> { rows[(place - base)...] }

  /// - Returns: its place.
  mutating func append(_ row: EncodedRow) -> Int {
    rows.append(row)
    byteCount += row.bytes.count
    return endPlace - 1
  }

  /// Drops rows at the front until no more are left than that.
  mutating func trim(rowCount: Int, byteCount limit: Int) {
    while count > rowCount || byteCount > limit {
      byteCount -= rows[droppedCount].bytes.count
      rows[droppedCount].bytes = []
      droppedCount += 1
    }
    guard droppedCount > 1_024, droppedCount > count else { return }
    rows.removeFirst(droppedCount)
    base += droppedCount
    droppedCount = 0
  }

  mutating func removeAll() {
    base = endPlace
    rows.removeAll(keepingCapacity: rows.count <= 4_096)
    droppedCount = 0
    byteCount = 0
  }
}
