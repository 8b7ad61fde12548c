// Where the next page starts, as an opaque text.
//
//   16 hex digits   the sequence (or id) that the next page lies before
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
    hex(UInt64(bitPattern: before)) + hex(fingerprint(method, filter))
  }

  /// - Returns: nil for the first page.
  /// - Throws: INVALID_CURSOR.
  static func decode(_ cursor: String, method: String, filter: some Message) throws(Refusal) -> Int64? {
    if cursor.isEmpty { return nil }
    guard cursor.utf8.count == 32, let before = UInt64(cursor.prefix(16), radix: 16), before <= Int64.max,
      let print = UInt64(cursor.suffix(16), radix: 16), print == fingerprint(method, filter)
    else { throw Refusal(.invalidCursor, "the cursor was not made by this method for this query") }
    return Int64(before)
  }

  private static func fingerprint(_ method: String, _ filter: some Message) -> UInt64 {
    RequestDigest.make(method: method, filter).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
