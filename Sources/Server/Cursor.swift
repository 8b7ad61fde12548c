// Where the next page starts, as an opaque text.
//
//   16 hex digits   the sequence (or id) that the next page lies before; or, of rows that are ordered by
//                   more than one number, 16 for each of them
//   16 hex digits   the first 8 bytes of the digest of method and filter
//
// Invariants:
// 1. A cursor works only with the method and the filter that it came from; the page size may change.
// 2. Rows are never changed and new ones are newer, so a cursor is stable under writes.
//
// Values, owned by nobody.

internal import Core
internal import Messages

enum Cursor {
  /// - Parameter filter: the request with cursor and limit cleared.
  static func encode(before: Int64, method: String, filter: some Message) -> String {
    encode(before: [before], method: method, filter: filter)
  }

  /// - Parameter before: the numbers that rows are ordered by, none negative.
  static func encode(before: [Int64], method: String, filter: some Message) -> String {
    before.map { hex(UInt64(bitPattern: $0)) }.joined() + hex(fingerprint(method, filter))
  }

  /// - Returns: nil for the first page.
  /// - Throws: INVALID_CURSOR.
  static func decode(_ cursor: String, method: String, filter: some Message) throws(Refusal) -> Int64? {
    try decode(cursor, count: 1, method: method, filter: filter)?[0]
  }

  /// - Parameter count: of the numbers that rows are ordered by.
  /// - Returns: as many numbers; nil for the first page.
  /// - Throws: INVALID_CURSOR.
  static func decode(
    _ cursor: String, count: Int, method: String, filter: some Message
  ) throws(Refusal) -> [Int64]? {
    if cursor.isEmpty { return nil }
    var words: [UInt64] = []
    var rest = cursor.utf8[...]
    while !rest.isEmpty, let word = UInt64(String(rest.prefix(wordByteCount)) ?? "", radix: 16) {
      words.append(word)
      rest = rest.dropFirst(wordByteCount)
    }
    guard cursor.utf8.count == (count + 1) * wordByteCount, words.count == count + 1,
      words.last == fingerprint(method, filter)
    else { throw invalid }
    var numbers: [Int64] = []
    for word in words.dropLast() {
      guard let number = Int64(exactly: word) else { throw invalid }
      numbers.append(number)
    }
    return numbers
  }

  private static let wordByteCount = 16

  private static var invalid: Refusal {
    Refusal(.invalidCursor, "the cursor was not made by this method for this query")
  }

  private static func fingerprint(_ method: String, _ filter: some Message) -> UInt64 {
    RequestDigest.make(method: method, filter).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
