// A cursor says where the next page of a list starts, in a text that clients do not interpret:
//
//   16 hex digits   the number (sequence or id) of the last row of this page; 16 for each number where rows
//                   are ordered by several; two for each byte where they are ordered by a text
//   16 hex digits   the first 8 bytes of the digest of method and filter
//
// Invariants:
// 1. A cursor works only with the method and the filter that it came from; the page size may change.
// 2. Rows are never changed and new ones are newer, so a cursor is stable under writes.

internal import TallyCore
internal import TallyMessages

/// A list's parsed request: the filter for the engine, and the request that the next page's cursor is bound
/// to.
struct ListQuery<Request: PagedRequest, Filter: Sendable>: Sendable {
  var request: Request
  var filter: Filter

  init(_ request: Request, _ filter: Filter) {
    (self.request, self.filter) = (request, filter)
  }
}

enum Cursor {
  /// - Parameter before: the number that rows are ordered by, not negative.
  static func encode<Request: PagedRequest, Response>(
    before: Int64, _ rpc: RPC<Request, Response>, _ request: Request
  ) -> String {
    encode(before: [before], rpc, request)
  }

  /// - Parameter before: the numbers that rows are ordered by, none negative.
  static func encode<Request: PagedRequest, Response>(
    before: [Int64], _ rpc: RPC<Request, Response>, _ request: Request
  ) -> String {
    before.map { hex(UInt64(bitPattern: $0)) }.joined() + hex(fingerprint(rpc, request))
  }

  /// - Returns: nil for the first page.
  /// - Throws: INVALID_CURSOR.
  static func decode<Request: PagedRequest, Response>(
    _ rpc: RPC<Request, Response>, _ request: Request
  ) throws(Refusal) -> Int64? {
    try decode(rpc, request, count: 1)?[0]
  }

  /// - Parameter count: of the numbers that rows are ordered by.
  /// - Returns: as many numbers; nil for the first page.
  /// - Throws: INVALID_CURSOR.
  static func decode<Request: PagedRequest, Response>(
    _ rpc: RPC<Request, Response>, _ request: Request, count: Int
  ) throws(Refusal) -> [Int64]? {
    let cursor = request.cursor
    if cursor.isEmpty { return nil }
    guard cursor.utf8.count == (count + 1) * wordByteCount else { throw invalid }
    var words: [UInt64] = []
    var rest = cursor.utf8[...]
    while !rest.isEmpty, let word = UInt64(String(rest.prefix(wordByteCount)) ?? "", radix: 16) {
      words.append(word)
      rest = rest.dropFirst(wordByteCount)
    }
    guard words.count == count + 1, words.last == fingerprint(rpc, request) else { throw invalid }
    var numbers: [Int64] = []
    for word in words.dropLast() {
      guard let number = Int64(exactly: word) else { throw invalid }
      numbers.append(number)
    }
    return numbers
  }

  /// - Parameter after: the text that rows are ordered by.
  static func encode<Request: PagedRequest, Response>(
    after text: String, _ rpc: RPC<Request, Response>, _ request: Request
  ) -> String {
    text.utf8.reduce(into: "") { $0 += String($1 >> 4, radix: 16) + String($1 & 15, radix: 16) }
      + hex(fingerprint(rpc, request))
  }

  /// - Returns: nil for the first page.
  /// - Throws: INVALID_CURSOR.
  static func decodeText<Request: PagedRequest, Response>(
    _ rpc: RPC<Request, Response>, _ request: Request
  ) throws(Refusal) -> String? {
    let cursor = request.cursor
    if cursor.isEmpty { return nil }
    let digits = cursor.utf8.map { character -> UInt8? in
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
      default: nil
      }
    }
    let text = digits.dropLast(wordByteCount)
    guard !text.isEmpty, text.count % 2 == 0, cursor.hasSuffix(hex(fingerprint(rpc, request))) else {
      throw invalid
    }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: text.count, by: 2) {
      guard let high = text[place], let low = text[place + 1] else { throw invalid }
      bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else { throw invalid }
    return decoded
  }

  private static let wordByteCount = 16

  private static var invalid: Refusal {
    Refusal(.invalidCursor, "the cursor was not made by this method for this query")
  }

  private static func fingerprint<Request: PagedRequest, Response>(
    _ rpc: RPC<Request, Response>, _ request: Request
  ) -> UInt64 {
    var filter = request
    filter.cursor = ""
    filter.limit = 0
    return RequestDigest.make(method: rpc.name, filter).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
